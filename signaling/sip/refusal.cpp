// The error response to a broken request (RFC 3261 8.2.6, 21.4.1, 21.5.6), read from its lines one by one, since the
// parser gave up on it. Answers nothing that cannot be copied, no ACK and no response.
#include "signaling/sip/refusal.h"

#include "control/base/bytes.h"
#include "signaling/sip/compose.h"
#include "signaling/sip/in_place.h"
#include "signaling/sip/limits.h"
#include "signaling/sip/lines.h"
#include "signaling/sip/parameters.h"

namespace sallyport::sip {
namespace {

struct Copied {
    std::vector<std::string_view> vias;
    std::optional<std::string_view> from, to, call_id, cseq;
    bool too_long = false;  // one of these exceeds what we would ever accept
};

void keep(const HeaderParts& parts, Copied& out) {
    std::optional<std::string_view>* slot = nullptr;
    switch (parts.known) {
        case HeaderName::via: out.vias.push_back(parts.value); break;
        case HeaderName::from: slot = &out.from; break;
        case HeaderName::to: slot = &out.to; break;
        case HeaderName::call_id: slot = &out.call_id; break;
        case HeaderName::cseq: slot = &out.cseq; break;
        default: return;
    }
    if (slot != nullptr && !*slot) *slot = parts.value;
    out.too_long = out.too_long || parts.value.size() > limits::field_bytes;
}

// A line that is no field is passed over. Nothing when a field is missing or too long.
std::optional<Copied> copy_fields(std::string_view bytes, std::size_t from) {
    Copied out;
    for (std::size_t lines = 0; lines < limits::header_fields; ++lines) {
        const auto line = header_line_at(bytes, from);
        if (!line || line->text.empty()) break;
        from = line->next;
        const auto parts = split_header_line(line->text);
        if (!parts) continue;
        keep(*parts, out);
    }
    if (out.too_long || out.vias.empty() || !out.from || !out.to || !out.call_id || !out.cseq) return std::nullopt;
    return out;
}

bool is_answerable_request(std::string_view start_line) {
    scan::Cursor cursor(start_line);
    const std::string_view method = cursor.take_while(scan::token);
    return !method.empty() && cursor.next_is(' ') && method_from(method) != Method::ack;
}

std::uint16_t status_for(ParseErrc code) {
    switch (code) {
        case ParseErrc::empty:
        case ParseErrc::not_sip: return 0;
        case ParseErrc::unknown_method: return 501;
        case ParseErrc::bad_version: return 505;
        case ParseErrc::too_large: return 513;
        case ParseErrc::bad_start_line:
        case ParseErrc::bad_header:
        case ParseErrc::missing_header:
        case ParseErrc::duplicate_header:
        case ParseErrc::bad_value:
        case ParseErrc::too_many_fields:
        case ParseErrc::bad_content_length:
        case ParseErrc::truncated_body: return 400;
    }
    return 400;
}

// The same request always gets the same tag: we keep no state about it (RFC 3261 8.2.7).
std::string stateless_tag(const Copied& fields) {
    std::uint64_t hash = 14695981039346656037ull;  // FNV-1a
    for (const auto text : {fields.vias.front(), *fields.from, *fields.call_id, *fields.cseq})
        for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211ull;
    std::uint8_t raw[8];
    store_be32(raw, static_cast<std::uint32_t>(hash >> 32));
    store_be32(raw + 4, static_cast<std::uint32_t>(hash));
    return to_hex(raw);
}

std::string unfolded(std::string_view value) {
    std::string out(value);
    for (char& c : out)
        if (c == '\r' || c == '\n') c = ' ';
    return out;
}

std::string tagged_to(const Copied& fields) {
    const std::string to = unfolded(*fields.to);
    const auto parsed = view_name_addr(to);
    return parsed && parsed->tag.empty() ? tagged(to, *parsed, stateless_tag(fields)) : to;
}

// For routing the transport and sent-by count: an answer to another version (505) must find its way, too.
std::string in_our_version(std::string_view via) {
    const auto transport = via.find('/', via.find('/') + 1);
    return std::string("SIP/2.0").append(via.substr(transport));
}

bool is_sent_by(const ViaView& via, const IpAddress& address) {
    const auto sent_by = IpAddress::parse(via.host);
    return sent_by && *sent_by == address;
}

}  // namespace

std::optional<std::string> answered_via(std::string_view field_value, const Endpoint* source) {
    const std::string_view first = first_of_list(field_value);
    ViaView top;
    scan::Cursor cursor(first);
    if (first.empty() || read_via(cursor, top) || !cursor.at_end()) return std::nullopt;
    return answered_via(top, field_value, source);
}

std::string answered_via(const ViaView& top, std::string_view field_value, const Endpoint* source) {
    std::string out;
    out.reserve(field_value.size() + 64);
    out.append(top.name).append(1, '/').append(top.version).append(1, '/').append(top.transport).append(1, ' ');
    out.append(top.host);
    if (top.port != 0) out.append(1, ':').append(std::to_string(top.port));
    bool rport = false, received = false;
    scan::Cursor parameters(top.parameters.text());
    each_parameter(parameters, [&](const ParameterView& one) -> std::optional<FieldErrc> {
        const bool is_rport = source != nullptr && equal_ignoring_case(one.name, "rport");
        const bool is_received = source != nullptr && equal_ignoring_case(one.name, "received");
        rport = rport || is_rport;
        received = received || is_received;
        out.append(1, ';').append(one.name);
        if (is_rport)
            out.append(1, '=').append(std::to_string(source->port));
        else if (is_received)
            out.append(1, '=').append(source->address.to_string());
        else if (one.quoted)
            out.append("=\"").append(one.value).append(1, '"');
        else if (one.has_value)
            out.append(1, '=').append(one.value);
        return std::nullopt;
    });
    if (source != nullptr && !received && (rport || !is_sent_by(top, source->address)))
        out.append(";received=").append(source->address.to_string());
    const std::string_view last = top.parameters.text();
    if (last.data() + last.size() != field_value.data() + field_value.size()) {
        const auto values = split_list(field_value);
        for (std::size_t i = 1; i < values.size(); ++i) out.append(", ").append(values[i]);
    }
    return out;
}

std::string tagged(std::string_view to_value, const NameAddrView& to, std::string_view tag) {
    if (!to.parameters.has("tag")) {
        std::string out;
        out.reserve(to_value.size() + 5 + tag.size());
        return out.append(to_value).append(";tag=").append(tag);
    }
    NameAddr filled = own(to);
    filled.parameters.set("tag", std::string(tag));
    return filled.text();
}

ParseError refuse(std::string_view bytes, Fault fault, const Endpoint* source) {
    ParseError error{fault.code, std::move(fault.detail), std::nullopt, {}};
    const std::uint16_t status = status_for(error.code);
    const std::size_t line_end = bytes.find('\n');
    if (status == 0 || line_end == std::string_view::npos || !is_answerable_request(bytes.substr(0, line_end)))
        return error;
    const auto fields = copy_fields(bytes, line_end + 1);
    if (!fields) return error;
    const auto top = answered_via(unfolded(fields->vias.front()), source);
    if (!top) return error;

    std::string reason(reason_phrase(status));
    if (!error.detail.empty()) reason.append(" (").append(error.detail).append(")");
    Composer composer = Composer::response(status, reason);
    composer.add(HeaderName::via, *top);
    for (std::size_t i = 1; i < fields->vias.size(); ++i) composer.add(HeaderName::via, fields->vias[i]);
    composer.add(HeaderName::from, *fields->from).add(HeaderName::to, tagged_to(*fields));
    composer.add(HeaderName::call_id, *fields->call_id).add(HeaderName::cseq, *fields->cseq);
    error.response = composer.finish();
    error.response_via = in_our_version(split_list(*top).front());
    return error;
}

std::string_view to_string(ParseErrc e) {
    switch (e) {
        case ParseErrc::empty: return "empty";
        case ParseErrc::not_sip: return "not_sip";
        case ParseErrc::bad_start_line: return "bad_start_line";
        case ParseErrc::unknown_method: return "unknown_method";
        case ParseErrc::bad_version: return "bad_version";
        case ParseErrc::bad_header: return "bad_header";
        case ParseErrc::missing_header: return "missing_header";
        case ParseErrc::duplicate_header: return "duplicate_header";
        case ParseErrc::bad_value: return "bad_value";
        case ParseErrc::too_many_fields: return "too_many_fields";
        case ParseErrc::too_large: return "too_large";
        case ParseErrc::bad_content_length: return "bad_content_length";
        case ParseErrc::truncated_body: return "truncated_body";
    }
    return "unknown";
}

}  // namespace sallyport::sip
