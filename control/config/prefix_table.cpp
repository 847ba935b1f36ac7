#include "control/config/prefix_table.h"

#include <algorithm>
#include <numeric>

namespace sallyport::config {
namespace {

// 0 is the end of the number: no character has it.
NumberKey nibble(char c) {
    if (c >= '0' && c <= '9') return static_cast<NumberKey>(c - '0') + 1;
    switch (c) {
        case '+': return 11;
        case '*': return 12;
        case '#': return 13;
        default: return 0;
    }
}

NumberKey first_characters(NumberKey key, std::size_t count) {
    return count == 0 ? 0 : key & ~NumberKey{0} << 4 * (number_key_characters - count);
}

}  // namespace

std::optional<NumberKey> number_key(std::string_view text) {
    if (text.size() > number_key_characters) return std::nullopt;
    NumberKey key = 0;
    std::size_t shift = 4 * number_key_characters;
    for (const char c : text) {
        const NumberKey bits = nibble(c);
        if (bits == 0) return std::nullopt;
        key |= bits << (shift -= 4);
    }
    return key;
}

bool PrefixTable::add(std::string_view prefix, std::uint32_t value) {
    const auto key = number_key(prefix);
    if (!key) return false;
    keys_.push_back(*key);
    values_.push_back(value);
    lengths_ |= 1u << prefix.size();
    return true;
}

void PrefixTable::build() {
    std::vector<std::uint32_t> order(keys_.size());
    std::iota(order.begin(), order.end(), 0u);
    std::sort(order.begin(), order.end(),
              [this](std::uint32_t a, std::uint32_t b) { return keys_[a] != keys_[b] ? keys_[a] < keys_[b] : a < b; });
    std::vector<NumberKey> keys;
    std::vector<std::uint32_t> values;
    keys.reserve(order.size());
    values.reserve(order.size());
    for (const auto i : order) {
        if (!keys.empty() && keys.back() == keys_[i]) continue;
        keys.push_back(keys_[i]);
        values.push_back(values_[i]);
    }
    keys_ = std::move(keys);
    values_ = std::move(values);
}

void PrefixTable::clear() { *this = {}; }

std::optional<std::uint32_t> PrefixTable::at(NumberKey key) const {
    const auto found = std::lower_bound(keys_.begin(), keys_.end(), key);
    if (found == keys_.end() || *found != key) return std::nullopt;
    return values_[static_cast<std::size_t>(found - keys_.begin())];
}

std::optional<std::uint32_t> PrefixTable::find(std::string_view number) const {
    // What no number has ends it: the prefix of all numbers is that of anything.
    number =
        number.substr(0, std::min({number.size(), number_key_characters, number.find_first_not_of("+0123456789*#")}));
    const auto key = number_key(number);
    for (std::size_t length = number.size() + 1; length-- > 0;)
        if ((lengths_ >> length & 1u) != 0)
            if (const auto value = at(first_characters(*key, length))) return value;
    return std::nullopt;
}

std::optional<std::uint32_t> PrefixTable::find_exactly(std::string_view number) const {
    const auto key = number_key(number);
    return key ? at(*key) : std::nullopt;
}

std::size_t PrefixTable::bytes() const {
    return keys_.capacity() * sizeof(NumberKey) + values_.capacity() * sizeof(std::uint32_t);
}

}  // namespace sallyport::config
