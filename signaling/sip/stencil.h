// A message that comes again with other values in a few places: a PBX that refreshes its registration says the same but
// for branch, tag, CSeq and what proves it. The text of one such message with holes tells whether another is of its
// kind, without parsing it, and writes answers of one kind. What a hole may hold delimits nothing, so a text that fits
// parses as the first one did, with these values in these places.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sallyport::sip {

// What stands in the holes.
enum class HoleName : std::uint8_t { branch, from_tag, to_tag, cseq, nonce, nonce_count, cnonce, response, date, none };
inline constexpr std::size_t hole_names = static_cast<std::size_t>(HoleName::none);

class HoleValues {
public:
    std::string_view& operator[](HoleName name) { return values_[static_cast<std::size_t>(name)]; }
    std::string_view operator[](HoleName name) const { return values_[static_cast<std::size_t>(name)]; }

private:
    std::array<std::string_view, hole_names> values_;
};

class Stencil {
public:
    struct Hole {
        HoleName name = HoleName::none;
        std::string_view value;  // where it stands in the text
    };
    // Nothing if a hole is empty, lies outside of the text, holds what it may not, touches the next one, or does not
    // end where its kind of value must. `holes`: in any order; one name may stand in several.
    static std::optional<Stencil> cut(std::string_view text, std::vector<Hole> holes);

    // Whether this is the text with other values in the holes; then these, where they stand in `text`. Where a name has
    // several holes they must hold the same.
    bool read(std::string_view text, HoleValues& values) const;
    std::string write(const HoleValues& values) const;
    std::string_view text() const { return text_; }  // the one that it was cut from

private:
    struct Place {
        HoleName name;
        std::uint16_t at, size;
    };
    std::string text_;
    std::vector<Place> places_;  // in order
};

}  // namespace sallyport::sip
