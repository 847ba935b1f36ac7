#include "signaling/locate/locator.h"

#include <algorithm>

#include "control/base/check.h"
#include "control/base/private_address.h"
#include "signaling/locate/host_name.h"
#include "signaling/locate/srv_order.h"

namespace sallyport::locate {
namespace {

std::uint16_t default_port(Transport transport) { return transport == Transport::tls ? 5061 : 5060; }

std::string srv_name(Transport transport, const std::string& host) {
    switch (transport) {
        case Transport::udp: return "_sip._udp." + host;
        case Transport::tcp: return "_sip._tcp." + host;
        case Transport::tls: return "_sips._tcp." + host;
    }
    SALLYPORT_CHECK(false);
}

bool same_letters(std::string_view a, std::string_view upper) {
    return std::equal(a.begin(), a.end(), upper.begin(), upper.end(),
                      [](char x, char y) { return (x >= 'a' && x <= 'z' ? static_cast<char>(x - 32) : x) == y; });
}

// RFC 3263 4.1: the three services that lead to SIP.
std::optional<Transport> service_transport(std::string_view service) {
    if (same_letters(service, "SIP+D2U")) return Transport::udp;
    if (same_letters(service, "SIP+D2T")) return Transport::tcp;
    if (same_letters(service, "SIPS+D2T")) return Transport::tls;
    return std::nullopt;
}

bool is_failure(DnsStatus status) { return status == DnsStatus::failure || status == DnsStatus::timeout; }

// An address nobody can be reached at, whatever a zone says.
bool is_reachable(const IpAddress& address) {
    return !address.empty() && !address.is_unspecified() && !address.is_multicast() && !is_v4_mapped(address);
}

}  // namespace

struct Locator::State {
    enum class Phase : std::uint8_t { naptr, srv, addresses, done };
    struct Service {  // one SRV name to try
        Transport transport;
        std::string name;
    };
    struct Host {  // one name whose addresses are wanted
        Transport transport;
        std::string name;
        std::uint16_t port;
        bool assumed = false;  // the transport
    };

    State(Wanted what, RandomSource& source) : wanted(std::move(what)), random(source) {}

    Wanted wanted;
    RandomSource& random;
    Phase phase = Phase::done;
    std::string host;
    std::vector<Service> services;
    std::vector<Host> hosts;
    std::vector<Question> waiting;
    std::vector<Answer> answers;  // of the current phase
    bool from_naptr = false;      // the domain itself said which services it has
    bool dns_failed = false;

    bool supports(Transport t) const {
        return std::find(wanted.supported.begin(), wanted.supported.end(), t) != wanted.supported.end();
    }
    // Fixed by the URI; nothing: DNS may choose.
    std::optional<Transport> fixed_transport() const;
    // RFC 3263 4.1: what is used when neither URI nor DNS say anything.
    Transport plain_transport() const;
    const Answer* answer_to(const Question& question) const;

    Step start();
    Step literal(const IpAddress& address);
    Step ask(Phase next, std::vector<Question> questions);
    Step advance();
    Step after_naptr();
    Step ask_srv();
    Step after_srv();
    Step ask_addresses();
    Step after_addresses();
    Step nothing();
};

std::optional<Transport> Locator::State::fixed_transport() const {
    if (wanted.sips) return Transport::tls;  // sips with transport=tcp is TLS over TCP (RFC 3261 26.2.2)
    if (wanted.transport) return wanted.transport;
    return std::nullopt;
}

Transport Locator::State::plain_transport() const {
    if (const auto fixed = fixed_transport()) return *fixed;
    return supports(Transport::udp) ? Transport::udp : wanted.supported.front();
}

const Answer* Locator::State::answer_to(const Question& question) const {
    const auto found =
        std::find_if(answers.begin(), answers.end(), [&](const Answer& a) { return a.question == question; });
    return found == answers.end() ? nullptr : &*found;
}

Step Locator::State::start() {
    const bool udp_for_sips = wanted.sips && wanted.transport == Transport::udp;
    if (wanted.supported.empty() || udp_for_sips || !supports(plain_transport())) return LocateErrc::unsupported;
    if (const auto address = IpAddress::parse(wanted.host)) return literal(*address);
    const auto name = host_name(wanted.host);
    if (!name) return LocateErrc::bad_host;
    host = *name;
    if (wanted.port != 0) {  // RFC 3263 4.2: a port means A and AAAA only
        hosts.push_back({plain_transport(), host, wanted.port, !fixed_transport()});
        return ask_addresses();
    }
    if (wanted.transport) {  // given explicitly: no NAPTR
        services.push_back({*fixed_transport(), srv_name(*fixed_transport(), host)});
        return ask_srv();
    }
    return ask(Phase::naptr, {{RecordType::naptr, host}});
}

Step Locator::State::literal(const IpAddress& address) {
    if (!is_reachable(address)) return LocateErrc::bad_host;
    if (wanted.family != Family::none && wanted.family != address.family) return LocateErrc::unsupported;
    const Transport transport = plain_transport();
    const std::uint16_t port = wanted.port != 0 ? wanted.port : default_port(transport);
    return std::vector<Located>{{transport,
                                 {address, port},
                                 transport == Transport::tls ? address.to_string() : std::string(),
                                 !fixed_transport()}};
}

Step Locator::State::ask(Phase next, std::vector<Question> questions) {
    phase = next;
    answers.clear();
    waiting.clear();
    for (auto& q : questions)
        if (std::find(waiting.begin(), waiting.end(), q) == waiting.end()) waiting.push_back(std::move(q));
    if (waiting.empty()) return nothing();
    return waiting;
}

Step Locator::State::nothing() {
    phase = Phase::done;
    return dns_failed ? LocateErrc::dns_failure : LocateErrc::nothing_found;
}

Step Locator::State::advance() {
    switch (phase) {
        case Phase::naptr: return after_naptr();
        case Phase::srv: return after_srv();
        case Phase::addresses: return after_addresses();
        case Phase::done: break;
    }
    return std::vector<Question>{};
}

Step Locator::State::after_naptr() {
    std::vector<NaptrRecord> records = std::move(answers.front().naptr);
    std::stable_sort(records.begin(), records.end(), [](const NaptrRecord& a, const NaptrRecord& b) {
        return a.order != b.order ? a.order < b.order : a.preference < b.preference;
    });
    for (const NaptrRecord& r : records) {
        const auto transport = service_transport(r.service);
        if (!transport || !same_letters(r.flags, "S") || !r.regexp.empty()) continue;
        if (!supports(*transport) || (wanted.sips && *transport != Transport::tls)) continue;
        auto name = host_name(r.replacement);
        if (!name) continue;
        services.push_back({*transport, std::move(*name)});
        if (services.size() == limits::services) break;
    }
    from_naptr = !services.empty();
    if (from_naptr) return ask_srv();
    // No usable NAPTR (or a resolver that cannot ask for them): one SRV question per transport, in our own order.
    for (const Transport t : wanted.supported)
        if (!wanted.sips || t == Transport::tls) services.push_back({t, srv_name(t, host)});
    return ask_srv();
}

Step Locator::State::ask_srv() {
    std::vector<Question> questions;
    for (const Service& s : services) questions.push_back({RecordType::srv, s.name});
    return ask(Phase::srv, std::move(questions));
}

Step Locator::State::after_srv() {
    bool exists = from_naptr;  // then a domain without usable SRV is not reachable at its own name either
    for (const Service& service : services) {
        const Answer* answer = answer_to({RecordType::srv, service.name});
        SALLYPORT_CHECK(answer != nullptr);
        dns_failed |= is_failure(answer->status);
        exists |= !answer->srv.empty();
        for (const SrvRecord& r : in_order_of_use(answer->srv, random)) {
            auto name = host_name(r.target);  // "." says: decidedly not here (RFC 2782)
            if (!name || r.port == 0 || hosts.size() == limits::hosts) continue;
            hosts.push_back({service.transport, std::move(*name), r.port});
        }
    }
    if (hosts.empty() && !exists && !dns_failed)
        hosts.push_back({plain_transport(), host, default_port(plain_transport()), !fixed_transport()});
    return ask_addresses();
}

Step Locator::State::ask_addresses() {
    std::vector<Question> questions;
    for (const Host& h : hosts) {
        if (wanted.family != Family::v6) questions.push_back({RecordType::a, h.name});
        if (wanted.family != Family::v4) questions.push_back({RecordType::aaaa, h.name});
    }
    return ask(Phase::addresses, std::move(questions));
}

Step Locator::State::after_addresses() {
    std::vector<Located> found;
    for (const Host& h : hosts) {
        for (const RecordType type : {RecordType::a, RecordType::aaaa}) {
            const Answer* answer = answer_to({type, h.name});
            if (answer == nullptr) continue;  // not asked: the other family is wanted
            dns_failed |= is_failure(answer->status);
            const Family family = type == RecordType::a ? Family::v4 : Family::v6;
            std::size_t taken = 0;
            for (const IpAddress& address : answer->addresses) {
                if (address.family != family || !is_reachable(address)) continue;
                if (found.size() == limits::located || taken++ == limits::addresses) break;
                const Endpoint endpoint{address, h.port};
                const bool known = std::any_of(found.begin(), found.end(), [&](const Located& l) {
                    return l.transport == h.transport && l.endpoint == endpoint;
                });
                if (!known)
                    found.push_back({h.transport, endpoint, h.transport == Transport::tls ? host : "", h.assumed});
            }
        }
    }
    if (found.empty()) return nothing();
    phase = Phase::done;
    return found;
}

Locator::Locator(Wanted wanted, RandomSource& random) : state_(std::make_shared<State>(std::move(wanted), random)) {}

Step Locator::start() { return state_->start(); }

Step Locator::resume(const Answer& answer) {
    State& s = *state_;
    const auto asked = std::find(s.waiting.begin(), s.waiting.end(), answer.question);
    if (s.phase == State::Phase::done || asked == s.waiting.end()) return std::vector<Question>{};
    s.waiting.erase(asked);
    s.answers.push_back(answer);
    if (answer.status != DnsStatus::ok) {  // whatever came along with an error is not an answer
        s.answers.back().addresses.clear();
        s.answers.back().srv.clear();
        s.answers.back().naptr.clear();
    }
    if (!s.waiting.empty()) return std::vector<Question>{};
    return s.advance();
}

}  // namespace sallyport::locate
