// Via, RFC 3261 20.42: LWS is legal around every separator, also inside "SIP / 2.0 / UDP" and before the port.
#include "signaling/sip/in_place.h"
#include "signaling/sip/limits.h"
#include "signaling/sip/parameters.h"
#include "signaling/sip/uri_scan.h"

namespace sallyport::sip {
namespace {

std::string uppered(std::string_view text) {
    std::string out(text);
    for (char& c : out) c = scan::upper(c);
    return out;
}

std::string_view take_part(scan::Cursor& cursor) {  // token surrounded by LWS
    cursor.skip_lws();
    const std::string_view part = cursor.take_while(scan::token);
    cursor.skip_lws();
    return part;
}

std::optional<FieldErrc> scan_sent_by(scan::Cursor& cursor, Via& out) {
    std::string_view host, checked;
    std::uint16_t no_port = 0;
    if (cursor.next_is('[')) {
        const auto inside = cursor.take_until(']');
        if (!inside) return FieldErrc::malformed;
        cursor.skip(1);
        host = {inside->data(), inside->size() + 1};
    } else {
        host = cursor.take_while(scan::host);
    }
    if (scan_host_port(host, checked, no_port) != host.size()) return FieldErrc::malformed;
    out.host = scan::lowered(host);
    cursor.skip_lws();
    if (!cursor.take(':')) return std::nullopt;
    cursor.skip_lws();
    const auto port = scan::number<std::uint16_t>(cursor.take_while(scan::digit));
    if (!port || *port == 0) return FieldErrc::bad_number;
    out.port = *port;
    return std::nullopt;
}

}  // namespace

std::optional<FieldErrc> read_via(scan::Cursor& cursor, Via& out) {
    const std::string_view name = take_part(cursor);
    if (!cursor.take('/')) return FieldErrc::malformed;
    const std::string_view version = take_part(cursor);
    if (!cursor.take('/')) return FieldErrc::malformed;
    const std::string_view transport = take_part(cursor);
    if (name.empty() || version.empty() || transport.empty()) return FieldErrc::malformed;
    out.protocol = uppered(name);
    out.protocol.append(1, '/').append(version);
    out.transport = uppered(transport);
    if (const auto error = scan_sent_by(cursor, out)) return error;
    return scan_parameters(cursor, out.parameters);
}

FieldResult<Via> parse_via(std::string_view value) {
    value = scan::trim(value);
    if (value.empty()) return FieldErrc::empty;
    if (value.size() > limits::field_bytes) return FieldErrc::out_of_range;
    scan::Cursor cursor(value);
    Via out;
    if (const auto error = read_via(cursor, out)) return *error;
    if (!cursor.at_end()) return FieldErrc::malformed;
    if (out.protocol != "SIP/2.0") return FieldErrc::bad_version;
    return out;
}

std::string_view Via::branch() const { return parameters.value("branch").value_or(std::string_view()); }

std::string Via::text() const {
    std::string out;
    out.reserve(protocol.size() + transport.size() + host.size() + 64);
    out.append(protocol).append(1, '/').append(transport).append(1, ' ').append(host);
    if (port != 0) out.append(1, ':').append(std::to_string(port));
    return out.append(parameters.text());
}

}  // namespace sallyport::sip
