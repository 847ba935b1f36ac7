// The longest prefix of a number among millions: 12 octets each, one binary search for every length in use. Knows no
// route; a prefix stands for a small number of the caller's.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace sallyport::config {

// "+" and up to 15 digits, or a dial string of up to 16: four bits a character, left-aligned, so that a prefix of the
// text is a prefix of the key and the order of keys of one length is that of the texts.
using NumberKey = std::uint64_t;
inline constexpr std::size_t number_key_characters = 16;
std::optional<NumberKey> number_key(std::string_view text);  // nothing: longer, or other characters than + 0-9 * #

class PrefixTable {
public:
    // False: no prefix (see number_key). Call build() after the last one.
    bool add(std::string_view prefix, std::uint32_t value);
    void build();
    void clear();
    // The value of the longest prefix of `number`; of equal ones the first that was added.
    std::optional<std::uint32_t> find(std::string_view number) const;
    std::optional<std::uint32_t> find_exactly(std::string_view number) const;
    std::size_t size() const { return keys_.size(); }
    std::size_t bytes() const;  // that it holds of the heap

private:
    std::optional<std::uint32_t> at(NumberKey key) const;

    std::vector<NumberKey> keys_;  // sorted
    std::vector<std::uint32_t> values_;
    std::uint32_t lengths_ = 0;  // bit n: there are prefixes of n characters
};

}  // namespace sallyport::config
