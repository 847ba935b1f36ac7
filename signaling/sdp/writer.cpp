// Writes a session description in the order of RFC 8866 5.
#include "signaling/sdp/session_description.h"

namespace sallyport::sdp {
namespace {

std::string_view family_text(Family family) { return family == Family::v6 ? "IP6" : "IP4"; }

void append_connection(std::string& out, const std::optional<Connection>& c) {
    if (c) out.append("c=IN ").append(family_text(c->family)).append(1, ' ').append(c->host).append("\r\n");
}

void append_lines(std::string& out, char type, const std::vector<std::string>& values) {
    for (const auto& value : values) out.append({type, '='}).append(value).append("\r\n");
}

void append_attributes(std::string& out, const std::vector<Attribute>& attributes) {
    for (const auto& a : attributes) {
        out.append("a=").append(a.name);
        if (a.has_value) out.append(1, ':').append(a.value);
        out.append("\r\n");
    }
}

void append_media(std::string& out, const MediaDescription& m) {
    out.append("m=").append(m.media).append(1, ' ').append(std::to_string(m.port)).append(1, ' ').append(m.protocol);
    for (const auto& format : m.formats) out.append(1, ' ').append(format);
    out.append("\r\n");
    append_connection(out, m.connection);
    append_lines(out, 'b', m.bandwidths);
    append_attributes(out, m.attributes);
}

const Attribute* find_in(const std::vector<Attribute>& attributes, std::string_view name) {
    for (const auto& a : attributes)
        if (a.name == name) return &a;
    return nullptr;
}

}  // namespace

const Attribute* MediaDescription::find(std::string_view name) const { return find_in(attributes, name); }
const Attribute* SessionDescription::find(std::string_view name) const { return find_in(attributes, name); }

std::string write(const SessionDescription& d) {
    std::string out;
    out.reserve(512);
    out.append("v=0\r\no=").append(d.origin.username).append(1, ' ').append(d.origin.session_id);
    out.append(1, ' ').append(d.origin.version).append(" IN ").append(family_text(d.origin.family));
    out.append(1, ' ').append(d.origin.address).append("\r\ns=").append(d.session_name).append("\r\n");
    append_connection(out, d.connection);
    append_lines(out, 'b', d.bandwidths);
    append_lines(out, 't', d.times);
    append_attributes(out, d.attributes);
    for (const auto& m : d.media) append_media(out, m);
    return out;
}

}  // namespace sallyport::sdp
