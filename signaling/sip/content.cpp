#include "signaling/sip/content.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "signaling/sip/fields.h"
#include "signaling/sip/limits.h"
#include "signaling/sip/lines.h"

namespace sallyport::sip {
namespace {

constexpr std::size_t most_parts = 16;                             // of one message
constexpr std::size_t longest_boundary = 70;                       // RFC 2046 5.1.1
constexpr std::string_view boundary_characters = "'()+_,-./:=? ";  // beside letters and digits

// RFC 2046 5.1.1, RFC 2045 5.1: as every reader takes it. One cuts a space from its end, another one stops at a slash.
bool is_boundary(const Parameter& boundary) {
    const std::string_view text = boundary.value;
    if (text.empty() || text.size() > longest_boundary || text.back() == ' ') return false;
    if (!boundary.quoted && !is_token(text)) return false;
    return std::all_of(text.begin(), text.end(), [](char c) {
        return scan::is(c, scan::alpha | scan::digit) || boundary_characters.find(c) != std::string_view::npos;
    });
}

// A line end is CRLF, and neither of both stands alone: for some it would end a field, for others it is in one.
bool has_whole_line_ends(std::string_view text) {
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '\0' || text[i] == '\n') return false;
        if (text[i] == '\r' && (i + 1 == text.size() || text[++i] != '\n')) return false;
    }
    return true;
}

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
    std::size_t part_ends = 0, begins = 0, ends = 0, next = 0;
    bool last = false;
};

// Nothing: there is none. What one reader takes for a delimiter and another for text would hide a session description:
// a line that begins like one is one, with CRLF before and behind it, or nothing is read.
Result<std::optional<Delimiter>, ContentErrc> delimiter_from(std::string_view body, std::size_t from,
                                                             std::string_view boundary) {
    const std::string dashed = "--" + std::string(boundary);
    for (auto at = body.find(dashed, from); at != body.npos; at = body.find(dashed, at + 1)) {
        if (at != 0 && body[at - 1] != '\n' && body[at - 1] != '\r') continue;
        const bool begins = at == 0 || body.substr(0, at).ends_with("\r\n");
        const std::size_t end = std::min(body.find_first_of("\r\n", at), body.size());
        std::string_view rest = body.substr(at + dashed.size(), end - at - dashed.size());
        const bool last = rest.starts_with("--");
        if (last) rest.remove_prefix(2);
        const bool ends = body.substr(end).starts_with("\r\n") || (last && end == body.size());
        if (!begins || !ends || !scan::trim(rest).empty()) return ContentErrc::ambiguous_delimiter;
        return std::optional(Delimiter{at >= from + 2 ? at - 2 : from, at, end, std::min(end + 2, body.size()), last});
    }
    return std::optional<Delimiter>();
}

bool is_plain_encoding(std::string_view encoding) {
    return equal_ignoring_case(encoding, "7bit") || equal_ignoring_case(encoding, "8bit") ||
           equal_ignoring_case(encoding, "binary");
}

// As nearly every body is marked: without a parameter, a comment or a space that had to be read.
bool is_plainly(std::string_view written, std::string_view type) { return equal_ignoring_case(written, type); }

// Its own kind holds further parts, or nobody knows which.
bool may_hold_parts(std::string_view type) {
    const auto parsed = parse_media_type(type);
    return !parsed.has_value() || parsed->type == "multipart" || parsed->type == "message";
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
        if (!has_whole_line_ends(text.substr(at, line->next - at))) return std::nullopt;
        at = line->next;
        if (line->text.empty()) break;
        const auto parts = split_header_line(line->text);
        if (!parts || parts->value.size() > limits::field_bytes) return std::nullopt;
        const HeaderName name = header_name_from(parts->name);
        const bool encoding = equal_ignoring_case(parts->name, "Content-Transfer-Encoding");
        const bool read_here = encoding || name == HeaderName::content_type ||
                               name == HeaderName::content_disposition || name == HeaderName::content_length;
        if (read_here && parts->value.empty()) return std::nullopt;
        if (name == HeaderName::content_type && !std::exchange(part.type, unfolded(parts->value)).empty())
            return std::nullopt;
        if (name == HeaderName::content_disposition && !std::exchange(part.disposition, unfolded(parts->value)).empty())
            return std::nullopt;
        if (name == HeaderName::content_length && !std::exchange(part.length, parts->value).empty())
            return std::nullopt;
        if (name == HeaderName::content_length && !scan::all(parts->value, scan::digit)) return std::nullopt;
        if (encoding) part.encoded = part.encoded || !is_plain_encoding(parts->value);
    }
    part.body = text.substr(at);
    return part;
}

Result<Content, ContentErrc> read_multipart(std::string_view body, const MediaType& type) {
    const auto& parameters = type.parameters.all();
    const bool split = std::any_of(parameters.begin(), parameters.end(),
                                   [](const Parameter& p) { return p.name.starts_with("boundary*"); });  // RFC 2231
    const Parameter* stated = type.parameters.find("boundary");
    if (split || stated == nullptr || !is_boundary(*stated)) return ContentErrc::no_boundary;
    const std::string_view boundary = stated->value;
    Content out;
    out.multipart = true;
    auto found = delimiter_from(body, 0, boundary);
    if (!found.has_value()) return found.error();
    auto at = *found;
    out.begins = at ? at->begins : 0;
    while (at && !at->last) {
        auto next = delimiter_from(body, at->next, boundary);
        if (!next.has_value()) return next.error();
        const auto end = *next;
        if (!end) return ContentErrc::not_closed;
        if (out.parts.size() == most_parts) return ContentErrc::too_many_parts;
        const std::size_t length = end->part_ends > at->next ? end->part_ends - at->next : 0;
        auto part = read_part(body.substr(at->next, length));
        if (!part) return ContentErrc::bad_part_header;
        if (!part->type.empty() && may_hold_parts(part->type)) return ContentErrc::nested;
        if (part->is("application/sdp") && !part->body.empty()) {
            if (out.description != Content::none) return ContentErrc::two_descriptions;
            if (!part->describes_session() || part->encoded) return ContentErrc::other_description;
            out.description = out.parts.size();
        }
        out.parts.push_back(std::move(*part));
        at = end;
    }
    if (!at) return ContentErrc::not_closed;
    out.ends = at->ends;
    return out;
}

}  // namespace

bool ContentPart::is(std::string_view media_type) const {
    if (is_plainly(type, media_type)) return true;
    const auto parsed = parse_media_type(type);
    return parsed.has_value() && parsed->is(media_type);
}

bool ContentPart::describes_session() const {
    const std::string_view kind = std::string_view(disposition).substr(0, disposition.find(';'));
    return kind.empty() || equal_ignoring_case(scan::trim(kind), "session");
}

bool ContentPart::is_required() const {
    const auto parameters =
        parse_parameters(std::string_view(disposition).substr(std::min(disposition.find(';'), disposition.size())));
    if (!parameters.has_value()) return true;
    return !equal_ignoring_case(parameters->value("handling").value_or("required"), "optional");
}

std::string_view to_string(ContentErrc e) {
    switch (e) {
        case ContentErrc::no_boundary: return "multipart without a boundary that is one";
        case ContentErrc::not_closed: return "multipart that does not end";
        case ContentErrc::bad_part_header: return "malformed header of a body part";
        case ContentErrc::too_many_parts: return "too many body parts";
        case ContentErrc::two_descriptions: return "two session descriptions";
        case ContentErrc::ambiguous_delimiter: return "a line that only some would take for a delimiter of body parts";
        case ContentErrc::nested: return "parts within a part, or a part of an unreadable type";
        case ContentErrc::other_description: return "a session description that is encoded or not of the session";
        case ContentErrc::unreadable_type: return "content type that cannot be read";
    }
    return "malformed body";
}

Result<Content, ContentErrc> read_content(const Message& message) {
    if (message.body().empty()) return Content{};
    const std::string_view written = message.first(HeaderName::content_type).value_or("");
    if (!is_plainly(written, "application/sdp")) {
        const auto type = parse_media_type(written);
        if (type.has_value() && type->is("multipart/mixed")) return read_multipart(message.body(), *type);
        if (may_hold_parts(written)) return ContentErrc::unreadable_type;
    }
    Content out;
    ContentPart whole{std::string(written), std::string(message.first(HeaderName::content_disposition).value_or("")),
                      message.body()};
    if (whole.is("application/sdp")) {
        if (!whole.describes_session()) return ContentErrc::other_description;
        out.description = 0;
    }
    out.parts.push_back(std::move(whole));
    return out;
}

std::string_view session_description(const Message& message) {
    if (is_plainly(message.first(HeaderName::content_type).value_or(""), "application/sdp") &&
        !message.first(HeaderName::content_disposition))
        return message.body();
    const auto content = read_content(message);
    if (!content.has_value() || content->description == Content::none) return {};
    return content->parts[content->description].body;
}

std::string with_description(const Message& message, const Content& content, std::string_view description) {
    const std::string_view body = message.body();
    if (content.description == Content::none)
        return content.multipart ? std::string(body.substr(content.begins, content.ends - content.begins)) + "\r\n"
                                 : std::string(body);
    const ContentPart& part = content.parts[content.description];
    // What stands before the first delimiter and behind the last one is for nobody, and read by some.
    std::string out;
    std::size_t from = content.multipart ? content.begins : 0;
    const std::size_t end = content.multipart ? content.ends : body.size();
    if (!part.length.empty()) {
        out.append(body.substr(from, offset_in(body, part.length) - from)).append(std::to_string(description.size()));
        from = offset_in(body, part.length) + part.length.size();
    }
    const std::size_t at = offset_in(body, part.body);
    out.append(body.substr(from, at - from)).append(description);
    from = at + part.body.size();
    out.append(body.substr(from, end - from));
    return content.multipart ? out.append("\r\n") : out;
}

}  // namespace sallyport::sip
