#include "signaling/b2bua/identity.h"

#include <algorithm>
#include <optional>

#include "control/base/utf8.h"
#include "signaling/policy/caller.h"
#include "signaling/policy/numbering.h"
#include "signaling/policy/redirecting.h"
#include "signaling/sip/privacy.h"

namespace sallyport::b2bua {
namespace {

using sip::HeaderName;
using sip::NameAddr;
using sip::Scheme;

constexpr std::string_view anonymous = "\"Anonymous\" <sip:anonymous@anonymous.invalid>";
constexpr std::string_view unavailable = "<sip:unavailable@unknown.invalid>";

std::string as_host(std::string_view host) {
    const auto address = IpAddress::parse(host);
    return address ? host_text(*address) : std::string(host);
}

std::string host_of(const config::Trunk& trunk) {
    std::string host = public_host(trunk);
    return host.empty() ? "unknown.invalid" : host;
}

// A name in any language means nothing to this node; octets that are no text would to somebody (RFC 3261 25.1).
std::string_view shown_name(std::string_view display_name) {
    return is_utf8(display_name) ? display_name : std::string_view();
}

std::string name_addr(std::string_view display_name, std::string_view uri) {
    return sip::name_addr_text(shown_name(display_name), uri);
}

// The first SIP(S) and the first tel URI; others are surplus (RFC 5876 4.5), what does not parse is nothing.
std::vector<NameAddr> identities(const sip::Message& message, HeaderName header) {
    std::vector<NameAddr> out;
    for (const auto value : message.values(header)) {
        auto parsed = sip::parse_name_addr(value);
        if (!parsed.has_value()) continue;
        const Scheme scheme = parsed->uri.scheme;
        if (scheme != Scheme::sip && scheme != Scheme::sips && scheme != Scheme::tel) continue;
        const bool tel = scheme == Scheme::tel;
        if (std::none_of(out.begin(), out.end(), [&](const auto& o) { return (o.uri.scheme == Scheme::tel) == tel; }))
            out.push_back(std::move(*parsed));
    }
    return out;
}

std::optional<std::string> number_of(const sip::Uri& uri, const config::Carrier& carrier) {
    return policy::calling_number(uri, carrier.numbering, carrier.domain);
}

std::optional<std::string> number_of(const sip::Uri& uri, const config::Trunk& trunk) {
    return policy::calling_number(uri, trunk.numbering, trunk.domain.empty() ? trunk.aor_domain() : trunk.domain);
}

// What a record says of a party. Whoever sends it has written it: so much of it, and no half of a character.
template <class Peer>
std::string recorded(const sip::Uri& uri, const Peer& peer) {
    constexpr std::size_t most = 128;
    std::string text = number_of(uri, peer).value_or(uri.user);
    if (text.size() <= most) return text;
    std::size_t end = most;
    while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80) --end;
    text.resize(end);
    return text;
}

template <class Peer>
std::string recorded_redirecting(const sip::Message& invite, const Peer& peer) {
    const auto party = policy::redirecting_party(invite);
    return party ? recorded(*party, peer) : std::string();
}

std::string to_trunk(std::string_view number, const config::Trunk& trunk) {
    return policy::translated(trunk.numbering.calling_out, number);
}
std::string to_carrier(std::string_view number, const config::Carrier& carrier) {
    return policy::translated(carrier.numbering.calling_out, number);
}

// Who makes himself anonymous in From alone wants to be it (RFC 3323 4.1.1.3), unless he says that he does not. Where
// he answers within the call, that From is the To.
bool wants_to_hide(const sip::Message& message, bool by_default) {
    const auto privacy = sip::privacy_of(message);
    if (privacy.hides_identity() || privacy.none) return privacy.hides_identity();
    const auto& sender = message.is_request() ? message.from() : message.to();
    return by_default || sip::equal_ignoring_case(sender.uri.host, "anonymous.invalid");
}

Asserted nothing_yet(const sip::Message& message, bool hides, bool to_trusted) {
    Asserted out;
    auto privacy = sip::privacy_of(message);
    out.hidden = hides && !to_trusted;
    if (hides) privacy.id = true;
    if (hides && privacy.none) privacy.none = false;
    // RFC 3323 5: kinds that are done with are no longer asked for; "id" goes with the call to its end (RFC 3325 9.3).
    out.privacy = out.hidden ? "id" : hides || privacy.none ? privacy.text() : std::string();
    return out;
}

// ---- the called party

// To tells who was called first (SIPconnect 10.1.2, 10.2.2). The same number as the Request-URI's stays that; another
// URI is left as it is, but for the address of an element of the other side.
std::string to_field(const sip::Message& invite, std::string_view called, std::string_view called_there,
                     std::string_view host) {
    NameAddr to = sip::own(invite.to());
    const auto request_uri = sip::parse_uri(invite.request_uri());
    const bool same = sip::e164(to.uri) == std::string(called) ||
                      (request_uri.has_value() && request_uri->user == to.uri.user && !to.uri.user.empty());
    if (same) return name_addr(to.display_name, public_uri(called_there, host));
    to.display_name = shown_name(to.display_name);
    to.parameters = {};
    to.uri.headers.clear();
    to.uri.password.clear();
    to.uri.parameters.erase("maddr");
    if (to.uri.host_address()) {
        const auto number = sip::e164(to.uri);
        return name_addr(to.display_name, public_uri(number ? *number : to.uri.user, host));
    }
    return to.text();
}

// ---- from the core

// RFC 3325 5: what a believed peer asserts is passed as it is. The address of an element is no network's name: then the
// number stands in `host`, in the form of whoever is told.
std::optional<std::string> asserted_value(NameAddr identity, const config::Carrier& from,
                                          const config::NumberRules& calling_out, const std::string& host) {
    const auto heard = sip::e164(identity.uri), number = number_of(identity.uri, from);
    const std::string shown = number ? policy::translated(calling_out, *number) : std::string();
    const bool tel = identity.uri.scheme == Scheme::tel;
    identity.display_name = shown_name(identity.display_name);
    identity.uri.headers.clear();
    identity.uri.parameters.erase("maddr");
    if (number && heard != shown)
        return name_addr(identity.display_name, tel ? "tel:" + shown : public_uri(shown, host));
    if (tel || !identity.uri.host_address()) return identity.text();
    if (!number) return std::nullopt;
    return name_addr(identity.display_name, public_uri(shown, host));
}

std::vector<std::string> asserted_values(const sip::Message& message, const config::Carrier& from,
                                         const config::NumberRules& calling_out, const std::string& host) {
    std::vector<std::string> out;
    for (auto& identity : identities(message, HeaderName::p_asserted_identity))
        if (auto value = asserted_value(std::move(identity), from, calling_out, host)) out.push_back(std::move(*value));
    return out;
}

Asserted asserted_to_pbx(const sip::Message& message, bool hides, const Parties& parties) {
    const auto& [trunk, carrier, emergency] = parties;
    Asserted out = nothing_yet(message, hides, trunk.identity.trusted);
    if (carrier.identity.untrusted || out.hidden || trunk.identity.omit_asserted) return out;
    out.values = asserted_values(message, carrier, trunk.numbering.calling_out, host_of(trunk));
    return out;
}

std::string from_to_pbx(const sip::Message& invite, bool hides, const NameAddr* asserted, const Parties& parties) {
    const auto& [trunk, carrier, emergency] = parties;
    if (hides) return std::string(anonymous);
    NameAddr from = sip::own(invite.from());
    if (trunk.identity.from == config::FromPolicy::transparent) {
        from.display_name = shown_name(from.display_name);
        from.parameters = {};
        from.uri.headers.clear();
        return from.text();
    }
    if (const auto number = number_of(from.uri, carrier))
        return name_addr(from.display_name, public_uri(to_trunk(*number, trunk), host_of(trunk)));
    if (from.uri.host == "anonymous.invalid") return std::string(anonymous);
    const auto number = asserted != nullptr ? number_of(asserted->uri, carrier) : std::nullopt;
    if (!number) return std::string(unavailable);
    return name_addr(from.display_name.empty() ? asserted->display_name : from.display_name,
                     public_uri(to_trunk(*number, trunk), host_of(trunk)));
}

Asserted asserted_to_carrier(const sip::Message& message, bool hides, const CarrierPair& pair,
                             const std::string& host) {
    Asserted out = nothing_yet(message, hides, !pair.to.identity.untrusted);
    if (!pair.from.identity.untrusted && !out.hidden)
        out.values = asserted_values(message, pair.from, pair.to.numbering.calling_out, host);
    return out;
}

std::string from_to_carrier(const sip::Message& invite, bool hides, const CarrierPair& pair, const std::string& host) {
    NameAddr from = sip::own(invite.from());
    if (hides || from.uri.host == "anonymous.invalid") return std::string(anonymous);
    from.display_name = shown_name(from.display_name);
    const auto number = number_of(from.uri, pair.from);
    if (!number && from.uri.host_address()) return std::string(unavailable);
    if (number) {
        const std::string shown = to_carrier(*number, pair.to);
        if (from.uri.host_address() || sip::e164(from.uri) != shown)
            return name_addr(from.display_name, public_uri(shown, host));
    }
    from.parameters = {};
    from.uri.headers.clear();
    return from.text();
}

// ---- from a PBX to the core

std::string asserted_uri(std::string_view number, const Parties& parties) {
    return public_uri(to_carrier(number, parties.carrier), host_of(parties.trunk));
}

bool is_public_identity(const sip::Uri& uri, std::string_view number, const config::Trunk& trunk) {
    return uri.scheme == Scheme::sip && uri.user == number && uri.password.empty() && uri.port == 0 &&
           uri.parameters.value("user") == "phone" && sip::equal_ignoring_case(uri.host, host_of(trunk));
}

// Of a trusted PBX, both of its identities, if they are its own or it may speak for others; in our form.
std::vector<std::string> vouched(const std::vector<NameAddr>& heard, const Parties& parties) {
    const auto& [trunk, carrier, emergency] = parties;
    std::vector<std::string> out;
    for (const auto& identity : heard) {
        const auto number = number_of(identity.uri, trunk);
        const bool may = emergency || trunk.identity.screening == config::Screening::pass;
        if (!number || (!trunk.owns(*number) && !may)) continue;
        const std::string there = to_carrier(*number, carrier);
        if (there == *number && is_public_identity(identity.uri, *number, trunk)) {
            NameAddr as_it_is = identity;
            as_it_is.display_name = shown_name(identity.display_name);
            out.push_back(as_it_is.text());
        } else {
            const bool tel = identity.uri.scheme == Scheme::tel && there.starts_with('+');
            out.push_back(name_addr(identity.display_name, tel ? "tel:" + there : asserted_uri(*number, parties)));
        }
    }
    return out;
}

// A number of the trunk that the PBX names somewhere, with the name beside it.
std::optional<NameAddr> named_own(const sip::Message& message, HeaderName header, const config::Trunk& trunk,
                                  std::string& number) {
    for (auto& identity : identities(message, header))
        if (auto own = policy::own_number(identity.uri, trunk)) {
            number = std::move(*own);
            return std::move(identity);
        }
    return std::nullopt;
}

// Whom we can vouch for as the caller: what the PBX asserts, prefers or shows, as far as it is the trunk's, else the
// trunk's default number. `number`: E.164.
std::vector<std::string> assert_caller(const sip::Message& invite, bool hides, const Parties& parties,
                                       std::string& number) {
    const auto& [trunk, carrier, emergency] = parties;
    const std::string from_name = hides ? std::string() : invite.from().display_name();
    const auto heard = identities(invite, HeaderName::p_asserted_identity);
    if (trunk.identity.trusted || emergency)  // SIPconnect 13: there may be a location's number
        if (auto values = vouched(heard, parties); !values.empty()) {
            for (const auto& identity : heard)
                if (number.empty()) number = number_of(identity.uri, trunk).value_or("");
            return values;
        }
    auto named = named_own(invite, HeaderName::p_asserted_identity, trunk, number);
    if (!named && !trunk.identity.ignore_preferred)
        named = named_own(invite, HeaderName::p_preferred_identity, trunk, number);
    if (!named) number = policy::own_caller(invite, trunk);
    if (number.empty()) return {};
    const bool has_name = named && !named->display_name.empty();
    return {name_addr(has_name ? named->display_name : from_name, asserted_uri(number, parties))};
}

// Within a call nobody is named for a PBX that names nobody itself.
std::vector<std::string> asserted_later(const sip::Message& message, const Parties& parties) {
    const auto& [trunk, carrier, emergency] = parties;
    if (trunk.identity.trusted || emergency)
        return vouched(identities(message, HeaderName::p_asserted_identity), parties);
    std::string number;
    const auto own = named_own(message, HeaderName::p_asserted_identity, trunk, number);
    if (!own) return {};
    return {name_addr(own->display_name, asserted_uri(number, parties))};
}

std::string from_to_core(const sip::Message& invite, bool hides, const std::string& asserted_number,
                         const Parties& parties) {
    const auto& [trunk, carrier, emergency] = parties;
    if (hides) return std::string(anonymous);
    const NameAddr from = sip::own(invite.from());
    if (const auto own = policy::own_number(from.uri, trunk))
        return name_addr(from.display_name, asserted_uri(*own, parties));
    if (from.uri.host == "unknown.invalid") return std::string(unavailable);
    if (policy::is_anonymous(from.uri)) return std::string(anonymous);
    // SIPconnect 11.1: of a call that one of its numbers has sent on, From names the original caller.
    if (trunk.identity.screening == config::Screening::pass || emergency || policy::forwarding_number(invite, trunk)) {
        const auto number = number_of(from.uri, trunk);
        return name_addr(from.display_name,
                         number ? asserted_uri(*number, parties) : public_uri(from.uri.user, host_of(trunk)));
    }
    if (asserted_number.empty()) return std::string(unavailable);
    return name_addr(from.display_name, asserted_uri(asserted_number, parties));
}

}  // namespace

std::string public_uri(std::string_view user, std::string_view host) {
    if (user.starts_with("urn:")) return std::string(user);  // a service: in nobody's domain
    constexpr std::string_view phone = ";user=phone";
    std::string out;
    out.reserve(user.size() + host.size() + 5 + phone.size());
    out.append("sip:").append(user);
    if (!user.empty()) out += '@';
    out += host;
    if (user.starts_with('+')) out += phone;
    return out;
}

std::string called_at(const config::Carrier& carrier, std::string_view called, bool emergency) {
    return emergency ? std::string(called) : policy::translated(carrier.numbering.called_out, called);
}

std::string public_host(const config::Trunk& trunk) {
    return as_host(trunk.domain.empty() ? trunk.aor_domain() : std::string_view(trunk.domain));
}
std::string public_host(const config::Carrier& carrier) { return as_host(carrier.domain); }

void Asserted::add_to(sip::Composer& message) const {
    for (const auto& value : values) message.add(HeaderName::p_asserted_identity, value);
    if (!privacy.empty()) message.add(HeaderName::privacy, privacy);
}

Identity identity_to_pbx(const sip::Message& invite, std::string_view called, const Parties& parties) {
    const auto& [trunk, carrier, emergency] = parties;
    Identity out;
    out.to = to_field(invite, called, policy::translated(trunk.numbering.called_out, called), host_of(trunk));
    const bool hides = wants_to_hide(invite, trunk.identity.from == config::FromPolicy::anonymise);
    out.asserted = asserted_to_pbx(invite, hides, parties);
    const auto heard =
        carrier.identity.untrusted ? std::vector<NameAddr>() : identities(invite, HeaderName::p_asserted_identity);
    const auto with_number = std::find_if(heard.begin(), heard.end(),
                                          [&](const auto& o) { return number_of(o.uri, parties.carrier).has_value(); });
    const NameAddr* asserted = with_number == heard.end() ? nullptr : &*with_number;
    out.caller = recorded(asserted != nullptr ? asserted->uri : sip::own(invite.from().uri), carrier);
    if (asserted != nullptr) out.asserted_number = recorded(asserted->uri, carrier);
    out.redirecting_party = recorded_redirecting(invite, carrier);
    out.from = from_to_pbx(invite, hides, asserted, parties);
    return out;
}

std::string to_in_core(const sip::Message& invite, std::string_view called, const Parties& parties,
                       std::string_view core_host) {
    return to_field(invite, called, called_at(parties.carrier, called, parties.emergency), core_host);
}

Identity identity_to_core(const sip::Message& invite, std::string_view called, const Parties& parties,
                          std::string_view core_host) {
    const auto& [trunk, carrier, emergency] = parties;
    Identity out;
    out.to = to_in_core(invite, called, parties, core_host);
    const bool hides = wants_to_hide(invite, trunk.identity.restrict_by_default && !emergency);
    out.asserted = nothing_yet(invite, hides, emergency || !carrier.identity.untrusted);
    std::string number;
    auto values = assert_caller(invite, hides, parties, number);
    if (!out.asserted.hidden) out.asserted.values = std::move(values);
    out.from = from_to_core(invite, hides, number, parties);
    out.caller = recorded(sip::own(invite.from().uri), trunk);
    out.asserted_number = std::move(number);
    out.redirecting_party = recorded_redirecting(invite, trunk);
    return out;
}

Identity identity_to_carrier(const sip::Message& invite, std::string_view called, const CarrierPair& pair,
                             std::string_view host) {
    const std::string there(host);
    Identity out;
    out.to = to_field(invite, called, policy::translated(pair.to.numbering.called_out, called), there);
    const bool hides = wants_to_hide(invite, false);
    out.asserted = asserted_to_carrier(invite, hides, pair, there);
    out.from = from_to_carrier(invite, hides, pair, there);
    return out;
}

Asserted asserted_in_call(const sip::Message& message, const CarrierPair& pair, std::string_view host) {
    Asserted out = asserted_to_carrier(message, wants_to_hide(message, false), pair, std::string(host));
    if (out.values.empty()) out.privacy.clear();
    return out;
}

Asserted asserted_in_call(const sip::Message& message, bool to_pbx, const Parties& parties, bool of_caller) {
    const auto& [trunk, carrier, emergency] = parties;
    const bool by_default = of_caller && (to_pbx ? trunk.identity.from == config::FromPolicy::anonymise
                                                 : trunk.identity.restrict_by_default && !emergency);
    const bool hides = wants_to_hide(message, by_default);
    Asserted out;
    if (to_pbx) {
        out = asserted_to_pbx(message, hides, parties);
    } else {
        out = nothing_yet(message, hides, emergency || !carrier.identity.untrusted);
        if (!out.hidden) out.values = asserted_later(message, parties);
    }
    if (out.values.empty()) out.privacy.clear();
    return out;
}

}  // namespace sallyport::b2bua
