// The header fields that have structure, each with its pure parser. Lists are split first (Message::values).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "control/base/endpoint.h"
#include "control/base/result.h"
#include "signaling/sip/method.h"
#include "signaling/sip/uri.h"

namespace sallyport::sip {

enum class FieldErrc : std::uint8_t {
    empty,
    malformed,
    bad_number,
    bad_uri,
    bad_parameter,
    bad_quoting,
    bad_version,
    out_of_range
};
std::string_view to_string(FieldErrc e);
template <class T>
using FieldResult = Result<T, FieldErrc>;

struct ViaView {
    std::string_view name, version, transport, host;  // "SIP", "2.0", "TLS", sent-by: as written
    ParametersView parameters;
    std::string_view branch;  // empty without one
    std::uint16_t port = 0;
    bool is_ours() const;  // SIP/2.0
};
struct Via {                // RFC 3261 20.42, RFC 3581
    std::string protocol;   // "SIP/2.0"
    std::string transport;  // upper case: "UDP", "TCP", "TLS"
    std::string host;       // sent-by, IPv6 in brackets
    std::uint16_t port = 0;
    Parameters parameters;  // branch, received, rport, maddr, ttl
    std::string_view branch() const;
    std::string text() const;
};
struct CSeq {
    std::uint32_t number = 0;  // < 2^31
    Method method = Method::other;
    std::string_view method_text;  // where it stands
};
struct NameAddrView {
    std::string_view display;  // as written, without the quotes, but with its escapes
    bool quoted = false;       // it stood in quotes
    UriView uri;
    ParametersView parameters;
    std::string_view tag;  // empty without one
    std::string display_name() const;
};
struct NameAddr {              // From, To, Contact, Route, P-Asserted-Identity ...: RFC 3261 20.10, RFC 8217
    std::string display_name;  // unquoted, unescaped
    Uri uri;
    Parameters parameters;  // header parameters; after a bare addr-spec all of them are
    std::string_view tag() const;
    std::string text() const;  // always in < >
};
// `<uri>` behind the name in quotes, where there is one. The URI stands as it is: whoever calls has composed it.
std::string name_addr_text(std::string_view display_name, std::string_view uri);
struct Credentials {     // Authorization, Proxy-Authorization and the challenges: RFC 7616
    std::string scheme;  // as written, e.g. "Digest"
    Parameters parameters;
};
struct AuthChallenge {
    std::string realm, nonce, opaque, algorithm, qop;
    bool stale = false;
};
struct RAck {
    std::uint32_t rseq = 0, cseq = 0;
    Method method = Method::other;
};
struct MediaTypeView {
    std::string_view type, subtype;  // as written
    ParametersView parameters;
    bool is(std::string_view full) const;  // "application/sdp", any case
};
struct MediaType {
    std::string type, subtype;  // lower case
    Parameters parameters;
    bool is(std::string_view full) const;  // "application/sdp"
};

FieldResult<ViaView> view_via(std::string_view value);
FieldResult<Via> parse_via(std::string_view value);
FieldResult<CSeq> parse_cseq(std::string_view value);
FieldResult<NameAddrView> view_name_addr(std::string_view value);
FieldResult<NameAddr> parse_name_addr(std::string_view value);
Via own(const ViaView& via);
NameAddr own(const NameAddrView& party);
FieldResult<Credentials> parse_credentials(std::string_view value);
FieldResult<AuthChallenge> parse_challenge(std::string_view value);  // Digest only
FieldResult<ParametersView> view_parameters(std::string_view text);
FieldResult<Parameters> parse_parameters(std::string_view text);  // ";a=b;c", e.g. what follows Session-Expires' number
FieldResult<std::uint32_t> parse_number(std::string_view value);  // digits only, surrounding LWS allowed; e.g. Expires
// RFC 3261 20.10: 0 to 1 with three decimals; without one, or with anything else, 1.
double q_of(const NameAddr& contact);
std::string q_text(double q);                                          // "0.250"; "1"
FieldResult<std::uint32_t> parse_retry_after(std::string_view value);  // seconds; comment and parameters are skipped
FieldResult<RAck> parse_rack(std::string_view value);
FieldResult<MediaTypeView> view_media_type(std::string_view value);
FieldResult<MediaType> parse_media_type(std::string_view value);
// Splits at commas outside quotes and < >; trims. A dangling comma gives an empty element, which is dropped.
std::vector<std::string_view> split_list(std::string_view value);
std::string_view first_of_list(std::string_view value);
std::string_view take_from_list(std::string_view& rest);  // the next element, cut off `rest`; empty: a dangling comma's
// Appends them; the same without a vector of their own.
void split_list(std::string_view value, std::vector<std::string_view>& out);
// "token" if it is one, else in double quotes with escapes.
std::string quote(std::string_view text);
bool is_token(std::string_view text);
bool are_same_letters(const char* a, const char* b, std::size_t size);  // any case
inline bool equal_ignoring_case(std::string_view a, std::string_view b) {
    return a.size() == b.size() && are_same_letters(a.data(), b.data(), a.size());
}

}  // namespace sallyport::sip
