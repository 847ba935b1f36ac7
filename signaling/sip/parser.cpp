// The message parser, RFC 3261 7 and 25: one pass over the lines, one copy of the bytes, views into it. Folded
// lines are unfolded in place. Every limit of limits.h is enforced here. Repairs nothing: two elements that repair
// differently are how headers get smuggled.
#include "signaling/sip/parser.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "signaling/sip/in_place.h"
#include "signaling/sip/limits.h"
#include "signaling/sip/lines.h"
#include "signaling/sip/refusal.h"
#include "signaling/sip/uri_scan.h"

namespace sallyport::sip {
namespace {

std::string_view skip_leading_line_ends(std::string_view bytes) {  // RFC 3261 7.5
    const std::size_t start = bytes.find_first_not_of("\r\n");
    return start == std::string_view::npos ? std::string_view() : bytes.substr(start);
}

bool begins_with_sip(std::string_view text) {
    return text.size() >= 4 && equal_ignoring_case(text.substr(0, 4), "SIP/");
}

// May stand once only; twice with the same value is harmless.
constexpr bool is_single(HeaderName name) {
    switch (name) {
        case HeaderName::from:
        case HeaderName::to:
        case HeaderName::call_id:
        case HeaderName::cseq:
        case HeaderName::max_forwards:
        case HeaderName::content_length:
        case HeaderName::content_type: return true;
        default: return false;
    }
}

constexpr std::size_t known_headers = static_cast<std::size_t>(HeaderName::other);

}  // namespace

class Parser::Run {
public:
    Run(Message::Content& content, std::string_view bytes, Framing framing) : m_(content), framing_(framing) {
        m_.buffer.assign(bytes);
    }

    bool parse() { return start_line() && header() && no_stray_controls() && no_crowd() && essentials() && body(); }
    Fault take_fault() { return std::move(fault_); }

private:
    bool fail(ParseErrc code, std::string_view what, std::string_view why = {}) {
        fault_ = {code, std::string(what)};
        if (!why.empty()) fault_.detail.append(": ").append(why);
        return false;
    }

    bool start_line() {
        const std::string_view text = m_.buffer;
        const auto end = line_end_at(text, 0);
        if (!end) return fail(ParseErrc::not_sip, "no line end");
        at_ = end->next;
        strays_ = end->strays;
        const std::string_view line = text.substr(0, end->at);
        return begins_with_sip(line) ? status_line(line) : request_line(line);
    }

    bool request_line(std::string_view line) {
        const std::string_view trimmed = scan::trim(line);
        std::size_t last_gap = trimmed.size();
        while (last_gap != 0 && !scan::is(trimmed[last_gap - 1], scan::lws)) --last_gap;
        if (last_gap-- == 0 || !begins_with_sip(trimmed.substr(last_gap + 1)))
            return fail(ParseErrc::not_sip, "no start line of SIP");
        const std::size_t first_gap = line.find(' ');
        request_method_ = line.substr(0, first_gap);
        if (!is_token(request_method_) || request_method_.size() > limits::name_bytes)
            return fail(ParseErrc::bad_start_line, "Request-Line", "method is no token");
        const std::string_view version = trimmed.substr(last_gap + 1);
        if (!equal_ignoring_case(version, "SIP/2.0")) return fail(ParseErrc::bad_version, "SIP/2.0 is spoken here");
        if (trimmed.size() != line.size() || first_gap >= last_gap)
            return fail(ParseErrc::bad_start_line, "Request-Line", "not three words");
        const std::string_view uri = line.substr(first_gap + 1, last_gap - first_gap - 1);
        UriView parts;
        if (const auto error = read_uri(uri, parts))
            return fail(ParseErrc::bad_start_line, "Request-URI", to_string(*error));
        if (!parts.headers.empty())  // RFC 3261 19.1.1, and RFC 4475 3.1.2.11 on what they are used for
            return fail(ParseErrc::bad_start_line, "Request-URI", "header fields are not allowed here");
        m_.uri_or_reason = uri;
        return true;
    }

    bool status_line(std::string_view line) {
        const std::size_t gap = std::min(line.find(' '), line.size());
        if (!equal_ignoring_case(line.substr(0, gap), "SIP/2.0")) return fail(ParseErrc::bad_version, "Status-Line");
        const std::string_view rest = line.substr(std::min(gap + 1, line.size()));
        const std::string_view code = rest.substr(0, rest.find(' '));
        const auto status = scan::number<std::uint16_t>(code, 699);
        if (!status || *status < 100 || code.size() != 3)
            return fail(ParseErrc::bad_start_line, "Status-Line", "no status code between 100 and 699");
        m_.status = *status;
        m_.uri_or_reason = rest.substr(std::min<std::size_t>(4, rest.size()));
        return true;
    }

    bool header() {
        m_.fields.reserve(32);
        const std::string_view text = m_.buffer;
        for (;;) {
            // As nearly every line is: it ends with CRLF, nothing strays in it and it is not folded.
            const std::size_t from = at_, end = find_line_control(text, from);
            if (end + 2 < text.size() && text[end] == '\r' && text[end + 1] == '\n' && end != from &&
                !scan::is(text[end + 2], scan::lws)) {
                at_ = end + 2;
                if (!field(text.substr(from, end - from), false)) return false;
                continue;
            }
            const auto line = header_line_at(m_.buffer, at_);
            if (!line) return fail(ParseErrc::bad_header, "the header does not end");
            at_ = line->next;
            strays_ = strays_ || line->strays;
            if (line->text.empty()) return true;
            if (!field(line->text, line->folded)) return false;
        }
    }

    bool field(std::string_view line, bool folded) {
        const auto parts = split_header_line(line);
        if (!parts) return fail(ParseErrc::bad_header, "a header line is no \"name: value\"");
        if (m_.fields.size() == limits::header_fields)
            return fail(ParseErrc::too_many_fields, "too many header fields");
        if (parts->name.size() > limits::name_bytes || parts->value.size() > limits::field_bytes)
            return fail(ParseErrc::too_large, "header field too long");
        if (folded) unfold(line);
        const HeaderName name = parts->known;
        const auto at = [&](std::string_view v) { return static_cast<std::uint16_t>(v.data() - m_.buffer.data()); };
        m_.fields.push_back({name, 0, at(parts->name), static_cast<std::uint16_t>(parts->name.size()), at(parts->value),
                             static_cast<std::uint16_t>(parts->value.size())});
        link(name);
        return name == HeaderName::other || note(name, parts->value);
    }

    // The newest field behind the one before it of its name.
    void link(HeaderName name) {
        const auto i = static_cast<std::size_t>(name);
        const auto position = static_cast<std::uint16_t>(m_.fields.size());
        if (m_.first[i] == 0)
            m_.first[i] = position;
        else
            m_.fields[last_[i] - 1u].to_next = static_cast<std::uint8_t>(position - last_[i]);
        last_[i] = position;
    }

    // Refuses a second one where there may be none, and adds up how many values
    // the lists can hold at most: two bytes make one value.
    bool note(HeaderName name, std::string_view value) {
        const auto i = static_cast<std::size_t>(name);
        if (is_single(name) && *first(name) != value)
            return fail(
                name == HeaderName::content_length ? ParseErrc::bad_content_length : ParseErrc::duplicate_header,
                to_string(name), "stands twice");
        list_values_[i] = static_cast<std::uint16_t>(list_values_[i] + value.size() / 2 + 1);
        crowded_ = crowded_ || list_values_[i] > limits::list_values;
        return true;
    }

    // Line ends inside a folded line become spaces, in our own copy.
    void unfold(std::string_view line) {
        char* p = m_.buffer.data() + (line.data() - m_.buffer.data());
        for (char* const end = p + line.size(); p != end; ++p)
            if (*p == '\n' || (*p == '\r' && p[1] == '\n'))
                *p = ' ';  // a line end follows every line: p[1] can be read
    }

    // After unfolding. To some elements a CR that ends no line ends one, and elements written in C would read another
    // message than we do behind a NUL: the grammar has it as a quoted pair only.
    bool no_stray_controls() {
        if (!strays_) return true;
        const std::string_view head = std::string_view(m_.buffer).substr(0, at_);
        for (std::size_t i = 0; i < head.size(); ++i) {
            if (head[i] == '\r' && head[i + 1] != '\n')  // the header ends with a line end
                return fail(ParseErrc::bad_header, "a bare CR in a header field");
            if (head[i] == '\0' && (i == 0 || head[i - 1] != '\\'))
                return fail(ParseErrc::bad_header, "a NUL outside a quoted pair");
        }
        return true;
    }

    bool no_crowd() {
        if (!crowded_) return true;
        for (std::size_t i = 0; i < known_headers; ++i) {
            const auto name = static_cast<HeaderName>(i);
            if (list_values_[i] <= limits::list_values || !is_list(name)) continue;
            std::size_t values = 0;
            std::vector<std::string_view> split;
            for (const auto& entry : m_.fields) {
                if (entry.name != name) continue;
                const std::string_view value = m_.value(entry);
                values += 1 + static_cast<std::size_t>(std::count(value.begin(), value.end(), ','));
                split_list(value, split);
            }
            if (values > limits::list_values && split.size() > limits::list_values)  // commas in quotes do not count
                return fail(ParseErrc::too_many_fields, to_string(name), "too many values");
        }
        return true;
    }

    std::optional<std::string_view> first(HeaderName name) const {
        const std::size_t at = m_.first_of(name);
        if (at == m_.fields.size()) return std::nullopt;
        return m_.value(m_.fields[at]);
    }

    // Fetches a mandatory field into `value`.
    bool require(HeaderName name, std::string_view& value) {
        const auto found = first(name);
        if (!found) return fail(ParseErrc::missing_header, to_string(name), "missing");
        value = *found;
        return true;
    }

    template <class T>
    bool read(HeaderName name, T& out, std::optional<FieldErrc> (*reader)(std::string_view, T&)) {
        std::string_view value;
        if (!require(name, value)) return false;
        if (const auto error = reader(value, out))
            return fail(ParseErrc::bad_value, to_string(name), to_string(*error));
        return true;
    }

    bool essentials() {
        std::string_view via;
        if (!require(HeaderName::via, via)) return false;
        scan::Cursor cursor(via);
        if (const auto error = read_via(cursor, m_.top_via))
            return fail(ParseErrc::bad_value, "Via", to_string(*error));
        if (!m_.top_via.is_ours()) return fail(ParseErrc::bad_value, "Via", "unknown version");
        if (!read(HeaderName::from, m_.from, read_name_addr)) return false;
        if (!read(HeaderName::to, m_.to, read_name_addr)) return false;
        if (!read(HeaderName::cseq, m_.cseq, read_cseq)) return false;
        if (m_.status == 0 && m_.cseq.method_text != request_method_) {
            const bool known = method_from(request_method_) != Method::other;
            return fail(known ? ParseErrc::bad_value : ParseErrc::unknown_method, "CSeq",
                        "not the method of the request");
        }
        if (!call_id()) return false;
        return max_forwards();
    }

    bool call_id() {
        std::string_view value;
        if (!require(HeaderName::call_id, value)) return false;
        if (value.empty() || !scan::all(value, scan::visible))
            return fail(ParseErrc::bad_value, "Call-ID", "not one word");
        m_.call_id = value;
        return true;
    }

    bool max_forwards() {  // absent with RFC 2543 peers; above 255 it counts as absent (RFC 4475 3.1.2.4)
        const auto value = first(HeaderName::max_forwards);
        if (!value) return true;
        if (!scan::all(*value, scan::digit) || value->empty())
            return fail(ParseErrc::bad_value, "Max-Forwards", "no number");
        m_.max_forwards = scan::number<std::uint8_t>(*value);
        return true;
    }

    bool body() {
        std::size_t length = m_.buffer.size() - at_;
        if (const auto value = first(HeaderName::content_length)) {
            const auto declared = content_length_from(*value);
            if (!declared) return fail(ParseErrc::bad_content_length, "Content-Length", "no number of bytes");
            if (*declared > length) return fail(ParseErrc::truncated_body, "the body is shorter than Content-Length");
            if (*declared < length && framing_ == Framing::stream)
                return fail(ParseErrc::bad_content_length, "Content-Length", "not the size of the body");
            length = *declared;
            m_.buffer.resize(at_ + length);
        } else if (framing_ == Framing::stream) {  // RFC 3261 18.3, 20.14
            return fail(ParseErrc::bad_content_length, "Content-Length", "missing on a stream");
        }
        m_.body = std::string_view(m_.buffer).substr(at_, length);
        return true;
    }

    Message::Content& m_;
    Fault fault_{};  // what was wrong, once one of the functions has returned false
    Framing framing_;
    std::size_t at_ = 0;
    std::string_view request_method_;
    std::array<std::uint16_t, known_headers + 1> last_{};     // position + 1 of the last field of each name so far
    std::array<std::uint16_t, known_headers> list_values_{};  // at most so many values; a message has 65,535 bytes
    bool crowded_ = false, strays_ = false;
};

Result<Message, ParseError> Parser::parse(std::string_view bytes, Framing framing, const Endpoint* source) {
    bytes = skip_leading_line_ends(bytes);
    if (bytes.empty()) return ParseError{ParseErrc::empty, "no message", std::nullopt, {}};
    if (bytes.size() > limits::message_bytes) return refuse(bytes, {ParseErrc::too_large, "message too long"}, source);
    auto content = std::make_shared<Message::Content>();
    Run run(*content, bytes, framing);
    if (!run.parse()) return refuse(bytes, run.take_fault(), source);
    // What was cut off behind the body must not stay in memory with it, where nobody counts it.
    constexpr std::size_t unused = 512;
    if (content->buffer.capacity() > content->buffer.size() + unused) return parse(content->buffer, framing, source);
    return Message(std::move(content));
}

}  // namespace sallyport::sip
