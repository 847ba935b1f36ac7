#include "control/cli/trunk_sheet.h"

#include <algorithm>
#include <array>

#include "control/base/endpoint.h"

namespace sallyport::cli {
namespace {

constexpr std::array<std::string_view, 3> transports{"TLS", "TCP", "UDP"};  // in order of preference

// An empty list means TLS alone.
bool may_use(const pv1::Trunk& trunk, std::string_view transport) {
    if (trunk.transports_size() == 0) return transport == "TLS";
    return std::any_of(trunk.transports().begin(), trunk.transports().end(), [&](int allowed) {
        return (allowed == pv1::TRANSPORT_TLS && transport == "TLS") ||
               (allowed == pv1::TRANSPORT_TCP && transport == "TCP") ||
               (allowed == pv1::TRANSPORT_UDP && transport == "UDP");
    });
}

std::string upper(std::string text) {
    for (char& c : text)
        if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
    return text;
}

// The IP version of its interface: as provisioned, else in static mode that of its sources; none: either will do.
Family family_of(const pv1::Trunk& trunk) {
    if (trunk.network().ip_version() == pv1::IP_VERSION_V4) return Family::v4;
    if (trunk.network().ip_version() == pv1::IP_VERSION_V6) return Family::v6;
    if (trunk.mode() != pv1::TRUNK_MODE_STATIC || trunk.sources_size() == 0) return Family::none;
    const std::string& source = trunk.sources(0);
    const auto address = IpAddress::parse(std::string_view(source).substr(0, source.find('/')));
    return address ? address->family : Family::none;
}

// Listeners of the trunk's realm that it may use, best first.
std::vector<const ov1::Listener*> places(const pv1::Trunk& trunk, const ov1::SignalingStatus& node) {
    const Family family = family_of(trunk);
    const auto of_other_family = [family](const ov1::Listener& listener) {
        const auto bound = Endpoint::parse(listener.endpoint());
        return family != Family::none && bound && bound->address.family != family;
    };
    std::vector<const ov1::Listener*> out;
    for (const auto transport : transports)
        for (const auto& listener : node.listeners())
            if (listener.realm() == trunk.realm() && upper(listener.transport()) == transport &&
                may_use(trunk, transport) && !of_other_family(listener))
                out.push_back(&listener);
    return out;
}

std::uint32_t port_of(const ov1::Listener& listener) {
    if (listener.advertised_port() != 0) return listener.advertised_port();
    return upper(listener.transport()) == "TLS" ? 5061 : 5060;
}

class Lines {
public:
    void fact(std::string_view name, const std::string& value) {
        if (value.empty()) return;
        text_ += std::string(name) + std::string(name.size() < width ? width - name.size() : 1, ' ') + value + '\n';
    }
    void title(std::string_view text) { text_ += (text_.empty() ? "" : "\n") + std::string(text) + '\n'; }
    std::string take() { return std::move(text_); }

private:
    static constexpr std::size_t width = 24;
    std::string text_;
};

template <class Values>
std::string joined(const Values& values) {
    std::string out;
    for (const auto& value : values) out += (out.empty() ? "" : ", ") + value;
    return out;
}

void add_servers(const pv1::Trunk& trunk, const ov1::SignalingStatus& node, Lines& out) {
    out.title("Where");
    const auto found = places(trunk, node);
    if (found.empty()) out.fact("server", "NONE: realm " + trunk.realm() + " has no listener that this trunk may use");
    for (const auto* listener : found)
        out.fact("server " + upper(listener->transport()),
                 listener->advertised_host() + ":" + std::to_string(port_of(*listener)));
    for (const auto* listener : found) {
        if (listener->certificate_sha256().empty()) continue;
        out.fact("certificate SHA-256", listener->certificate_sha256());
        out.fact("certificate ends", listener->certificate_ends_at());
        out.fact("", "trust the CA that signed it, or pin the fingerprint; the name to check is that of the server");
        break;
    }
    out.fact("SIP domain", trunk_domain(trunk));
    if (family_of(trunk) != Family::none)
        out.fact("IP version", family_of(trunk) == Family::v6 ? "IPv6, for SIP and media" : "IPv4, for SIP and media");
}

void add_identity(const pv1::Trunk& trunk, Lines& out) {
    const bool registers = trunk.mode() == pv1::TRUNK_MODE_REGISTRATION;
    out.title("As whom");
    out.fact("mode",
             registers ? "registration (SIPconnect 2.0 Annex A)" : "static (SIPconnect 2.0 Annex B): no REGISTER");
    out.fact("registration AOR", trunk.registration_aor());
    if (registers)
        out.fact("registers", trunk.single_aor_compatibility()
                                  ? "this one AOR, Contact with its user part (compatibility mode)"
                                  : "in bulk: Contact without user part and with ;bnc, Require: gin (RFC 6140)");
    for (const auto& credential : trunk.credentials()) {
        out.fact("user name", credential.username());
        out.fact("Digest realm", credential.digest_realm().empty() ? trunk_domain(trunk) : credential.digest_realm());
        out.fact("Digest algorithms", joined(credential.algorithms()));
        out.fact("password", "(told apart: it is not stored here)");
    }
    for (const auto& target : trunk.targets())
        out.fact("we send calls to", target.host() + (target.port() != 0 ? ":" + std::to_string(target.port()) : ""));
    out.fact("requests come from", joined(trunk.sources()));
}

void add_calls(const pv1::Trunk& trunk, Lines& out) {
    out.title("Calls");
    for (const auto& range : trunk.numbers())
        out.fact("numbers",
                 range.first() +
                     (range.last().empty() || range.last() == range.first() ? std::string() : " to " + range.last()));
    out.fact("number format", "E.164 with +, e.g. sip:+4930123456@" + trunk_domain(trunk) + ";user=phone");
    out.fact("calls at a time",
             trunk.limits().concurrent_calls() == 0 ? "unlimited" : std::to_string(trunk.limits().concurrent_calls()));
    if (trunk.limits().calls_per_second() > 0)
        out.fact("calls per second", std::to_string(trunk.limits().calls_per_second()).substr(0, 6));
    std::vector<std::string> barred(trunk.limits().barred_prefixes().begin(), trunk.limits().barred_prefixes().end());
    if (!trunk.limits().without_default_bars()) barred.insert(barred.begin(), "premium rate, shared cost, satellites");
    if (!barred.empty()) out.fact("not called", joined(barred));
    out.fact("forwarding", std::string("new INVITE with History-Info of the number that forwards") +
                               (trunk.forwarding().keep_redirects() ? "; 302 is not followed" : ", or 302"));
    out.fact("codecs",
             trunk.media().codecs_size() == 0 ? "any; PCMA and PCMU always work" : joined(trunk.media().codecs()));
    out.fact("DTMF", "telephone-event (RFC 4733)");
    out.fact("media", trunk.media().srtp() == pv1::SRTP_POLICY_OFF
                          ? "RTP/AVP, not encrypted"
                          : "RTP/SAVP with SDES keys: AES_CM_128_HMAC_SHA1_80; RTP/AVP is refused with 488");
}

void add_timers(const pv1::Trunk& trunk, Lines& out) {
    out.title("Timers and failures");
    const auto expires = trunk.limits().registration_expires_seconds();
    if (trunk.mode() == pv1::TRUNK_MODE_REGISTRATION)
        out.fact("Expires", "at most " + std::to_string(expires == 0 ? 3'600 : expires) + " s; what is granted counts");
    out.fact("keep-alive", "CRLF CRLF on TCP and TLS (RFC 5626), or OPTIONS; every 30 to 120 s");
    const auto& sessions = trunk.session_timers();
    const auto least = sessions.min_seconds() == 0 ? 90 : sessions.min_seconds();
    out.fact("session timer", sessions.on_request()
                                  ? "where the PBX asks for one, " + std::to_string(least) + " s or more (RFC 4028)"
                                  : std::to_string(sessions.seconds() == 0 ? 1'800 : sessions.seconds()) +
                                        " s at most, by UPDATE or INVITE; a PBX without is asked by us");
    const bool reliable = !trunk.has_reliable_provisionals() || trunk.reliable_provisionals();
    out.fact("100rel", reliable ? "taken and offered, never required (RFC 3262)"
                                : "not taken: a call that requires it is refused with 420");
    if (trunk.replaces())
        out.fact("Replaces", "taken, of calls of this trunk and its customer (RFC 3891); REFER is not");
    out.fact("no answer, no connection", "connect again once; then wait 30 s, doubling up to 960 s");
    out.fact("503 with Retry-After", "wait that long; more than 32 s: try another node first");
    out.fact("603 to a call", "not allowed from this trunk, or its budget for the day is spent: do not try elsewhere");
    out.fact("403 to a call", "the PBX is not registered (any more): register again");
}

}  // namespace

SheetServer first_server(const pv1::Trunk& trunk, const ov1::SignalingStatus& node) {
    const auto found = places(trunk, node);
    if (found.empty()) return {};
    const auto& best = *found.front();
    const auto address = IpAddress::parse(best.advertised_host());
    const auto bound = Endpoint::parse(best.endpoint());
    return {upper(best.transport()), best.advertised_host(), port_of(best),
            address ? address->family
            : bound ? bound->address.family
                    : Family::none};
}

std::string trunk_domain(const pv1::Trunk& trunk) {
    if (!trunk.domain().empty()) return trunk.domain();
    const auto at = trunk.registration_aor().find('@');
    return at == std::string::npos ? std::string() : trunk.registration_aor().substr(at + 1);
}

std::string aor_user(const pv1::Trunk& trunk) {
    const auto& aor = trunk.registration_aor();
    const auto colon = aor.find(':'), at = aor.find('@');
    return at == std::string::npos || colon == std::string::npos ? std::string()
                                                                 : aor.substr(colon + 1, at - colon - 1);
}

std::string sheet_text(const pv1::Trunk& trunk, const ov1::SignalingStatus& node) {
    Lines out;
    out.fact("trunk", trunk.name() + (trunk.display_name().empty() ? "" : " (" + trunk.display_name() + ")") +
                          (trunk.disabled() ? ", DISABLED" : ""));
    add_servers(trunk, node, out);
    add_identity(trunk, out);
    add_calls(trunk, out);
    add_timers(trunk, out);
    return out.take();
}

}  // namespace sallyport::cli
