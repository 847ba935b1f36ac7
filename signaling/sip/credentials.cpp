// Authorization, Proxy-Authorization and the challenges: scheme and auth-params, RFC 7616 3.3, 3.4 and RFC 3261 25.1.
// Judges the form only; what a Digest needs is digest.h's to know.
#include "signaling/sip/auth_params.h"

namespace sallyport::sip {

FieldResult<CredentialsView> split_credentials(std::string_view value) {
    value = scan::trim(value);
    if (value.empty()) return FieldErrc::empty;
    if (value.size() > limits::field_bytes) return FieldErrc::out_of_range;
    scan::Cursor cursor(value);
    const std::string_view scheme = cursor.take_while(scan::token);
    if (scheme.empty() || !(cursor.at_end() || cursor.next_is(' ') || cursor.next_is('\t')))
        return FieldErrc::malformed;
    return CredentialsView{scheme, cursor.rest()};
}

FieldResult<Credentials> parse_credentials(std::string_view value) {
    const auto parts = split_credentials(value);
    if (!parts) return parts.error();
    Credentials out;
    out.scheme = parts->scheme;
    const auto error = each_auth_param(parts->auth_params, [&](const ParameterView& one) -> std::optional<FieldErrc> {
        out.parameters.list().push_back({scan::lowered(one.name),
                                         one.quoted ? scan::unquoted(one.value) : std::string(one.value), true,
                                         one.quoted});
        return std::nullopt;
    });
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
