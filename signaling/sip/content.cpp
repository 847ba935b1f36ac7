#include "signaling/sip/content.h"

#include <algorithm>
#include <optional>

#include "signaling/sip/fields.h"
#include "signaling/sip/limits.h"
#include "signaling/sip/lines.h"

namespace sallyport::sip {
namespace {

constexpr std::size_t most_parts = 16;        // of one message
constexpr std::size_t longest_boundary = 70;  // RFC 2046 5.1.1

std::string unfolded(std::string_view value) {
    std::string out(value);
    for (char& c : out)
        if (c == '\r' || c == '\n') c = ' ';
    return out;
}

std::size_t offset_in(std::string_view whole, std::string_view view) {
    return static_cast<std::size_t>(view.data() - whole.data());
}

// A delimiter line of RFC 2046 5.1.1. The line end before it is its own, and no part's.
struct Delimiter {
    std::size_t part_ends = 0, next = 0;
    bool last = false;
};

// `line` is the text of one line without its end.
std::optional<bool> closes(std::string_view line, std::string_view boundary) {
    if (!line.starts_with("--") || !line.substr(2).starts_with(boundary)) return std::nullopt;
    line.remove_prefix(2 + boundary.size());
    const bool last = line.starts_with("--");
    if (last) line.remove_prefix(2);
    return scan::trim(line).empty() ? std::optional(last) : std::nullopt;
}

std::optional<Delimiter> delimiter_from(std::string_view body, std::size_t from, std::string_view boundary) {
    while (from < body.size()) {
        const std::size_t end = std::min(body.find('\n', from), body.size());
        std::string_view line = body.substr(from, end - from);
        if (line.ends_with('\r')) line.remove_suffix(1);
        if (const auto last = closes(line, boundary)) {
            std::size_t part_ends = from;
            if (part_ends != 0) --part_ends;
            if (part_ends != 0 && body[part_ends - 1] == '\r') --part_ends;
            return Delimiter{part_ends, std::min(end + 1, body.size()), *last};
        }
        from = end + 1;
    }
    return std::nullopt;
}

std::optional<ContentPart> read_part(std::string_view text) {
    ContentPart part;
    std::size_t at = 0;
    for (;;) {
        const auto line = header_line_at(text, at);
        if (!line) {  // nothing but a header is a part without a body
            if (at != text.size()) return std::nullopt;
            break;
        }
        at = line->next;
        if (line->text.empty()) break;
        const auto parts = split_header_line(line->text);
        if (!parts || parts->value.size() > limits::field_bytes) return std::nullopt;
        const HeaderName name = header_name_from(parts->name);
        if (name == HeaderName::content_type) part.type = unfolded(parts->value);
        if (name == HeaderName::content_disposition) part.disposition = unfolded(parts->value);
        if (name == HeaderName::content_length) part.length = parts->value;
    }
    part.body = text.substr(at);
    return part;
}

Result<Content, ContentErrc> read_multipart(std::string_view body, std::string_view boundary) {
    if (boundary.empty() || boundary.size() > longest_boundary) return ContentErrc::no_boundary;
    Content out;
    out.multipart = true;
    auto at = delimiter_from(body, 0, boundary);
    while (at && !at->last) {
        const auto end = delimiter_from(body, at->next, boundary);
        if (!end) return ContentErrc::not_closed;
        if (out.parts.size() == most_parts) return ContentErrc::too_many_parts;
        const std::size_t length = end->part_ends > at->next ? end->part_ends - at->next : 0;
        auto part = read_part(body.substr(at->next, length));
        if (!part) return ContentErrc::bad_part_header;
        if (part->is("application/sdp") && !part->body.empty()) {
            if (out.description != Content::none) return ContentErrc::two_descriptions;
            out.description = out.parts.size();
        }
        out.parts.push_back(std::move(*part));
        at = end;
    }
    if (!at) return ContentErrc::not_closed;
    return out;
}

}  // namespace

bool ContentPart::is(std::string_view media_type) const {
    const auto parsed = parse_media_type(type);
    return parsed.has_value() && parsed->is(media_type);
}

bool ContentPart::is_required() const {
    const auto parameters =
        parse_parameters(std::string_view(disposition).substr(std::min(disposition.find(';'), disposition.size())));
    if (!parameters.has_value()) return true;
    return !equal_ignoring_case(parameters->value("handling").value_or("required"), "optional");
}

std::string_view to_string(ContentErrc e) {
    switch (e) {
        case ContentErrc::no_boundary: return "multipart without a boundary";
        case ContentErrc::not_closed: return "multipart that does not end";
        case ContentErrc::bad_part_header: return "malformed header of a body part";
        case ContentErrc::too_many_parts: return "too many body parts";
        case ContentErrc::two_descriptions: return "two session descriptions";
    }
    return "malformed body";
}

Result<Content, ContentErrc> read_content(const Message& message) {
    if (message.body().empty()) return Content{};
    const std::string_view written = message.first(HeaderName::content_type).value_or("");
    const auto type = parse_media_type(written);
    if (type.has_value() && type->is("multipart/mixed"))
        return read_multipart(message.body(), type->parameters.value("boundary").value_or(""));
    Content out;
    ContentPart whole{std::string(written),
                      std::string(message.first(HeaderName::content_disposition).value_or("")),
                      message.body(),
                      {}};
    if (type.has_value() && type->is("application/sdp")) out.description = 0;
    out.parts.push_back(std::move(whole));
    return out;
}

std::string_view session_description(const Message& message) {
    const auto content = read_content(message);
    if (!content.has_value() || content->description == Content::none) return {};
    return content->parts[content->description].body;
}

std::string with_description(const Message& message, const Content& content, std::string_view description) {
    const std::string_view body = message.body();
    if (content.description == Content::none) return std::string(body);
    const ContentPart& part = content.parts[content.description];
    std::string out;
    std::size_t from = 0;
    if (!part.length.empty()) {
        out.append(body.substr(0, offset_in(body, part.length))).append(std::to_string(description.size()));
        from = offset_in(body, part.length) + part.length.size();
    }
    const std::size_t at = offset_in(body, part.body);
    out.append(body.substr(from, at - from)).append(description);
    return out.append(body.substr(at + part.body.size()));
}

}  // namespace sallyport::sip
