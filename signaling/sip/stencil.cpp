#include "signaling/sip/stencil.h"

#include <algorithm>

#include "signaling/sip/limits.h"
#include "signaling/sip/scan.h"

namespace sallyport::sip {
namespace {

constexpr std::size_t most_in_hole = 256;

// The characters that a hole may hold: of what stands between quotes the part that needs none.
int class_of(HoleName name) {
    switch (name) {
        case HoleName::cseq: return scan::digit;
        case HoleName::nonce_count:
        case HoleName::response: return scan::hex;
        case HoleName::date: return scan::visible | scan::lws;
        case HoleName::branch:
        case HoleName::from_tag:
        case HoleName::to_tag:
        case HoleName::nonce:
        case HoleName::cnonce:
        case HoleName::none: return scan::token;
    }
    return scan::token;
}

// RFC 3261 8.1.1.5: less than 2^31, which nine digits always are. RFC 7616 3.4: eight digits.
bool is_good(HoleName name, std::string_view value) {
    if (value.empty() || value.size() > most_in_hole) return false;
    if (name == HoleName::cseq) return value.size() <= 9 && value.front() != '0';
    return name != HoleName::nonce_count || value.size() == 8;
}

}  // namespace

std::optional<Stencil> Stencil::cut(std::string_view text, std::vector<Hole> holes) {
    if (text.size() > limits::message_bytes) return std::nullopt;
    std::sort(holes.begin(), holes.end(), [](const Hole& a, const Hole& b) { return a.value.data() < b.value.data(); });
    Stencil out;
    out.text_ = text;
    std::size_t before = 0;
    for (const auto& [name, value] : holes) {
        const bool inside = name != HoleName::none && value.data() >= text.data() &&
                            value.data() + value.size() < text.data() + text.size();
        if (!inside || !is_good(name, value) || !scan::all(value, class_of(name))) return std::nullopt;
        const auto at = static_cast<std::size_t>(value.data() - text.data());
        const std::size_t end = at + value.size();
        if ((at <= before && before != 0) || scan::is(text[end], class_of(name))) return std::nullopt;
        out.places_.push_back({name, static_cast<std::uint16_t>(at), static_cast<std::uint16_t>(value.size())});
        before = end;
    }
    return out;
}

bool Stencil::read(std::string_view text, HoleValues& values) const {
    if (text.size() > limits::message_bytes) return false;
    values = {};
    std::string_view literal = text_;
    std::size_t done = 0;
    for (const Place& place : places_) {
        const std::size_t size = place.at - done;
        if (text.substr(0, size) != literal.substr(0, size)) return false;
        text.remove_prefix(size);
        const char* const end = scan::skip(text.data(), text.data() + text.size(), class_of(place.name));
        const std::string_view value = text.substr(0, static_cast<std::size_t>(end - text.data()));
        std::string_view& known = values[place.name];
        if (!is_good(place.name, value) || (!known.empty() && known != value)) return false;
        known = value;
        text.remove_prefix(value.size());
        literal.remove_prefix(size + place.size);
        done = place.at + place.size;
    }
    return text == literal;
}

std::string Stencil::write(const HoleValues& values) const {
    std::string out;
    std::size_t size = text_.size(), done = 0;
    for (const Place& place : places_) size += values[place.name].size();
    out.reserve(size);
    for (const Place& place : places_) {
        out.append(text_, done, place.at - done).append(values[place.name]);
        done = place.at + place.size;
    }
    return out.append(text_, done);
}

}  // namespace sallyport::sip
