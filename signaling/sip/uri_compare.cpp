// When two URIs name the same thing (RFC 3261 19.1.4, RFC 3966 4) and which E.164 number a URI names.
#include <algorithm>
#include <vector>

#include "signaling/sip/fields.h"
#include "signaling/sip/uri_scan.h"

namespace sallyport::sip {
namespace {

constexpr std::string_view separators = "-.()";  // RFC 3966 visual-separator

std::string without_separators(std::string_view text) {
    std::string out;
    for (const char c : text)
        if (separators.find(c) == std::string_view::npos) out.push_back(c);
    return out;
}

bool same_unescaped(std::string_view a, std::string_view b) { return a == b || decode_escapes(a) == decode_escapes(b); }

bool same_value(const Parameter& a, const Parameter& b) {
    return a.has_value == b.has_value && equal_ignoring_case(decode_escapes(a.value), decode_escapes(b.value));
}

// These must match even if only one of the two URIs has them (RFC 3261 19.1.4).
bool must_stand_in_both(std::string_view name) {
    return name == "user" || name == "ttl" || name == "method" || name == "maddr" || name == "transport";
}

bool same_sip_parameters(const Parameters& a, const Parameters& b) {
    for (const auto& p : a.all()) {
        const Parameter* other = b.find(p.name);
        if (other == nullptr ? must_stand_in_both(p.name) : !same_value(p, *other)) return false;
    }
    return std::none_of(b.all().begin(), b.all().end(),
                        [&](const Parameter& p) { return must_stand_in_both(p.name) && !a.has(p.name); });
}

bool same_tel_parameters(const Parameters& a, const Parameters& b) {
    if (a.all().size() != b.all().size()) return false;
    return std::all_of(a.all().begin(), a.all().end(), [&](const Parameter& p) {
        const Parameter* other = b.find(p.name);
        return other != nullptr && (same_value(p, *other) ||
                                    equal_ignoring_case(without_separators(p.value), without_separators(other->value)));
    });
}

// URI headers count in any order, each as often as it stands there.
std::vector<std::string> sorted_headers(std::string_view text) {
    std::vector<std::string> out;
    while (!text.empty()) {
        const std::size_t end = text.find('&');
        const std::string_view one = text.substr(0, end);
        text = end == std::string_view::npos ? std::string_view() : text.substr(end + 1);
        const std::size_t equals = std::min(one.find('='), one.size());
        out.push_back(scan::lowered(decode_escapes(one.substr(0, equals))) + decode_escapes(one.substr(equals)));
    }
    std::sort(out.begin(), out.end());
    return out;
}

struct Subscriber {
    std::string_view number;
    std::string_view context;  // value of phone-context, or empty
};

// A SIP user part can carry the parameters of the tel URI it was made from (RFC 3261 19.1.6): "+1555;npdi@".
Subscriber subscriber_of_user(std::string_view user) {
    Subscriber out;
    const std::size_t semicolon = std::min(user.find(';'), user.size());
    out.number = user.substr(0, semicolon);
    each_uri_parameter(user.substr(semicolon), [&](std::string_view name, std::string_view value, bool) {
        if (equal_ignoring_case(name, "phone-context")) out.context = value;
        return true;
    });
    return out;
}

bool append_digits(std::string& out, std::string_view text) {
    for (const char c : text) {
        if (separators.find(c) != std::string_view::npos) continue;
        if (!scan::is(c, scan::digit) || out.size() > 15) return false;
        out.push_back(c);
    }
    return true;
}

}  // namespace

bool equivalent(const Uri& a, const Uri& b) {
    if (a.scheme != b.scheme) return false;
    switch (a.scheme) {
        case Scheme::sip:
        case Scheme::sips:
            return a.has_user == b.has_user && same_unescaped(a.user, b.user) &&
                   same_unescaped(a.password, b.password) && equal_ignoring_case(a.host, b.host) && a.port == b.port &&
                   same_sip_parameters(a.parameters, b.parameters) &&
                   sorted_headers(a.headers) == sorted_headers(b.headers);
        case Scheme::tel:
            return equal_ignoring_case(without_separators(decode_escapes(a.user)),
                                       without_separators(decode_escapes(b.user))) &&
                   same_tel_parameters(a.parameters, b.parameters);
        case Scheme::urn: return equal_ignoring_case(a.user, b.user);  // urn:service is case-insensitive, RFC 5031 4.1
        case Scheme::other: return a.scheme_text == b.scheme_text && a.user == b.user;
    }
    return false;
}

std::optional<std::string> e164(const Uri& uri) {
    if (uri.scheme == Scheme::urn || uri.scheme == Scheme::other) return std::nullopt;
    Subscriber subscriber = subscriber_of_user(uri.user);  // cut first, then decode: "%3B" ends no number
    if (uri.scheme == Scheme::tel) subscriber.context = uri.parameters.value("phone-context").value_or("");
    const std::string local = decode_escapes(subscriber.number), context = decode_escapes(subscriber.context);
    std::string number = "+";
    if (local.starts_with('+')) {
        if (!append_digits(number, std::string_view(local).substr(1))) return std::nullopt;
    } else {
        if (!context.starts_with('+') || local.empty()) return std::nullopt;
        if (!append_digits(number, std::string_view(context).substr(1)) || !append_digits(number, local))
            return std::nullopt;
    }
    if (number.size() < 2 || number[1] == '0') return std::nullopt;  // no country code begins with 0
    return number;
}

}  // namespace sallyport::sip
