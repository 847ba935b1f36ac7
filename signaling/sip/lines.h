// Header lines as both the parser and the framer see them: they must never disagree about where a header ends or what
// its Content-Length is, or one message could be smuggled inside another. A line ends with LF, with or without CR
// before it (RFC 3261 wants CRLF; bare LF is met in practice). Private to the room.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "control/base/line_control.h"
#include "signaling/sip/header_name.h"
#include "signaling/sip/scan.h"

namespace sallyport::sip {

struct LineEnd {
    std::size_t at = 0, next = 0;  // of the line end, CR included, and behind it
    bool strays = false;           // before it stand CRs that end no line, or NULs
};
struct HeaderLine {
    std::string_view text;  // without its line end; folded lines together, their inner line ends included
    std::size_t next = 0;   // offset behind the line end
    bool folded = false, strays = false;
};

struct HeaderParts {
    HeaderName known = HeaderName::other;
    std::string_view name, value;  // value without white space and folds at both ends
};

// The first line end from `from` on; nothing if there is none.
[[gnu::always_inline]] inline std::optional<LineEnd> line_end_at(std::string_view text, std::size_t from) {
    LineEnd out;
    for (std::size_t at = find_line_control(text, from); at < text.size(); at = find_line_control(text, at + 1)) {
        const bool cr = text[at] == '\r' && at + 1 < text.size() && text[at + 1] == '\n';
        if (cr || text[at] == '\n') {
            out.at = at;
            out.next = at + (cr ? 2 : 1);
            return out;
        }
        out.strays = true;
    }
    return std::nullopt;
}

// The logical line that begins at `from`; nothing if no line end follows.
[[gnu::always_inline]] inline std::optional<HeaderLine> header_line_at(std::string_view message, std::size_t from) {
    auto end = line_end_at(message, from);
    if (!end) return std::nullopt;
    bool folded = false, strays = end->strays;
    if (end->at != from) {  // the empty line ends the header: what follows it is no fold
        while (end->next < message.size() && scan::is(message[end->next], scan::lws)) {
            folded = true;
            end = line_end_at(message, end->next);
            if (!end) return std::nullopt;
            strays = strays || end->strays;
        }
    }
    return HeaderLine{message.substr(from, end->at - from), end->next, folded, strays};
}

// Without the white space and the folds at both ends. A CR that belongs to no line end stays: it is an error.
[[gnu::always_inline]] inline std::string_view trimmed_of_folds(std::string_view value) {
    if (value.starts_with(' ')) value.remove_prefix(1);
    if (value.empty() || !(scan::is(value.front(), scan::edge) || scan::is(value.back(), scan::edge))) return value;
    while (!value.empty()) {
        const std::size_t n = value.starts_with("\r\n")                                     ? 2
                              : value.front() == '\n' || scan::is(value.front(), scan::lws) ? 1
                                                                                            : 0;
        if (n == 0) break;
        value.remove_prefix(n);
    }
    while (!value.empty()) {
        const std::size_t n = value.ends_with("\r\n")                                     ? 2
                              : value.back() == '\n' || scan::is(value.back(), scan::lws) ? 1
                                                                                          : 0;
        if (n == 0) break;
        value.remove_suffix(n);
    }
    return value;
}

// Nearly always among the first sixteen bytes.
inline std::size_t find_colon(std::string_view line) {
#ifdef __SSE2__
    if (line.size() >= 16) {
        const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(line.data()));
        const int mask = _mm_movemask_epi8(_mm_cmpeq_epi8(bytes, _mm_set1_epi8(':')));
        if (mask != 0) return static_cast<std::size_t>(std::countr_zero(static_cast<unsigned>(mask)));
    }
#endif
    return line.find(':');
}

// "name SP* : value" (RFC 3261 7.3.1: white space may stand before the colon, nothing else may).
[[gnu::always_inline]] inline std::optional<HeaderParts> split_header_line(std::string_view line) {
    const std::size_t colon = find_colon(line);
    if (colon == std::string_view::npos) return std::nullopt;
    std::string_view name = line.substr(0, colon);
    while (!name.empty() && scan::is(name.back(), scan::lws)) name.remove_suffix(1);
    const HeaderName known = header_name_from(name);
    if (known == HeaderName::other && (name.empty() || !scan::all(name, scan::token))) return std::nullopt;
    return HeaderParts{known, name, trimmed_of_folds(line.substr(colon + 1))};
}

inline std::optional<std::uint32_t> content_length_from(std::string_view value) {  // digits only
    constexpr std::uint32_t bound = 1'000'000'000;
    return scan::number<std::uint32_t>(value, bound);
}

}  // namespace sallyport::sip
