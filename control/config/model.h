// The provisioned state as plain values: what a trunk, a carrier, a route and a customer are. No protobuf, no text
// formats. Read by signaling/policy; written only through config/change.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "control/base/endpoint.h"
#include "control/config/destinations.h"
#include "control/config/emergency_area.h"
#include "control/config/header_rule.h"
#include "control/config/identity.h"
#include "control/config/numbering.h"

namespace sallyport::config {

enum class Transport : std::uint8_t { unspecified, udp, tcp, tls };
enum class TrunkMode : std::uint8_t { registration, static_ };
enum class SrtpPolicy : std::uint8_t { required, off };
// What a party that puts the other one on hold is understood to want: who plays music to whom (SIPconnect 14.10).
enum class MusicOnHold : std::uint8_t {
    pass,     // the other one is told what was said
    own,      // its own: the other one is told sendrecv for sendonly, so that no network server plays any
    network,  // the other one's network's: told sendonly, for inactive too
    none,     // nobody's: told inactive
};
// Where calls of a trunk to numbers of this node's trunks go.
enum class OnNet : std::uint8_t {
    carrier,   // as every other call: to the carriers of their route, which may send them back
    customer,  // straight to the PBX where it is the same customer's
    node,      // straight to every PBX of this node
};
// When what a called side sends before it answers is relayed (SIPconnect 14.9).
enum class EarlyMedia : std::uint8_t {
    described,  // once it has described it in an 18x
    announced,  // and has said by P-Early-Media that it comes
    none,       // never: its caller hears a tone of its own
};
// What becomes of a request of more than 1300 bytes that would go over UDP (RFC 3261 18.1.1).
enum class LargeRequests : std::uint8_t {
    automatic,     // where nobody has said UDP (target, Contact, DNS) tcp_then_udp, else udp
    tcp,           // TCP, whoever has said UDP; where that is not taken, the request fails there
    tcp_then_udp,  // TCP, and UDP after all where TCP is refused or cannot be had
    udp,           // UDP, in fragments if need be
};
// Which calls of a trunk leave a record. Calls for help always do.
enum class CallRecords : std::uint8_t {
    all,
    received,  // those that come to it, and not those that its PBX begins (SIPconnect 16.6.3)
    none,
};
enum class Fax : std::uint8_t {  // an m=image of ITU-T T.38
    t38,                         // relayed
    off,                         // refused: fax stays in the audio
};
enum class DigestAlgorithm : std::uint8_t { sha256, md5 };
// When a PBX has to prove itself by Digest beyond REGISTER, which always asks for it. ACK and CANCEL never can
// (RFC 3261 22.1).
enum class DigestUse : std::uint8_t {
    automatic,       // static mode over TLS, where the trunk has credentials: per_connection; else when_unknown
    when_unknown,    // requests that neither a registered flow nor a source address identifies
    per_connection,  // the first request of every connection; on UDP, which has none, every request
    per_request,     // every request, or those of Authentication::methods
};

struct Credential {
    std::string username;
    std::string digest_realm;  // empty: the domain of the registration AOR
    std::string ha1_md5;       // 32 lower-case hex digits, or empty
    std::string ha1_sha256;    // 64, or empty
    friend bool operator==(const Credential&, const Credential&) = default;
};
struct Authentication {
    DigestUse digest = DigestUse::automatic;
    std::vector<DigestAlgorithm> algorithms;  // offered, in this order; empty: SHA-256, MD5
    std::vector<std::string> methods;         // per_request: these alone; empty: all
    bool without_qop = false;                 // answers in the form of RFC 2069 are taken, each nonce once
    friend bool operator==(const Authentication&, const Authentication&) = default;
};
struct RegistrationTimes {
    std::uint32_t min_expires_seconds = 60;     // 423 below it
    std::uint32_t default_expires_seconds = 0;  // where the PBX asks for none; 0: the limit
    friend bool operator==(const RegistrationTimes&, const RegistrationTimes&) = default;
};
struct NumberRange {
    std::string first, last;  // E.164 with "+", same length, first <= last; one number: both the same
    bool contains(std::string_view e164) const;
    std::string to_string() const;  // "+4930123400..+4930123499", or the one number
    friend bool operator==(const NumberRange&, const NumberRange&) = default;
};
struct Limits {
    std::uint32_t concurrent_calls = 0;  // 0: unlimited
    double calls_per_second = 0;         // 0: unlimited
    std::uint32_t max_contacts = 4;
    std::uint32_t registration_expires_seconds = 3600;
    std::vector<std::string> barred_prefixes{};  // E.164 with "+", beside those of barred_by_default
    bool without_default_bars = false;           // the former alone
    double cost_per_day = 0;                     // in the unit of Route::price_per_minute; 0: unlimited
    std::uint32_t burst = 0;                     // calls at once within calls_per_second; 0: one second's worth
    std::uint32_t bandwidth_kbps = 0;            // of media, as policy/bandwidth.h measures it; 0: unlimited
    bool bars(std::string_view e164) const;
    friend bool operator==(const Limits&, const Limits&) = default;
};
struct NumberLimit {  // calls at a time from and to numbers of a trunk
    NumberRange numbers;
    std::uint32_t concurrent_calls = 0;       // of all of them together; 0: unlimited
    std::uint32_t concurrent_calls_each = 0;  // of each of them; 0: unlimited
    friend bool operator==(const NumberLimit&, const NumberLimit&) = default;
};
struct MediaPolicy {
    SrtpPolicy srtp = SrtpPolicy::required;
    std::vector<std::string> codecs;  // empty: all
    std::uint32_t inactivity_seconds = 300;
    bool latch_any_address = false;
    std::string port;  // media port name; empty: the realm's
    MusicOnHold music_on_hold = MusicOnHold::pass;
    EarlyMedia early_media = EarlyMedia::described;
    std::uint32_t packet_milliseconds = 0;  // of audio, asked for from both parties; 0: as each of them asks
    Fax fax = Fax::t38;
    friend bool operator==(const MediaPolicy&, const MediaPolicy&) = default;
};
struct OverflowNumber {
    NumberRange range;
    std::string to;  // E.164 with "+"
    friend bool operator==(const OverflowNumber&, const OverflowNumber&) = default;
};
struct Overflow {                         // where calls go while the PBX cannot be reached
    std::vector<OverflowNumber> numbers;  // those to these, as if the PBX had sent them there; the first that fits
    std::string trunk;                    // id of the trunk that takes all others; empty: none
    const std::string* number_for(std::string_view called) const;  // nullptr: none
    friend bool operator==(const Overflow&, const Overflow&) = default;
};
struct Forwarding {
    bool keep_redirects = false;  // a 3xx of its PBX is not followed
    friend bool operator==(const Forwarding&, const Forwarding&) = default;
};
struct SessionTimers {               // RFC 4028
    std::uint32_t seconds = 1800;    // asked for, and granted at most; 0: only what the peer asks for
    std::uint32_t min_seconds = 90;  // what the peer asks for below it is refused (422)
    friend bool operator==(const SessionTimers&, const SessionTimers&) = default;
};
struct Target {
    std::string host;  // name or IP literal
    std::uint16_t port = 0;
    Transport transport = Transport::unspecified;
    std::uint16_t priority = 0, weight = 0;
    friend bool operator==(const Target&, const Target&) = default;
};
struct AddressBlock {  // CIDR
    IpAddress address;
    std::uint8_t prefix_length = 0;  // bits, 0..32 or 0..128
    bool contains(const IpAddress& candidate) const;
    static std::optional<AddressBlock> parse(std::string_view text);  // "192.0.2.0/24", "192.0.2.1", "2001:db8::/32"
    std::string to_string() const;
    AddressBlock network() const;  // the same block with its host bits zero
    friend bool operator==(const AddressBlock&, const AddressBlock&) = default;
};
enum class TlsClientCertificate : std::uint8_t { unspecified, required, none };
enum class OcspPolicy : std::uint8_t { off, alarm, soft, hard };
struct PeerTls {            // TLS with a trunk or carrier, in both roles
    bool required = false;  // nothing but TLS
    TlsClientCertificate client_certificate = TlsClientCertificate::unspecified;
    std::vector<std::string> authorities, certificates;  // PEM, one certificate each
    std::vector<std::string> fingerprints;               // SHA-256: 64 lower-case hex digits
    std::vector<std::string> names;                      // empty: a target's host, or the domain
    bool wildcards = false;
    OcspPolicy ocsp = OcspPolicy::off;
    friend bool operator==(const PeerTls&, const PeerTls&) = default;

    bool names_trust() const { return !authorities.empty() || !certificates.empty() || !fingerprints.empty(); }
    // Of connections that the peer opens (SIPconnect 17.2, 17.5).
    bool needs_client_certificate() const;
    bool peer_connects() const { return client_certificate == TlsClientCertificate::none; }  // and we never do
};
enum class NatMode : std::uint8_t { off, on };
struct TrunkNetwork {
    Family family = Family::none;  // none: static mode: that of the sources; registration mode: as the PBX comes
    NatMode nat = NatMode::off;
    // Static mode: between probes of one address. Registration mode: in which a PBX that registered over UDP and is
    // gone is noticed. 0: nobody is asked.
    std::uint32_t options_interval_seconds = 0;
    friend bool operator==(const TrunkNetwork&, const TrunkNetwork&) = default;
};
struct Trunk {
    std::string id;  // "acme-hq": the resource name without "trunks/"
    std::string display_name;
    TrunkMode mode = TrunkMode::registration;
    std::string realm;
    std::string registration_aor;  // "sip:user@domain"
    std::string domain;            // of its public identities; empty: the AOR's
    std::vector<Credential> credentials;
    std::vector<NumberRange> numbers;
    Limits limits;
    MediaPolicy media;
    bool disabled = false;
    bool single_aor_compatibility = false;
    Authentication authentication;
    RegistrationTimes registration;
    std::vector<Transport> transports;  // empty: TLS only
    std::vector<Target> targets;        // static mode
    std::vector<AddressBlock> sources;  // static mode
    PeerTls tls;
    Numbering numbering{};
    TrunkIdentity identity{};
    Overflow overflow;
    Forwarding forwarding;
    TrunkNetwork network;
    SessionTimers session_timers;
    bool reliable_provisionals = true;  // RFC 3262, with a PBX that knows it
    std::string customer;               // id; empty: nobody's
    std::vector<NumberLimit> number_limits;
    Destinations destinations;
    HeaderRules headers;
    OnNet on_net = OnNet::carrier;
    bool replaces = false;  // RFC 3891: its INVITEs may take over calls of its own and of its customer
    LargeRequests large_requests = LargeRequests::automatic;
    CallRecords call_records = CallRecords::all;
    std::uint64_t revision = 0;  // of its last change; the etag
    friend bool operator==(const Trunk&, const Trunk&) = default;

    std::string_view aor_user() const;    // "user" of the AOR
    std::string_view aor_domain() const;  // "domain" of the AOR, else domain
    bool allows(Transport transport) const;
    bool owns(std::string_view e164) const;  // is it one of its numbers?
    Family family() const;                   // the one its interface has; none: whichever the PBX comes with
};
struct Carrier {
    std::string id;
    std::string display_name;
    std::string realm;
    std::string domain;
    std::vector<Target> targets;
    std::uint32_t options_interval_seconds = 30;
    std::vector<std::uint16_t> reroute_statuses{408, 500, 502, 503, 504};
    MediaPolicy media{.srtp = SrtpPolicy::off};
    std::vector<AddressBlock> sources;
    PeerTls tls;
    Numbering numbering{};
    CarrierIdentity identity{};
    std::vector<std::uint16_t> reroute_causes{};  // Q.850
    bool disabled = false;
    SessionTimers session_timers{};
    bool reliable_provisionals = true;
    HeaderRules headers{};
    bool replaces = false;  // RFC 3891: its INVITEs may take over calls of its own
    LargeRequests large_requests = LargeRequests::automatic;
    std::uint64_t revision = 0;
    friend bool operator==(const Carrier&, const Carrier&) = default;
};
struct Route {
    std::string id;
    std::string prefix;
    std::vector<std::string> carriers;  // ids, tried in order
    bool disabled = false;
    std::uint64_t revision = 0;
    std::vector<RouteChoice> choices{};          // instead of carriers
    std::vector<std::string> prefixes{};         // more of them; with any, an empty prefix means none
    std::vector<std::string> service_numbers{};  // dial strings that cross as they are
    double price_per_minute = 0;
    bool use_location = false;  // of calls for help: areas count, else nobody looks at a location
    std::vector<EmergencyArea> areas{};
    bool is_catch_all() const { return prefix.empty() && prefixes.empty() && service_numbers.empty(); }
    friend bool operator==(const Route&, const Route&) = default;
};
struct CustomerLimits {                  // of its trunks together, beside their own
    std::uint32_t concurrent_calls = 0;  // 0: unlimited
    double calls_per_second = 0;         // 0: unlimited
    std::uint32_t burst = 0;             // as of Limits
    std::uint32_t bandwidth_kbps = 0;
    friend bool operator==(const CustomerLimits&, const CustomerLimits&) = default;
};
struct Customer {
    std::string id;  // "acme": the resource name without "customers/"
    std::string display_name;
    CustomerLimits limits;
    bool disabled = false;  // its trunks' calls are refused
    std::uint64_t revision = 0;
    friend bool operator==(const Customer&, const Customer&) = default;
};

}  // namespace sallyport::config
