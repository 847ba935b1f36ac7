// The message parser, RFC 3261 7 and 25: one pass over the lines, one copy of the bytes, an index of slices. Folded
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

using MaybeFault = std::optional<Fault>;

Fault fault(ParseErrc code, std::string_view what, std::string_view why = {}) {
    std::string detail(what);
    if (!why.empty()) detail.append(": ").append(why);
    return {code, std::move(detail)};
}

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
    Run(Message& message, std::string_view bytes, Framing framing) : m_(message), framing_(framing) {
        m_.buffer_.assign(bytes);
    }

    MaybeFault parse() {
        if (auto f = start_line()) return f;
        if (auto f = header()) return f;
        if (has_stray_nul()) return fault(ParseErrc::bad_header, "a NUL outside a quoted pair");
        if (auto f = too_many_values()) return f;
        if (auto f = essentials()) return f;
        return body();
    }

private:
    using Slice = Message::Slice;

    Slice slice(std::string_view v) const {
        return {static_cast<std::uint32_t>(v.data() - m_.buffer_.data()), static_cast<std::uint32_t>(v.size())};
    }

    MaybeFault start_line() {
        const std::string_view text = m_.buffer_;
        const std::size_t end = text.find('\n');
        if (end == std::string_view::npos) return fault(ParseErrc::not_sip, "no line end");
        at_ = end + 1;
        std::string_view line = text.substr(0, end);
        if (line.ends_with('\r')) line.remove_suffix(1);
        return begins_with_sip(line) ? status_line(line) : request_line(line);
    }

    MaybeFault request_line(std::string_view line) {
        const std::string_view trimmed = scan::trim(line);
        std::size_t last_gap = trimmed.size();
        while (last_gap != 0 && !scan::is(trimmed[last_gap - 1], scan::lws)) --last_gap;
        if (last_gap-- == 0 || !begins_with_sip(trimmed.substr(last_gap + 1)))
            return fault(ParseErrc::not_sip, "no start line of SIP");
        const std::size_t first_gap = line.find(' ');
        request_method_ = line.substr(0, first_gap);
        if (!is_token(request_method_) || request_method_.size() > limits::name_bytes)
            return fault(ParseErrc::bad_start_line, "Request-Line", "method is no token");
        const std::string_view version = trimmed.substr(last_gap + 1);
        if (!equal_ignoring_case(version, "SIP/2.0")) return fault(ParseErrc::bad_version, "SIP/2.0 is spoken here");
        if (trimmed.size() != line.size() || first_gap >= last_gap)
            return fault(ParseErrc::bad_start_line, "Request-Line", "not three words");
        const std::string_view uri = line.substr(first_gap + 1, last_gap - first_gap - 1);
        UriParts parts;
        if (const auto error = check_uri(uri, parts))
            return fault(ParseErrc::bad_start_line, "Request-URI", to_string(*error));
        if (!parts.headers.empty())  // RFC 3261 19.1.1, and RFC 4475 3.1.2.11 on what they are used for
            return fault(ParseErrc::bad_start_line, "Request-URI", "header fields are not allowed here");
        m_.uri_or_reason_ = slice(uri);
        return std::nullopt;
    }

    MaybeFault status_line(std::string_view line) {
        const std::size_t gap = std::min(line.find(' '), line.size());
        if (!equal_ignoring_case(line.substr(0, gap), "SIP/2.0")) return fault(ParseErrc::bad_version, "Status-Line");
        const std::string_view rest = line.substr(std::min(gap + 1, line.size()));
        const std::string_view code = rest.substr(0, rest.find(' '));
        const auto status = scan::number<std::uint16_t>(code, 699);
        if (!status || *status < 100 || code.size() != 3)
            return fault(ParseErrc::bad_start_line, "Status-Line", "no status code between 100 and 699");
        m_.status_ = *status;
        m_.uri_or_reason_ = slice(rest.substr(std::min<std::size_t>(4, rest.size())));
        return std::nullopt;
    }

    MaybeFault header() {
        m_.fields_.reserve(32);
        for (;;) {
            const auto line = header_line_at(m_.buffer_, at_);
            if (!line) return fault(ParseErrc::bad_header, "the header does not end");
            at_ = line->next;
            if (line->text.empty()) return std::nullopt;
            if (auto f = field(*line)) return f;
        }
    }

    MaybeFault field(const HeaderLine& line) {
        const auto parts = split_header_line(line.text);
        if (!parts) return fault(ParseErrc::bad_header, "a header line is no \"name: value\"");
        if (m_.fields_.size() == limits::header_fields)
            return fault(ParseErrc::too_many_fields, "too many header fields");
        if (parts->name.size() > limits::name_bytes || parts->value.size() > limits::field_bytes)
            return fault(ParseErrc::too_large, "header field too long");
        if (!unfold(parts->value, line.folded)) return fault(ParseErrc::bad_header, "a bare CR in a header field");
        const HeaderName name = header_name_from(parts->name);
        m_.fields_.push_back({name, slice(parts->name), slice(parts->value)});
        return name == HeaderName::other ? std::nullopt : note(name, parts->value);
    }

    // Remembers the first field of each name, refuses a second one where there may be none, and adds up how many values
    // the lists can hold at most: two bytes make one value.
    MaybeFault note(HeaderName name, std::string_view value) {
        const auto i = static_cast<std::size_t>(name);
        if (first_[i] == 0)
            first_[i] = static_cast<std::uint16_t>(m_.fields_.size());
        else if (is_single(name) && *first(name) != value)
            return fault(
                name == HeaderName::content_length ? ParseErrc::bad_content_length : ParseErrc::duplicate_header,
                to_string(name), "stands twice");
        list_values_[i] = static_cast<std::uint16_t>(list_values_[i] + value.size() / 2 + 1);
        crowded_ = crowded_ || list_values_[i] > limits::list_values;
        return std::nullopt;
    }

    // Line ends inside a folded value become spaces, in our own copy. A CR that ends no line is an error.
    bool unfold(std::string_view value, bool folded) {
        if (!folded && (value.empty() || std::memchr(value.data(), '\r', value.size()) == nullptr)) return true;
        char* p = m_.buffer_.data() + (value.data() - m_.buffer_.data());
        for (char* const end = p + value.size(); p != end; ++p) {
            if (*p == '\r' && p[1] != '\n') return false;  // a line end follows every value: p[1] can be read
            if (*p == '\r' || *p == '\n') *p = ' ';
        }
        return true;
    }

    // The grammar has NUL as a quoted pair only, and elements written in C would read another message than we do.
    bool has_stray_nul() const {
        const std::string_view head = std::string_view(m_.buffer_).substr(0, at_);
        for (auto nul = head.find('\0'); nul != std::string_view::npos; nul = head.find('\0', nul + 1))
            if (nul == 0 || head[nul - 1] != '\\') return true;
        return false;
    }

    MaybeFault too_many_values() const {
        if (!crowded_) return std::nullopt;
        for (std::size_t i = 0; i < known_headers; ++i) {
            const auto name = static_cast<HeaderName>(i);
            if (list_values_[i] <= limits::list_values || !is_list(name)) continue;
            std::size_t values = 0;
            for (const auto& entry : m_.fields_) {
                if (entry.name != name) continue;
                const std::string_view value = m_.view(entry.value);
                values += 1 + static_cast<std::size_t>(std::count(value.begin(), value.end(), ','));
            }
            if (values > limits::list_values &&
                m_.values(name).size() > limits::list_values)  // commas in quotes do not count
                return fault(ParseErrc::too_many_fields, to_string(name), "too many values");
        }
        return std::nullopt;
    }

    std::optional<std::string_view> first(HeaderName name) const {
        const std::size_t position = first_[static_cast<std::size_t>(name)];
        if (position == 0) return std::nullopt;
        return m_.view(m_.fields_[position - 1].value);
    }

    // Fetches a mandatory field into `value`.
    MaybeFault require(HeaderName name, std::string_view& value) const {
        const auto found = first(name);
        if (!found) return fault(ParseErrc::missing_header, to_string(name), "missing");
        value = *found;
        return std::nullopt;
    }

    template <class T>
    MaybeFault read(HeaderName name, T& out, std::optional<FieldErrc> (*reader)(std::string_view, T&)) const {
        std::string_view value;
        if (auto f = require(name, value)) return f;
        if (const auto error = reader(value, out))
            return fault(ParseErrc::bad_value, to_string(name), to_string(*error));
        return std::nullopt;
    }

    MaybeFault essentials() {
        std::string_view via;
        if (auto f = require(HeaderName::via, via)) return f;
        scan::Cursor cursor(via);
        if (const auto error = read_via(cursor, m_.top_via_))
            return fault(ParseErrc::bad_value, "Via", to_string(*error));
        if (m_.top_via_.protocol != "SIP/2.0") return fault(ParseErrc::bad_value, "Via", "unknown version");
        if (auto f = read(HeaderName::from, m_.from_, read_name_addr)) return f;
        if (auto f = read(HeaderName::to, m_.to_, read_name_addr)) return f;
        if (auto f = read(HeaderName::cseq, m_.cseq_, read_cseq)) return f;
        if (m_.is_request() && m_.cseq_.method_text != request_method_) {
            const bool known = method_from(request_method_) != Method::other;
            return fault(known ? ParseErrc::bad_value : ParseErrc::unknown_method, "CSeq",
                         "not the method of the request");
        }
        if (auto f = call_id()) return f;
        return max_forwards();
    }

    MaybeFault call_id() {
        std::string_view value;
        if (auto f = require(HeaderName::call_id, value)) return f;
        if (value.empty() || !std::all_of(value.begin(), value.end(),
                                          [](char c) { return static_cast<unsigned char>(c) > 0x20 && c != 0x7f; }))
            return fault(ParseErrc::bad_value, "Call-ID", "not one word");
        m_.call_id_ = slice(value);
        return std::nullopt;
    }

    MaybeFault max_forwards() {  // absent with RFC 2543 peers; above 255 it counts as absent (RFC 4475 3.1.2.4)
        const auto value = first(HeaderName::max_forwards);
        if (!value) return std::nullopt;
        if (!scan::all(*value, scan::digit) || value->empty())
            return fault(ParseErrc::bad_value, "Max-Forwards", "no number");
        m_.max_forwards_ = scan::number<std::uint8_t>(*value);
        return std::nullopt;
    }

    MaybeFault body() {
        std::size_t length = m_.buffer_.size() - at_;
        if (const auto value = first(HeaderName::content_length)) {
            const auto declared = content_length_from(*value);
            if (!declared) return fault(ParseErrc::bad_content_length, "Content-Length", "no number of bytes");
            if (*declared > length) return fault(ParseErrc::truncated_body, "the body is shorter than Content-Length");
            if (*declared < length && framing_ == Framing::stream)
                return fault(ParseErrc::bad_content_length, "Content-Length", "not the size of the body");
            length = *declared;
            m_.buffer_.resize(at_ + length);
        } else if (framing_ == Framing::stream) {  // RFC 3261 18.3, 20.14
            return fault(ParseErrc::bad_content_length, "Content-Length", "missing on a stream");
        }
        m_.body_ = {static_cast<std::uint32_t>(at_), static_cast<std::uint32_t>(length)};
        return std::nullopt;
    }

    Message& m_;
    Framing framing_;
    std::size_t at_ = 0;
    std::string_view request_method_;
    std::array<std::uint16_t, known_headers> first_{};        // position + 1 of the first field of each name
    std::array<std::uint16_t, known_headers> list_values_{};  // at most so many values; a message has 65,535 bytes
    bool crowded_ = false;
};

Result<Message, ParseError> Parser::parse(std::string_view bytes, Framing framing, const Endpoint* source) {
    bytes = skip_leading_line_ends(bytes);
    if (bytes.empty()) return ParseError{ParseErrc::empty, "no message", std::nullopt, {}};
    if (bytes.size() > limits::message_bytes)
        return refuse(bytes, fault(ParseErrc::too_large, "message too long"), source);
    Result<Message, ParseError> result{Message()};
    if (auto f = Run(*result, bytes, framing).parse()) result = refuse(bytes, std::move(*f), source);
    return result;
}

}  // namespace sallyport::sip
