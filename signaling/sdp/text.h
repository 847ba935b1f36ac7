// Cutting SDP lines into words and numbers (RFC 8866 9). Private to the room.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

namespace sallyport::sdp {

constexpr char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c; }
inline bool is_blank(char c) { return c == ' ' || c == '\t'; }
std::string_view trimmed(std::string_view text);          // no blanks at either end
std::string_view take_last_word(std::string_view& text);  // the last one likewise

// The first word, cut off `text`; empty: none is left. Most are read where sixteen bytes still follow.
inline std::string_view take_word(std::string_view& text) {
    const char* at = text.data();
    const char* const end = at + text.size();
    while (at != end && is_blank(*at)) ++at;
    const char* const from = at;
#ifdef __SSE2__
    for (; end - at >= 16; at += 16) {
        const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(at));
        const __m128i blanks =
            _mm_or_si128(_mm_cmpeq_epi8(bytes, _mm_set1_epi8(' ')), _mm_cmpeq_epi8(bytes, _mm_set1_epi8('\t')));
        if (const int mask = _mm_movemask_epi8(blanks); mask != 0) {
            at += std::countr_zero(static_cast<unsigned>(mask));
            break;
        }
    }
#endif
    while (at != end && !is_blank(*at)) ++at;
    text = {at, static_cast<std::size_t>(end - at)};
    return {from, static_cast<std::size_t>(at - from)};
}

// Words between runs of spaces, at most `limit`; the last one then holds the rest of the line.
std::vector<std::string_view> words(std::string_view text, std::size_t limit = static_cast<std::size_t>(-1));
inline std::optional<std::uint32_t> number(std::string_view digits, std::uint32_t bound = 0xffff'ffff) {
    if (digits.empty()) return std::nullopt;
    std::uint64_t n = 0;
    for (const char c : digits) {  // no sign, no space
        const auto digit = static_cast<unsigned>(c - '0');
        if (digit > 9) return std::nullopt;
        n = n * 10 + digit;
        if (n > bound) return std::nullopt;
    }
    return static_cast<std::uint32_t>(n);
}
inline bool same_name(std::string_view a, std::string_view b) {  // any case
    return a.size() == b.size() &&
           std::equal(a.begin(), a.end(), b.begin(), [](char x, char y) { return lower(x) == lower(y); });
}
constexpr std::array<bool, 256> make_token_characters() {
    std::array<bool, 256> table{};
    for (unsigned c = '0'; c <= '9'; ++c) table[c] = true;
    for (unsigned c = 'a'; c <= 'z'; ++c) table[c] = table[c - 'a' + 'A'] = true;
    for (const char c : std::string_view("!#$%&'*+-.^_`{|}~")) table[static_cast<unsigned char>(c)] = true;
    return table;
}
inline constexpr auto token_characters = make_token_characters();
inline std::size_t token_size(std::string_view text) {  // of the token that it begins with; 0: none
    std::size_t i = 0;
    while (i < text.size() && token_characters[static_cast<unsigned char>(text[i])]) ++i;
    return i;
}
inline bool is_token(std::string_view text) { return !text.empty() && token_size(text) == text.size(); }

}  // namespace sallyport::sdp
