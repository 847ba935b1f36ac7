// Where lines of text protocols end. Sixteen bytes at a time: SIP and SDP are read line by line, and a call of memchr
// for each costs more than the line.
#pragma once

#include <bit>
#include <cstddef>
#include <string_view>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

namespace sallyport {

// The first LF, CR or NUL from `from` on; the size of `text` if there is none.
[[gnu::always_inline]] inline std::size_t find_line_control(std::string_view text, std::size_t from) {
    const auto is_control = [](char c) { return c == '\n' || c == '\r' || c == '\0'; };
#ifdef __SSE2__
    // The few other characters up to CR, such as HT, are looked at one by one.
    const __m128i highest = _mm_set1_epi8('\r');
    while (from + 16 <= text.size()) {
        const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(text.data() + from));
        const int mask = _mm_movemask_epi8(_mm_cmpeq_epi8(_mm_min_epu8(bytes, highest), bytes));
        if (mask == 0) {
            from += 16;
            continue;
        }
        from += static_cast<std::size_t>(std::countr_zero(static_cast<unsigned>(mask)));
        if (is_control(text[from])) return from;
        ++from;
    }
#endif
    while (from < text.size() && !is_control(text[from])) ++from;
    return from;
}

}  // namespace sallyport
