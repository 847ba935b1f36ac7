// Writes a session description in the order of RFC 8866 5, and gives views a text of their own.
#include "signaling/sdp/session_description.h"

namespace sallyport::sdp {
namespace {

std::string_view family_text(Family family) { return family == Family::v6 ? "IP6" : "IP4"; }

template <class Text>
void append_connection(std::string& out, const std::optional<BasicConnection<Text>>& c) {
    if (c) out.append("c=IN ").append(family_text(c->family)).append(1, ' ').append(c->host).append("\r\n");
}

template <class Text>
void append_lines(std::string& out, char type, const std::vector<Text>& values) {
    for (const auto& value : values) out.append({type, '='}).append(value).append("\r\n");
}

template <class Text>
void append_attributes(std::string& out, const std::vector<BasicAttribute<Text>>& attributes) {
    for (const auto& a : attributes) {
        out.append("a=").append(a.name);
        if (a.has_value) out.append(1, ':').append(a.value);
        out.append("\r\n");
    }
}

template <class Text>
void append_media(std::string& out, const BasicMedia<Text>& m) {
    out.append("m=").append(m.media).append(1, ' ').append(std::to_string(m.port)).append(1, ' ').append(m.protocol);
    for (const auto& format : m.formats) out.append(1, ' ').append(format);
    out.append("\r\n");
    append_connection(out, m.connection);
    append_lines(out, 'b', m.bandwidths);
    append_attributes(out, m.attributes);
}

template <class Text>
const BasicAttribute<Text>* find_in(const std::vector<BasicAttribute<Text>>& attributes, std::string_view name) {
    for (const auto& a : attributes)
        if (a.name == name) return &a;
    return nullptr;
}

}  // namespace

template <class Text>
auto BasicMedia<Text>::find(std::string_view name) const -> const Attribute* {
    return find_in(attributes, name);
}
template <class Text>
auto BasicDescription<Text>::find(std::string_view name) const -> const Attribute* {
    return find_in(attributes, name);
}

template <class Text>
std::string write(const BasicDescription<Text>& d) {
    std::string out;
    out.reserve(512);
    out.append("v=0\r\no=").append(d.origin.username).append(1, ' ').append(d.origin.session_id);
    out.append(1, ' ').append(d.origin.version).append(" IN ").append(family_text(d.origin.family));
    out.append(1, ' ').append(d.origin.address).append("\r\ns=").append(d.session_name).append("\r\n");
    append_connection(out, d.connection);
    append_lines(out, 'b', d.bandwidths);
    if (d.times.empty()) out += "t=0 0\r\n";
    append_lines(out, 't', d.times);
    append_attributes(out, d.attributes);
    for (const auto& m : d.media) append_media(out, m);
    return out;
}

template struct BasicMedia<std::string>;
template struct BasicMedia<std::string_view>;
template struct BasicDescription<std::string>;
template struct BasicDescription<std::string_view>;
template std::string write(const SessionDescription& d);
template std::string write(const DescriptionView& d);

namespace {

std::optional<Connection> own(const std::optional<BasicConnection<std::string_view>>& c) {
    if (!c) return std::nullopt;
    return Connection{c->family, std::string(c->host), c->address};
}
std::vector<std::string> own(const std::vector<std::string_view>& texts) { return {texts.begin(), texts.end()}; }
std::vector<Attribute> own(const std::vector<BasicAttribute<std::string_view>>& attributes) {
    std::vector<Attribute> out;
    out.reserve(attributes.size());
    for (const auto& a : attributes) out.push_back({std::string(a.name), std::string(a.value), a.has_value});
    return out;
}

}  // namespace

SessionDescription own(const DescriptionView& d) {
    SessionDescription out;
    const auto& o = d.origin;
    out.origin = {std::string(o.username), std::string(o.session_id), std::string(o.version), std::string(o.address),
                  o.family};
    out.session_name = d.session_name;
    out.connection = own(d.connection);
    out.bandwidths = own(d.bandwidths);
    out.times = own(d.times);
    out.attributes = own(d.attributes);
    out.media.reserve(d.media.size());
    for (const auto& m : d.media)
        out.media.push_back({std::string(m.media), m.port, std::string(m.protocol), own(m.formats), own(m.connection),
                             own(m.bandwidths), own(m.attributes)});
    return out;
}

}  // namespace sallyport::sdp
