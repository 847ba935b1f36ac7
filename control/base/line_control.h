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
    const __m128i lf = _mm_set1_epi8('\n'), cr = _mm_set1_epi8('\r');
    for (; from + 16 <= text.size(); from += 16) {
        const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(text.data() + from));
        const __m128i found = _mm_or_si128(_mm_or_si128(_mm_cmpeq_epi8(bytes, lf), _mm_cmpeq_epi8(bytes, cr)),
                                           _mm_cmpeq_epi8(bytes, _mm_setzero_si128()));
        if (const int mask = _mm_movemask_epi8(found); mask != 0)
            return from + static_cast<std::size_t>(std::countr_zero(static_cast<unsigned>(mask)));
    }
#endif
    while (from < text.size() && !is_control(text[from])) ++from;
    return from;
}

}  // namespace sallyport
