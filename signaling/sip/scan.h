// Character classes of RFC 3261 25.1 and a cursor over text: what the pure parsers of this room are made of. Private to
// the room. Knows no header and allocates only where an escaped quoted string forces it to.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <optional>
#include <string>
#include <string_view>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

namespace sallyport::sip::scan {

enum CharClass : std::uint16_t {
    token = 1,  // RFC 3261 25.1 token
    digit = 2,
    alpha = 4,
    hex = 8,
    host = 16,      // host names; "_" is no letter of RFC 1123 but of many products
    value = 32,     // an unquoted parameter value: all that is visible and delimits nothing
    uri = 64,       // visible and not one of < > "
    lws = 128,      // SP and HT; line ends are gone before these parsers run
    plain = 256,    // of uri, what needs no second look in any part of a URI
    visible = 512,  // neither white space nor control
    edge = 1024,    // what is trimmed off a field's value as received: lws and line ends
    listed = 2048,  // what ends or hides no element of a list
    name = 4096,    // of plain, what needs no second look in a user part without a password
    key = 8192,     // of plain, likewise in the name of a parameter of a URI
};

constexpr std::array<std::uint16_t, 256> make_classes() {
    std::array<std::uint16_t, 256> table{};
    for (unsigned c = 0; c < 256; ++c) {
        const bool is_digit = c >= '0' && c <= '9';
        const bool is_alpha = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        const bool visible_char = c > 0x20 && c != 0x7f;
        std::uint16_t bits = 0;
        if (is_digit) bits |= digit | hex;
        if (is_alpha) bits |= alpha;
        if ((c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F')) bits |= hex;
        if (is_digit || is_alpha) bits |= token | host;
        if (visible_char && c != '"' && c != '<' && c != '>') bits |= uri | plain;
        if (visible_char && c != '"' && c != '<' && c != '>' && c != ';' && c != ',') bits |= value;
        if (visible_char) bits |= visible;
        if (c == ' ' || c == '\t') bits |= lws | edge;
        if (c == '\r' || c == '\n') bits |= edge;
        table[c] = bits;
    }
    for (unsigned c = 0; c < 256; ++c)
        if (c != ',' && c != '"' && c != '<') table[c] |= listed;
    for (const char c : std::string_view("-.!%*_+`'~")) table[static_cast<unsigned char>(c)] |= token;
    for (const char c : std::string_view("-._")) table[static_cast<unsigned char>(c)] |= host;
    for (const char c : std::string_view("%@?;"))
        table[static_cast<unsigned char>(c)] &= static_cast<std::uint16_t>(~plain);
    for (unsigned c = 0; c < 256; ++c) {
        if ((table[c] & plain) != 0 && c != ':') table[c] |= name;
        if ((table[c] & plain) != 0 && c != '=') table[c] |= key;
    }
    return table;
}
inline constexpr std::array<std::uint16_t, 256> classes = make_classes();

constexpr bool is(char c, int mask) { return (classes[static_cast<unsigned char>(c)] & mask) != 0; }
constexpr char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c; }
constexpr char upper(char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c & ~0x20) : c; }
// Where the first character from `at` on stands that is not of `mask`. Four at a time: most of a message is read so.
constexpr const char* skip(const char* at, const char* end, int mask) {
    for (; end - at >= 4; at += 4) {
        if (!is(at[0], mask)) return at;
        if (!is(at[1], mask)) return at + 1;
        if (!is(at[2], mask)) return at + 2;
        if (!is(at[3], mask)) return at + 3;
    }
    while (at != end && is(*at, mask)) ++at;
    return at;
}
constexpr bool all(std::string_view text, int mask) {
    const char* const end = text.data() + text.size();
    return skip(text.data(), end, mask) == end;
}
inline std::string lowered(std::string_view text) {
    std::string out(text);
    for (char& c : out) c = lower(c);
    return out;
}
constexpr std::string_view trim(std::string_view text) {
    while (!text.empty() && is(text.front(), lws)) text.remove_prefix(1);
    while (!text.empty() && is(text.back(), lws)) text.remove_suffix(1);
    return text;
}
// What stands inside a quoted string, without its escapes (RFC 3261 25.1 quoted-pair).
inline std::string unquoted(std::string_view inside) {
    if (inside.find('\\') == std::string_view::npos) return std::string(inside);
    std::string out;
    out.reserve(inside.size());
    for (std::size_t i = 0; i < inside.size(); ++i) {
        if (inside[i] == '\\' && i + 1 < inside.size()) ++i;
        out.push_back(inside[i]);
    }
    return out;
}
constexpr int hex_digit(char c) { return is(c, digit) ? c - '0' : is(c, hex) ? lower(c) - 'a' + 10 : -1; }
// Every "%" is followed by two hex digits.
constexpr bool escapes_are_whole(std::string_view text) {
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] != '%') continue;
        if (text.size() - i < 3 || !is(text[i + 1], hex) || !is(text[i + 2], hex)) return false;
        i += 2;
    }
    return true;
}
// One pass: what may stand in a URI and is none of `delimiters` (of "@?;" any), with whole escapes.
constexpr bool is_uri_text(std::string_view text, std::string_view delimiters = {}) {
    const char* const end = text.data() + text.size();
    for (const char* at = skip(text.data(), end, plain); at != end; at = skip(at + 1, end, plain)) {
        if (!is(*at, uri)) return false;
        for (const char delimiter : delimiters)
            if (*at == delimiter) return false;
        if (*at != '%') continue;
        if (end - at < 3 || !is(at[1], hex) || !is(at[2], hex)) return false;
        at += 2;
    }
    return true;
}
// Digits only, at least one, no sign, not above `bound`.
template <class T>
constexpr std::optional<T> number(std::string_view text, T bound = std::numeric_limits<T>::max()) {
    if (text.empty()) return std::nullopt;
    std::uint64_t n = 0;
    for (const char c : text) {
        if (!is(c, digit)) return std::nullopt;
        n = n * 10 + static_cast<unsigned>(c - '0');
        if (n > bound) return std::nullopt;
    }
    return static_cast<T>(n);
}

// Behind the quote that ends the quoted string whose inside begins at `at`; `end`, if none does.
inline const char* behind_quoted(const char* at, const char* end) {
    for (;;) {
        const void* found = std::memchr(at, '"', static_cast<std::size_t>(end - at));
        if (found == nullptr) return end;
        const char* const quote = static_cast<const char*>(found);
        const void* escape = std::memchr(at, '\\', static_cast<std::size_t>(quote - at));
        if (escape == nullptr) return quote + 1;
        at = static_cast<const char*>(escape) + 2;  // what is escaped ends nothing
        if (at > end) return end;
    }
}

// As skip() past what is listed. Elements are often long, or followed by others.
inline const char* skip_listed(const char* at, const char* end) {
#ifdef __SSE2__
    for (; end - at >= 16; at += 16) {
        const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(at));
        const __m128i found = _mm_or_si128(
            _mm_cmpeq_epi8(bytes, _mm_set1_epi8(',')),
            _mm_or_si128(_mm_cmpeq_epi8(bytes, _mm_set1_epi8('"')), _mm_cmpeq_epi8(bytes, _mm_set1_epi8('<'))));
        if (const int mask = _mm_movemask_epi8(found); mask != 0)
            return at + std::countr_zero(static_cast<unsigned>(mask));
    }
#endif
    return skip(at, end, listed);
}

// Up to the first comma outside quotes and < >, trimmed; it and the comma are gone from `rest`. A URI holds no quotes:
// in < > they open nothing. What is opened and never closed hides all commas behind it.
inline std::string_view take_element(std::string_view& rest) {
    const char* const begin = rest.data();
    const char* const end = begin + rest.size();
    const char* at = skip_listed(begin, end);
    while (at != end && *at != ',') {
        if (*at == '<') {
            const void* close = std::memchr(at, '>', static_cast<std::size_t>(end - at));
            at = close == nullptr ? end : static_cast<const char*>(close) + 1;
        } else {
            at = behind_quoted(at + 1, end);
        }
        at = skip_listed(at, end);
    }
    rest = at == end ? std::string_view() : std::string_view(at + 1, static_cast<std::size_t>(end - at - 1));
    return trim({begin, static_cast<std::size_t>(at - begin)});
}

class Cursor {
public:
    explicit Cursor(std::string_view text) : at_(text.data()), end_(text.data() + text.size()) {}
    bool at_end() const { return at_ == end_; }
    bool next_is(char c) const { return at_ != end_ && *at_ == c; }
    bool take(char c) { return next_is(c) ? (++at_, true) : false; }
    void skip_lws() {
        while (at_ != end_ && is(*at_, lws)) ++at_;
    }
    std::string_view take_while(int mask) {
        const char* from = at_;
        at_ = scan::skip(at_, end_, mask);
        return {from, static_cast<std::size_t>(at_ - from)};
    }
    // Up to, not including, the first `stop`; nothing and no move if there is none.
    std::optional<std::string_view> take_until(char stop) {
        const void* found = at_ == end_ ? nullptr : std::memchr(at_, stop, static_cast<std::size_t>(end_ - at_));
        if (found == nullptr) return std::nullopt;
        const char* from = at_;
        at_ = static_cast<const char*>(found);
        return std::string_view(from, static_cast<std::size_t>(at_ - from));
    }
    std::string_view rest() const { return {at_, static_cast<std::size_t>(end_ - at_)}; }
    void skip(std::size_t n) { at_ += n; }

    // A quoted string from its opening quote on; the text inside, escapes kept. Nothing if it never ends.
    std::optional<std::string_view> take_quoted() {
        if (!take('"')) return std::nullopt;
        const char* from = at_;
        const auto inside = take_until('"');
        if (!inside) return std::nullopt;
        if (inside->find('\\') != std::string_view::npos) {  // the quote may be an escaped one
            for (at_ = from; at_ != end_ && *at_ != '"'; ++at_)
                if (*at_ == '\\' && ++at_ == end_) return std::nullopt;
        }
        if (!take('"')) return std::nullopt;
        return std::string_view(from, static_cast<std::size_t>(at_ - from - 1));
    }

private:
    const char* at_;
    const char* end_;
};

}  // namespace sallyport::sip::scan
