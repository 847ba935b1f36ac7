// Authorization, Proxy-Authorization and the challenges: scheme and auth-params, RFC 7616 3.3, 3.4 and RFC 3261 25.1.
// Judges the form only; what a Digest needs is digest.h's to know.
#include "signaling/sip/fields.h"
#include "signaling/sip/limits.h"
#include "signaling/sip/scan.h"

namespace sallyport::sip {
namespace {

// A list of name=value between commas; empty elements are legal (RFC 9110 5.6.1). Names may repeat here: whether that
// is an attack is decided by whoever knows the scheme.
std::optional<FieldErrc> scan_auth_params(scan::Cursor& cursor, Parameters& out) {
    auto& list = out.list();
    list.reserve(10);
    for (;;) {
        cursor.skip_lws();
        if (cursor.take(',')) continue;
        if (cursor.at_end()) return std::nullopt;
        const std::string_view name = cursor.take_while(scan::token);
        cursor.skip_lws();
        if (name.empty() || !cursor.take('=')) return FieldErrc::bad_parameter;
        if (list.size() == limits::parameters) return FieldErrc::out_of_range;
        Parameter& parameter = list.emplace_back();
        parameter.name = scan::lowered(name);
        parameter.has_value = true;
        cursor.skip_lws();
        if (cursor.next_is('"')) {
            const auto quoted = cursor.take_quoted();
            if (!quoted) return FieldErrc::bad_quoting;
            parameter.value = scan::unquoted(*quoted);
            parameter.quoted = true;
        } else {
            parameter.value = cursor.take_while(scan::value);
            if (parameter.value.empty()) return FieldErrc::bad_parameter;
        }
        cursor.skip_lws();
        if (!cursor.at_end() && !cursor.next_is(',')) return FieldErrc::bad_parameter;
    }
}

}  // namespace

FieldResult<Credentials> parse_credentials(std::string_view value) {
    value = scan::trim(value);
    if (value.empty()) return FieldErrc::empty;
    if (value.size() > limits::field_bytes) return FieldErrc::out_of_range;
    scan::Cursor cursor(value);
    Credentials out;
    out.scheme = cursor.take_while(scan::token);
    if (out.scheme.empty() || !(cursor.at_end() || cursor.next_is(' ') || cursor.next_is('\t')))
        return FieldErrc::malformed;
    const auto error = scan_auth_params(cursor, out.parameters);
    if (!error) return out;
    if (equal_ignoring_case(out.scheme, "Digest")) return *error;
    out.parameters = {};  // another scheme may write what it likes ("Bearer mF_9.B5f-4.1JqM")
    return out;
}

FieldResult<AuthChallenge> parse_challenge(std::string_view value) {
    auto credentials = parse_credentials(value);
    if (!credentials) return credentials.error();
    if (!equal_ignoring_case(credentials->scheme, "Digest")) return FieldErrc::malformed;
    const Parameters& given = credentials->parameters;
    const auto text = [&](std::string_view name) { return std::string(given.value(name).value_or("")); };
    if (!given.has("realm") || text("nonce").empty()) return FieldErrc::bad_parameter;
    AuthChallenge out{text("realm"), text("nonce"), text("opaque"), text("algorithm"), text("qop")};
    out.stale = equal_ignoring_case(text("stale"), "true");
    return out;
}

}  // namespace sallyport::sip
