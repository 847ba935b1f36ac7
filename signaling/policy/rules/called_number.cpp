#include <algorithm>

#include "signaling/policy/numbering.h"
#include "signaling/policy/rules/rule.h"

namespace sallyport::policy::rules {
namespace {

constexpr std::uint16_t unallocated = 1, incomplete_number = 28;

bool is_ours(std::string_view host, const config::Trunk& trunk, const Realm* realm) {
    if (host.empty()) return true;  // a tel URI is in no domain
    const auto same = [&](std::string_view name) {
        if (sip::equal_ignoring_case(host, name)) return true;
        const auto a = IpAddress::parse(host), b = IpAddress::parse(name);
        return a && b && *a == *b;
    };
    if (same(trunk.domain) || same(trunk.aor_domain())) return true;
    if (realm == nullptr) return false;
    return std::any_of(realm->listeners.begin(), realm->listeners.end(), [&](const Listener& l) {
        return same(l.advertised_host) || IpAddress::parse(host) == l.bind.address;
    });
}

}  // namespace

// SIPconnect 9: global numbers only, and what the dial plan of whoever calls makes one. What is no number is nobody's
// (404); a dial string of digits that nothing is made of is a number that is not complete yet (484).
Outcome called_number(const CallFacts& facts, Admitted& admitted) {
    if (admitted.emergency) return {{}, "as it was dialled"};
    const bool from_pbx = admitted.direction == CallDirection::from_pbx;
    static const config::Numbering none;
    const config::Numbering* numbering = &none;
    std::string_view domain;
    if (from_pbx) {
        const config::Trunk& trunk = facts.config.trunks.find(admitted.trunk)->second;  // the rule before has seen it
        numbering = &trunk.numbering;
        domain = trunk.domain.empty() ? trunk.aor_domain() : std::string_view(trunk.domain);
        if (numbering->own_domain_only && !is_ours(facts.request_uri.host, trunk, facts.realm)) {
            admitted.called = facts.request_uri.decoded_user();
            return {Reject{Refusal::foreign_domain, 404, unallocated, false},
                    "the Request-URI is in a domain that is not ours"};
        }
    } else if (const auto carrier = facts.config.carriers.find(facts.party.id);
               carrier != facts.config.carriers.end()) {
        numbering = &carrier->second.numbering;
        domain = carrier->second.domain;
    }
    if (!from_pbx && has_phone_context(facts.request_uri)) {
        admitted.called = facts.request_uri.decoded_user();
        return {Reject{Refusal::not_a_number, 404, unallocated, false},
                "a number with phone-context is no public identity"};
    }
    auto called = policy::called_number(facts.request_uri, *numbering, domain);
    admitted.called = std::move(called.text);
    switch (called.kind) {
        case NumberKind::global: return {{}, admitted.called};
        case NumberKind::incomplete:
            return {Reject{Refusal::not_a_number, 484, incomplete_number, false},
                    "no E.164 number, and nothing the dial plan knows"};
        case NumberKind::none: break;
    }
    return {Reject{Refusal::not_a_number, 404, unallocated, false}, "the Request-URI names no E.164 number"};
}

}  // namespace sallyport::policy::rules
