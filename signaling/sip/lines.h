// Header lines as both the parser and the framer see them: they must never disagree about where a header ends or what
// its Content-Length is, or one message could be smuggled inside another. A line ends with LF, with or without CR
// before it (RFC 3261 wants CRLF; bare LF is met in practice). Private to the room.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "signaling/sip/scan.h"

namespace sallyport::sip {

struct HeaderLine {
    std::string_view text;  // without its line end; folded lines together, their inner line ends included
    std::size_t next = 0;   // offset behind the line end
    bool folded = false;
};

struct HeaderParts {
    std::string_view name, value;  // value without white space and folds at both ends
};

// The logical line that begins at `from`; nothing if no line end follows.
inline std::optional<HeaderLine> header_line_at(std::string_view message, std::size_t from) {
    std::size_t end = message.find('\n', from);
    if (end == std::string_view::npos) return std::nullopt;
    const auto without_cr = [&](std::size_t lf) { return lf > from && message[lf - 1] == '\r' ? lf - 1 : lf; };
    bool folded = false;
    if (without_cr(end) != from) {  // the empty line ends the header: what follows it is no fold
        while (end + 1 < message.size() && scan::is(message[end + 1], scan::lws)) {
            folded = true;
            end = message.find('\n', end + 1);
            if (end == std::string_view::npos) return std::nullopt;
        }
    }
    return HeaderLine{message.substr(from, without_cr(end) - from), end + 1, folded};
}

// Without the white space and the folds at both ends. A CR that belongs to no line end stays: it is an error.
inline std::string_view trimmed_of_folds(std::string_view value) {
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

// "name SP* : value" (RFC 3261 7.3.1: white space may stand before the colon, nothing else may).
inline std::optional<HeaderParts> split_header_line(std::string_view line) {
    scan::Cursor cursor(line);
    const std::string_view name = cursor.take_while(scan::token);
    cursor.skip_lws();
    if (name.empty() || !cursor.take(':')) return std::nullopt;
    return HeaderParts{name, trimmed_of_folds(cursor.rest())};
}

inline std::optional<std::uint32_t> content_length_from(std::string_view value) {  // digits only
    constexpr std::uint32_t bound = 1'000'000'000;
    return scan::number<std::uint32_t>(value, bound);
}

}  // namespace sallyport::sip
