// Reading and writing URIs, RFC 3261 19.1 and 25.1, RFC 3966, RFC 8141. Strict where a lenient reader could be led to
// another host or parameter than the next element; lenient about the characters of a user part, which real phones fill
// with "#" and UTF-8.
#include "signaling/sip/uri.h"

#include <cstring>

#include "signaling/sip/fields.h"
#include "signaling/sip/limits.h"
#include "signaling/sip/parameters.h"
#include "signaling/sip/uri_scan.h"

namespace sallyport::sip {
namespace {

using scan::is;

Scheme scheme_from(std::string_view text) {
    if (text == "sip") return Scheme::sip;
    if (equal_ignoring_case(text, "sip")) return Scheme::sip;
    if (equal_ignoring_case(text, "sips")) return Scheme::sips;
    if (equal_ignoring_case(text, "tel")) return Scheme::tel;
    if (equal_ignoring_case(text, "urn")) return Scheme::urn;
    return Scheme::other;
}

bool is_scheme(std::string_view text) {
    if (text.empty() || !is(text[0], scan::alpha)) return false;
    for (const char c : text)
        if (!is(c, scan::alpha | scan::digit) && c != '+' && c != '-' && c != '.') return false;
    return true;
}

// RFC 5118 4.10: "2001:db8:::192.0.2.1" follows from the old grammar and has to be understood.
std::optional<IpAddress> ipv6_literal(std::string_view bracketed) {
    const std::size_t three = bracketed.find(":::");
    if (three == std::string_view::npos) return IpAddress::parse(bracketed);
    std::string repaired(bracketed);
    repaired.erase(three, 1);
    return IpAddress::parse(repaired);
}

// "tel:" subscriber: RFC 3966 3. Escaped "#" and "*" are met in practice.
bool is_subscriber(std::string_view text) {
    if (!text.empty() && text.front() == '+') text.remove_prefix(1);
    if (text.empty() || !scan::escapes_are_whole(text)) return false;
    for (const char c : text)
        if (!is(c, scan::hex) && std::string_view("-.()*#%").find(c) == std::string_view::npos) return false;
    return true;
}

std::optional<UriErrc> scan_user_info(std::string_view info, UriView& out) {
    out.has_user = true;
    const std::size_t colon = info.find(':');
    out.user = info.substr(0, colon);
    if (colon != std::string_view::npos) out.password = info.substr(colon + 1);
    if (out.user.empty() || !scan::is_uri_text(info)) return UriErrc::bad_user;
    return std::nullopt;
}

// Cuts "user[:password]@" off `rest`, if it begins so.
std::optional<UriErrc> take_user_info(std::string_view& rest, UriView& out) {
    const char* const end = rest.data() + rest.size();
    const char* at = scan::skip(rest.data(), end, scan::name);
    if (at != end && *at == '@' && at != rest.data()) {  // nearly every one: a name or a number
        out.has_user = true;
        out.user = {rest.data(), static_cast<std::size_t>(at - rest.data())};
    } else {
        const void* found = std::memchr(at, '@', static_cast<std::size_t>(end - at));
        if (found == nullptr) return std::nullopt;
        at = static_cast<const char*>(found);
        const std::string_view info(rest.data(), static_cast<std::size_t>(at - rest.data()));
        if (const auto error = scan_user_info(info, out)) return error;
    }
    rest = {at + 1, static_cast<std::size_t>(end - at - 1)};
    return std::nullopt;
}

std::optional<UriErrc> scan_sip(std::string_view rest, UriView& out) {
    if (const auto error = take_user_info(rest, out)) return error;
    const std::size_t host_end = scan_host_port(rest, out.host, out.port);
    if (host_end == std::string_view::npos) return out.host.empty() ? UriErrc::bad_host : UriErrc::bad_port;
    rest.remove_prefix(host_end);
    if (rest.empty()) return std::nullopt;
    if (const std::size_t question = rest.find('?'); question != std::string_view::npos) {
        out.headers = rest.substr(question + 1);
        rest = rest.substr(0, question);
        if (out.headers.empty() || !scan::is_uri_text(out.headers, "?;@")) return UriErrc::bad_headers;
    }
    out.parameters = rest;
    return std::nullopt;
}

std::optional<UriErrc> scan_tel(std::string_view rest, UriView& out) {
    const std::size_t semicolon = std::min(rest.find(';'), rest.size());
    out.user = rest.substr(0, semicolon);
    out.parameters = rest.substr(semicolon);
    return is_subscriber(out.user) ? std::nullopt : std::optional(UriErrc::bad_number);
}

}  // namespace

std::size_t scan_host_port(std::string_view text, std::string_view& host, std::uint16_t& port) {
    constexpr std::size_t broken = std::string_view::npos;
    host = {};
    std::size_t end = 0;
    if (!text.empty() && text[0] == '[') {
        end = text.find(']');
        if (end == broken || !ipv6_literal(text.substr(0, end + 1))) return broken;
        ++end;
    } else {
        end = static_cast<std::size_t>(scan::skip(text.data(), text.data() + text.size(), scan::host) - text.data());
        if (end == 0 || text[0] == '.') return broken;
    }
    host = text.substr(0, end);
    if (end < text.size() && text[end] == ':') {
        const std::size_t from = ++end;
        while (end < text.size() && is(text[end], scan::digit)) ++end;
        const auto n = scan::number<std::uint16_t>(text.substr(from, end - from));
        if (!n || *n == 0) return broken;
        port = *n;
    }
    if (end < text.size() && text[end] != ';' && text[end] != '?') {
        host = {};  // what stands behind the host belongs to nothing
        return broken;
    }
    return end;
}

namespace {

std::optional<UriErrc> scan_uri(std::string_view text, UriView& out) {
    if (text.empty()) return UriErrc::empty;
    if (text.size() > limits::field_bytes) return UriErrc::too_long;
    if (text.starts_with("sip:")) {
        out.scheme = Scheme::sip;
        out.scheme_text = text.substr(0, 3);
        return scan_sip(text.substr(4), out);
    }
    const std::size_t colon = text.find(':');
    if (colon == std::string_view::npos || !is_scheme(text.substr(0, colon))) return UriErrc::bad_scheme;
    out.scheme_text = text.substr(0, colon);
    out.scheme = scheme_from(out.scheme_text);
    const std::string_view rest = text.substr(colon + 1);
    switch (out.scheme) {
        case Scheme::sip:
        case Scheme::sips: return scan_sip(rest, out);
        case Scheme::tel: return scan_tel(rest, out);
        case Scheme::urn:
        case Scheme::other:
            out.user = rest;
            return rest.empty() || !scan::all(rest, scan::uri) ? std::optional(UriErrc::bad_user) : std::nullopt;
    }
    return UriErrc::bad_scheme;
}

}  // namespace

std::optional<UriErrc> read_uri(std::string_view text, UriView& out) {
    if (const auto error = scan_uri(text, out)) return error;
    if (out.parameters.empty()) return std::nullopt;
    ParameterNames names;
    return each_uri_parameter(out.parameters,
                              [&](std::string_view name, std::string_view, bool) { return !names.add(name); });
}

Result<UriView, UriErrc> view_uri(std::string_view text) {
    UriView out;
    if (const auto error = read_uri(text, out)) return *error;
    return out;
}

Result<Uri, UriErrc> parse_uri(std::string_view text) {
    UriView out;
    if (const auto error = read_uri(text, out)) return *error;
    return own(out);
}

Uri own(const UriView& uri) {
    Uri out;
    out.scheme = uri.scheme;
    out.scheme_text = scan::lowered(uri.scheme_text);
    out.user = uri.user;
    out.password = uri.password;
    out.has_user = uri.has_user;
    out.host = scan::lowered(uri.host);
    out.port = uri.port;
    out.headers = uri.headers;
    auto& list = out.parameters.list();
    each_uri_parameter(uri.parameters, [&](std::string_view name, std::string_view value, bool has_value) {
        if (list.empty()) list.reserve(2);
        list.push_back({scan::lowered(name), std::string(value), has_value});
        return true;
    });
    return out;
}

std::optional<IpAddress> Uri::host_address() const {
    return host.starts_with('[') ? ipv6_literal(host) : IpAddress::parse(host);
}

namespace {

// A value set by our own code may hold anything: what would end the parameter early is escaped.
void append_escaped(std::string& out, std::string_view value) {
    constexpr char digits[] = "0123456789ABCDEF";
    const bool escaped = scan::escapes_are_whole(value);
    for (const char c : value) {
        if (is(c, scan::uri) && c != ';' && c != '?' && c != '@' && (c != '%' || escaped)) {
            out.push_back(c);
            continue;
        }
        const auto byte = static_cast<unsigned char>(c);
        out.append({'%', digits[byte >> 4], digits[byte & 15]});
    }
}

}  // namespace

std::string Uri::text() const {
    std::string out;
    out.reserve(scheme_text.size() + user.size() + host.size() + 32);
    out.append(scheme_text).push_back(':');
    if (scheme == Scheme::sip || scheme == Scheme::sips) {
        if (has_user) {
            out.append(user);
            if (!password.empty()) out.append(1, ':').append(password);
            out.push_back('@');
        }
        out.append(host);
        if (port != 0) out.append(1, ':').append(std::to_string(port));
    } else {
        out.append(user);
    }
    for (const auto& p : parameters.all()) {
        out.append(1, ';').append(p.name);
        if (!p.has_value) continue;
        out.push_back('=');
        append_escaped(out, p.value);
    }
    if (!headers.empty()) out.append(1, '?').append(headers);
    return out;
}

std::string UriView::decoded_user() const { return decode_escapes(user); }
std::string Uri::decoded_user() const { return decode_escapes(user); }

std::string decode_escapes(std::string_view text) {
    std::string out;
    out.reserve(text.size());
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '%' && text.size() - i > 2 && is(text[i + 1], scan::hex) && is(text[i + 2], scan::hex)) {
            out.push_back(static_cast<char>(scan::hex_digit(text[i + 1]) << 4 | scan::hex_digit(text[i + 2])));
            i += 2;
        } else {
            out.push_back(text[i]);
        }
    }
    return out;
}

std::string_view to_string(UriErrc e) {
    switch (e) {
        case UriErrc::empty: return "empty URI";
        case UriErrc::bad_scheme: return "no URI scheme";
        case UriErrc::bad_user: return "bad user part";
        case UriErrc::bad_host: return "bad host";
        case UriErrc::bad_port: return "bad port";
        case UriErrc::bad_parameter: return "bad URI parameter";
        case UriErrc::bad_headers: return "bad URI headers";
        case UriErrc::bad_number: return "bad telephone number";
        case UriErrc::too_long: return "URI too long";
    }
    return "bad URI";
}

}  // namespace sallyport::sip
