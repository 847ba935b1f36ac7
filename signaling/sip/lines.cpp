// Header lines, RFC 3261 7.3.1 and 7.4.1.
#include "signaling/sip/lines.h"

#include "signaling/sip/scan.h"

namespace sallyport::sip {

std::optional<HeaderLine> header_line_at(std::string_view message, std::size_t from) {
    std::size_t end = message.find('\n', from);
    if (end == std::string_view::npos) return std::nullopt;
    const auto without_cr = [&](std::size_t lf) { return lf > from && message[lf - 1] == '\r' ? lf - 1 : lf; };
    if (without_cr(end) != from) {  // the empty line ends the header: what follows it is no fold
        while (end + 1 < message.size() && scan::is(message[end + 1], scan::lws)) {
            end = message.find('\n', end + 1);
            if (end == std::string_view::npos) return std::nullopt;
        }
    }
    return HeaderLine{message.substr(from, without_cr(end) - from), end + 1};
}

std::optional<HeaderParts> split_header_line(std::string_view line) {
    scan::Cursor cursor(line);
    const std::string_view name = cursor.take_while(scan::token);
    cursor.skip_lws();
    if (name.empty() || !cursor.take(':')) return std::nullopt;
    std::string_view value = cursor.rest();
    const auto is_blank = [](char c) { return scan::is(c, scan::lws) || c == '\r' || c == '\n'; };
    while (!value.empty() && is_blank(value.front())) value.remove_prefix(1);
    while (!value.empty() && is_blank(value.back())) value.remove_suffix(1);
    return HeaderParts{name, value};
}

std::optional<std::uint32_t> content_length_from(std::string_view value) {
    return scan::number<std::uint32_t>(value, content_length_bound);
}

}  // namespace sallyport::sip
