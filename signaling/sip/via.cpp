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

std::optional<FieldErrc> scan_sent_by(scan::Cursor& cursor, ViaView& out) {
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
    out.host = host;
    cursor.skip_lws();
    if (!cursor.take(':')) return std::nullopt;
    cursor.skip_lws();
    const auto port = scan::number<std::uint16_t>(cursor.take_while(scan::digit));
    if (!port || *port == 0) return FieldErrc::bad_number;
    out.port = *port;
    return std::nullopt;
}

}  // namespace

std::optional<FieldErrc> read_via(scan::Cursor& cursor, ViaView& out) {
    out.name = take_part(cursor);
    if (!cursor.take('/')) return FieldErrc::malformed;
    out.version = take_part(cursor);
    if (!cursor.take('/')) return FieldErrc::malformed;
    out.transport = take_part(cursor);
    if (out.name.empty() || out.version.empty() || out.transport.empty()) return FieldErrc::malformed;
    if (const auto error = scan_sent_by(cursor, out)) return error;
    return view_parameters(cursor, out.parameters, "branch", out.branch);
}

bool ViaView::is_ours() const { return version == "2.0" && equal_ignoring_case(name, "SIP"); }

FieldResult<ViaView> view_via(std::string_view value) {
    value = scan::trim(value);
    if (value.empty()) return FieldErrc::empty;
    if (value.size() > limits::field_bytes) return FieldErrc::out_of_range;
    scan::Cursor cursor(value);
    ViaView out;
    if (const auto error = read_via(cursor, out)) return *error;
    if (!cursor.at_end()) return FieldErrc::malformed;
    if (!out.is_ours()) return FieldErrc::bad_version;
    return out;
}

FieldResult<Via> parse_via(std::string_view value) {
    const auto via = view_via(value);
    if (!via) return via.error();
    return own(*via);
}

Via own(const ViaView& via) {
    return {uppered(via.name).append(1, '/').append(via.version), uppered(via.transport), scan::lowered(via.host),
            via.port, own(via.parameters)};
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
