// Proof by Digest (RFC 3261 22, SIPconnect 16.6): who is challenged for what, who has proved himself, who has failed
// too often. The arithmetic is the authenticator's.
#include <algorithm>

#include "control/config/keys.h"
#include "signaling/policy/caller.h"
#include "signaling/policy/numbering.h"
#include "signaling/policy/proof.h"
#include "signaling/stack/core.h"
#include "signaling/stack/trunk_digest.h"

namespace sallyport::stack {

using registrar::Authentication;
using sip::HeaderName;

namespace {

constexpr std::string_view of_aor = "aor ", of_user = "user ";  // what a lock-out is of
constexpr std::size_t longest_realm = 64, longest_name = 128;   // of strangers, repeated to them or kept of them

// Whose the request is, by what it says in From. Proves nothing; nullptr: nobody's.
const config::Trunk* claimed_trunk(const config::Snapshot& config, const sip::Message& request) {
    const sip::Uri from = sip::own(request.from().uri);
    if (const auto number = sip::e164(from))
        if (const auto* trunk = config.trunk_by_number(*number)) return trunk;
    return config.trunk_by_aor(from.user, from.host);
}

// An INVITE that names the trunk in any way.
bool speaks_for(const config::Trunk& trunk, const sip::Message& invite) {
    const sip::Uri from = sip::own(invite.from().uri);
    return config::aor_key(from.user, from.host) == config::aor_key(trunk.aor_user(), trunk.aor_domain()) ||
           policy::named_caller(invite, trunk).has_value();
}

// An anonymous caller's PBX is still addressing its provider.
std::string host_addressed(const sip::Message& request) {
    const sip::Uri from = sip::own(request.from().uri);
    if (!from.host.empty() && !from.host.ends_with(".invalid")) return from.host;
    const auto uri = sip::parse_uri(request.request_uri());
    return uri.has_value() && !uri->host.empty() ? uri->host : "anonymous.invalid";
}

// SIPconnect 13: recognised before anything is asked of a PBX that is known by where it comes from. Of a trunk that
// nobody knows only a service is, which has the same name for all (RFC 5031).
bool calls_for_help(const transaction::Request& request, const config::Trunk* trunk) {
    static const config::Trunk unknown;
    if (request.message.method() != sip::Method::invite) return false;
    const auto uri = sip::parse_uri(request.message.request_uri());
    return uri.has_value() && policy::emergency_call(*uri, trunk != nullptr ? *trunk : unknown).has_value();
}

}  // namespace

// SIPconnect 16.4.1.3: whoever has no password must not see who is there. Trunks are challenged in different ways, so a
// name that is nobody's is challenged in the way of one of them, drawn by a keyed hash of the name: always the same for
// that name, and nobody can foretell which. A caller who hides has no name that could be tried.
const config::DigestTerms* Core::terms_of_nobody(const sip::UriView& aor, std::string_view key, std::string_view host,
                                                 bool shown_as_number) const {
    const auto* terms = snapshot->digest_terms_of(host);
    if (terms == nullptr && shown_as_number) terms = snapshot->digest_terms_of_any();
    if (terms == nullptr) return nullptr;
    return aor.host.ends_with(".invalid") ? &terms->commonest() : &terms->drawn(unknown_names_.number({key}));
}

Core::Challenge Core::challenge_for(const config::Trunk* trunk, const sip::UriView& aor, std::string_view host,
                                    bool proxy, bool shown_as_number) const {
    Challenge out{proxy, trunk, {}, config::aor_key(aor.user, aor.host)};
    if (out.aor.size() > longest_name) out.aor.resize(longest_name);
    if (host.empty()) host = aor.host;
    if (trunk != nullptr && !trunk->credentials.empty()) {
        out.digest_realm = digest_realm_of(*trunk);
    } else if (out.as_if = terms_of_nobody(aor, out.aor, host, shown_as_number); out.as_if != nullptr) {
        out.digest_realm = out.as_if->digest_realm;
    } else {
        out.digest_realm = host.substr(0, longest_realm);
        for (char& c : out.digest_realm) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c;
    }
    return out;
}

std::optional<Authentication> Core::authenticate(const transaction::Request& request, const Challenge& challenge) {
    if (is_locked_out(request, of_aor, challenge.aor)) return std::nullopt;
    // A trunk that is switched off may call for help, and nothing else; what it calls is looked at afterwards.
    const bool may_be_off = request.message.method() == sip::Method::invite && request.message.to_tag().empty();
    const auto lookup = [this, may_be_off](std::string_view username, std::string_view realm) {
        const auto match = snapshot->credential(username, realm);
        return match.trunk != nullptr && match.trunk->disabled && !may_be_off ? registrar::CredentialSecret{}
                                                                              : secret_of(match);
    };
    const registrar::Asker asker{request.flow.remote.address, &settings.realms[request.flow.realm]};
    auto result = authenticator.check(request.message, challenge.proxy, challenge.digest_realm, lookup, now_, asker);
    if (result.username.size() > longest_name) result.username.resize(longest_name);
    if (!result.username.empty() && is_locked_out(request, of_user, result.username)) return std::nullopt;
    switch (result.outcome) {
        case Authentication::Outcome::authenticated:
            forgive(request.flow, challenge.aor, result.username);
            if (request.flow.transport != Transport::tls) tell_of_digest_in_clear(request.flow, result.trunk);
            return result;
        case Authentication::Outcome::bad_request:
            refuse(request, {400, "malformed credentials", {}});
            return std::nullopt;
        case Authentication::Outcome::refused: count_failure(request, challenge, result); break;
        case Authentication::Outcome::challenge:
        case Authentication::Outcome::stale: statistics.challenges.add(); break;
    }
    const std::uint16_t status = challenge.proxy ? 407 : 401;
    auto composer = sip::respond(request.message, status, stateless_tag(request.message), &request.flow.remote);
    const bool stale = result.outcome == Authentication::Outcome::stale;
    const auto offer = challenge.as_if != nullptr   ? offer_of(challenge.as_if->algorithms)
                       : challenge.trunk != nullptr ? digest_offer_of(*challenge.trunk)
                                                    : registrar::DigestOffer{};
    for (const auto& value : authenticator.challenges(challenge.digest_realm, stale, now_, offer, asker))
        composer.add(challenge.proxy ? HeaderName::proxy_authenticate : HeaderName::www_authenticate, value);
    answer_once(request, std::move(composer));
    return std::nullopt;
}

void Core::tell_of_digest_in_clear(const Flow& flow, const std::string& trunk) {
    if (!shared.digest_in_clear.note(trunk)) return;
    log(b2bua::Severity::warning, "digest-in-clear", trunk,
        "Digest over " + std::string(to_string(flow.transport)) + " from " + flow.remote.to_string() +
            ": whoever listens can try passwords off-line (SIPconnect 16.6.1); told once a trunk");
}

void Core::forgive(const Flow& flow, std::string_view aor, std::string_view username) {
    if (shared.lockouts.size() == 0) return;  // nearly always
    shared.lockouts.succeeded(flow.remote.address, std::string(of_aor).append(aor));
    shared.lockouts.succeeded(flow.remote.address, std::string(of_user).append(username));
}

bool Core::is_locked(const Flow& flow, std::string_view aor, std::string_view username) {
    if (shared.lockouts.size() == 0) return false;  // nearly always
    const auto locked = [&](std::string_view kind, std::string_view name) {
        return shared.lockouts.is_locked(flow.remote.address, std::string(kind).append(name), now_);
    };
    return locked(of_aor, aor) || (!username.empty() && locked(of_user, username));
}

bool Core::is_locked_out(const transaction::Request& request, std::string_view kind, std::string_view name) {
    auto& lockouts = shared.lockouts;
    if (lockouts.size() == 0) return false;  // nearly always
    if (!lockouts.is_locked(request.flow.remote.address, std::string(kind).append(name), now_)) return false;
    if (lockouts.policy().silent) {
        statistics.dropped_locked_out.add();
        layer.ignore(request.server);
    } else {
        statistics.refused_locked_out.add();
        // SIPconnect 16.4.2: to any other request 403 says that the registration is gone.
        const bool registers = request.message.method() == sip::Method::register_;
        refuse(request, {static_cast<std::uint16_t>(registers ? 403 : 480), "locked out", {}});
    }
    return true;
}

void Core::count_failure(const transaction::Request& request, const Challenge& challenge,
                         const Authentication& result) {
    const auto& source = request.flow.remote.address;
    const auto match = snapshot->credential(result.username, challenge.digest_realm);
    const auto* claimed = match.trunk != nullptr ? match.trunk : challenge.trunk;
    const std::string trunk = claimed != nullptr ? claimed->id : std::string();
    statistics.authentication_failures.add();
    complain("authentication-failed", trunk, result.reason + " from " + request.flow.remote.to_string());
    // Noted of nobody as well, to take as long.
    shared.trunk_states.note_trouble(
        claimed != nullptr ? std::string_view(trunk) : challenge.aor,
        "authentication failed from " + request.flow.remote.to_string() + ": " + result.reason);
    bool locked = false;
    for (const auto& name : {std::string(of_aor) + challenge.aor, std::string(of_user) + result.username})
        locked |= shared.lockouts.failed(source, name, now_);
    if (!locked) return;
    statistics.lockouts.add();
    const auto& policy = shared.lockouts.policy();
    log(b2bua::Severity::error, "locked-out", trunk,
        source.to_string() + " as " + challenge.aor + ", user " + result.username + ": " +
            std::to_string(policy.failures) + " failures; " + (policy.silent ? "dropped" : "refused") + " for " +
            std::to_string(policy.lasts / 1s) + " s, or until released");
}

bool Core::has_proved(const transaction::Request& request, const config::Trunk& trunk, policy::Proof proof) {
    const bool proven = shared.proven.has(request.flow, trunk.id);
    if (!policy::must_prove(trunk, request.flow.transport, request.message.method_text(), proof, proven)) return true;
    const sip::Message& message = request.message;
    const bool proxy = message.method() == sip::Method::invite || !message.to_tag().empty();
    const auto authenticated = authenticate(request, challenge_for(&trunk, message.from().uri, {}, proxy));
    if (!authenticated) return false;
    if (authenticated->trunk != trunk.id) {
        complain("authentication-failed", trunk.id, "the credential is trunk " + authenticated->trunk + "'s");
        refuse(request, {480, "the credential is another trunk's", {}});
        return false;
    }
    shared.proven.add(request.flow, trunk.id, authenticated->username);
    return true;
}

std::optional<policy::Party> Core::prove_sender(const transaction::Request& request) {
    if (known_sender) return known_sender;
    const Realm& realm = settings.realms[request.flow.realm];
    auto party = identify(request);
    const auto* claimed = realm.trusted ? nullptr : claimed_trunk(*snapshot, request.message);
    if (party.known() && !is_disputed(request, party, claimed)) {
        if (party.kind != policy::PartyKind::trunk) return party;
        const auto trunk = snapshot->trunks.find(party.id);
        if (trunk == snapshot->trunks.end() || calls_for_help(request, &trunk->second)) return party;
        if (!has_proved(request, trunk->second, party.proof)) return std::nullopt;
        return party;
    }
    if (realm.trusted) {
        refuse(request, {403, "unknown source", {}});
        return std::nullopt;
    }
    // A trunk that is switched off is nobody's any more, but for a call for help. Nobody forges the source of a
    // connection: over one it is known, on or off, whichever transports it may use and whomever the call names.
    if (const auto* off = snapshot->disabled_trunk_by_source(realm.name, request.flow.remote.address);
        off != nullptr && !party.known() &&
        (is_reliable(request.flow.transport) || off->allows(policy::to_config(request.flow.transport))) &&
        calls_for_help(request, off))
        return policy::Party{policy::PartyKind::trunk, off->id, policy::Proof::source_address};
    const auto* at_home = party.known() ? nullptr : in_the_wrong_way(request);
    if (at_home != nullptr && is_reliable(request.flow.transport) && calls_for_help(request, at_home))
        return policy::Party{policy::PartyKind::trunk, at_home->id, policy::Proof::source_address};
    if (claimed != nullptr && claimed != at_home) at_home = nullptr;
    const auto* caller = at_home != nullptr ? at_home : claimed;
    if (const auto number = sip::e164(sip::own(request.message.from().uri)); caller == nullptr && number)
        caller = snapshot->disabled_trunk_by_number(*number);
    const bool help = calls_for_help(request, caller);
    if (draining && !help) {  // it need not prove anything to be sent away
        refuse_for_now(request, "draining");
        return std::nullopt;
    }
    if (at_home != nullptr && !help) {
        complain("transport-not-allowed", at_home->id,
                 std::string(to_string(request.flow.transport)) + " from " + request.flow.remote.to_string());
        refuse(request, {403, "transport not allowed for the trunk", {}});
        return std::nullopt;
    }
    // Who calls for help over a trunk that is switched off is asked for that trunk's password.
    if (claimed == nullptr) claimed = at_home != nullptr ? at_home : help ? caller : nullptr;
    const auto flows = party.known() ? snapshot->trunks.find(party.id) : snapshot->trunks.end();
    const std::string host =
        flows != snapshot->trunks.end() ? std::string(flows->second.aor_domain()) : host_addressed(request.message);
    const bool shown_as_number = sip::e164(sip::own(request.message.from().uri)).has_value();
    const auto authenticated =
        authenticate(request, challenge_for(claimed, request.message.from().uri, host,
                                            request.message.method() == sip::Method::invite, shown_as_number));
    if (!authenticated) return std::nullopt;
    const auto trunk = snapshot->trunks.find(authenticated->trunk);
    if (trunk == snapshot->trunks.end() || trunk->second.realm != realm.name) {
        refuse(request, {480, "the trunk belongs to another realm", {}});
        return std::nullopt;
    }
    if (!policy::is_of_family(trunk->second, request.flow)) {
        refuse(request, {480, "the trunk has the other IP version", {}});
        return std::nullopt;
    }
    shared.proven.add(request.flow, authenticated->trunk, authenticated->username);
    tell_of_taken_flow(request.flow, authenticated->trunk,
                       shared.locations.take_flow(request.flow, authenticated->trunk));
    return policy::Party{policy::PartyKind::trunk, authenticated->trunk, policy::Proof::digest};
}

// A NAT may have given the port to another PBX, which has not registered yet: over UDP a flow is proof for a call that
// names its trunk, and no more than a hint for one that names another trunk, or nobody (an anonymous caller, or one
// whose call is sent on without saying by whom). Who calls for help is not asked.
bool Core::is_disputed(const transaction::Request& request, const policy::Party& party,
                       const config::Trunk* claimed) const {
    if (party.proof != policy::Proof::registered_flow || request.flow.transport != Transport::udp) return false;
    if (claimed != nullptr && claimed->id != party.id) return true;
    if (claimed != nullptr || request.message.method() != sip::Method::invite) return false;
    const auto trunk = snapshot->trunks.find(party.id);
    return trunk != snapshot->trunks.end() && !calls_for_help(request, &trunk->second) &&
           !speaks_for(trunk->second, request.message);
}

void Core::tell_of_taken_flow(const Flow& flow, const std::string& trunk, const std::vector<std::string>& displaced) {
    for (const auto& other : displaced)
        log(b2bua::Severity::warning, "flow-taken", other,
            "UDP " + flow.remote.to_string() + " is trunk " + trunk +
                "'s now: it is not called there any more, and what it has there is not spoken of");
}

}  // namespace sallyport::stack
