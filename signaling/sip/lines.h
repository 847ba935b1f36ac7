// Header lines as both the parser and the framer see them: they must never disagree about where a header ends or what
// its Content-Length is, or one message could be smuggled inside another. A line ends with LF, with or without CR
// before it (RFC 3261 wants CRLF; bare LF is met in practice). Private to the room.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace sallyport::sip {

struct HeaderLine {
    std::string_view text;  // without its line end; folded lines together, their inner line ends included
    std::size_t next = 0;   // offset behind the line end
};
// The logical line that begins at `from`; nothing if no line end follows.
std::optional<HeaderLine> header_line_at(std::string_view message, std::size_t from);

struct HeaderParts {
    std::string_view name, value;  // value trimmed of white space and line ends at both ends
};
// "name SP* : value" (RFC 3261 7.3.1: white space may stand before the colon, nothing else may).
std::optional<HeaderParts> split_header_line(std::string_view line);

inline constexpr std::uint32_t content_length_bound = 1'000'000'000;
std::optional<std::uint32_t> content_length_from(std::string_view value);  // digits only

}  // namespace sallyport::sip
