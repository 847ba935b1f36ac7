// Requests outside of dialogs, once the transaction layer has let them through: who sends them, whether they must prove
// it, and whose they are. REGISTER ends in the registrar, INVITE in a call, OPTIONS here.
#include "control/base/check.h"
#include "control/base/private_address.h"
#include "signaling/policy/engine.h"
#include "signaling/stack/core.h"

namespace sallyport::stack {

using registrar::Authentication;
using sip::HeaderName;

namespace {

// The protection domain a trunk's first credential is good for.
std::string digest_realm_of(const config::Trunk& trunk) {
    if (!trunk.credentials.empty() && !trunk.credentials.front().digest_realm.empty())
        return trunk.credentials.front().digest_realm;
    return std::string(trunk.aor_domain());
}

std::string limited(std::string_view host) { return std::string(host.substr(0, 64)); }

// Algorithms for which the trunk has a secret; all, if it has none at all: nothing is told about it then.
registrar::DigestOffer digest_offer_of(const config::Trunk& trunk) {
    registrar::DigestOffer offer{false, false};
    for (const auto& credential : trunk.credentials) {
        offer.sha256 |= !credential.ha1_sha256.empty();
        offer.md5 |= !credential.ha1_md5.empty();
    }
    return offer.sha256 || offer.md5 ? offer : registrar::DigestOffer{};
}

// Whose the INVITE is, by what it says in From. Proves nothing; nullptr: nobody's.
const config::Trunk* claimed_trunk(const config::Snapshot& config, const sip::Message& invite) {
    const sip::Uri& from = invite.from().uri;
    if (const auto number = sip::e164(from))
        if (const auto* trunk = config.trunk_by_number(*number)) return trunk;
    return config.trunk_by_aor(from.user, from.host);
}

// An anonymous caller's PBX is still addressing its provider.
std::string digest_realm_of_stranger(const sip::Message& invite) {
    const sip::Uri& from = invite.from().uri;
    if (!from.host.empty() && !from.host.ends_with(".invalid")) return limited(from.host);
    const auto uri = sip::parse_uri(invite.request_uri());
    return uri.has_value() && !uri->host.empty() ? limited(uri->host) : "anonymous.invalid";
}

}  // namespace

std::string Core::retry_after() { return std::to_string(1 + random.below(32)); }

void Core::answer_once(const transaction::Request& request, sip::Composer composer) {
    std::string text = composer.finish();
    const bool amplifies = request.flow.transport == Transport::udp && text.size() > 3 * request.message.text().size();
    if (!amplifies) return layer.respond_once(request.server, std::move(text), effects_);
    layer.respond_once(
        request.server,
        sip::respond(request.message, 400, random.token(8), &request.flow.remote, "Request Too Small").finish(),
        effects_);
}

void Core::refuse(const transaction::Request& request, const Refusal& refusal) {
    statistics.requests_refused.add();
    auto composer = sip::respond(request.message, refusal.status, random.token(8), &request.flow.remote);
    for (const auto& [name, value] : refusal.fields) composer.add(name, value);
    answer_once(request, std::move(composer));
}

policy::Party Core::identify(const transaction::Request& request) const {
    return policy::identify(*snapshot, settings.realms[request.flow.realm], request.flow, shared.locations,
                            health.learned(), now_);
}

// Nothing: the request has been answered (challenged, or refused).
std::optional<Authentication> Core::authenticate(const transaction::Request& request, bool proxy,
                                                 const std::string& digest_realm, registrar::DigestOffer offer) {
    const auto lookup = [this](std::string_view username, std::string_view realm) -> registrar::CredentialSecret {
        const auto match = snapshot->credential(username, realm);
        if (match.trunk == nullptr) return {};
        return {match.trunk->id, match.credential->ha1_md5, match.credential->ha1_sha256};
    };
    const auto result =
        authenticator.check(request.message, proxy, digest_realm, lookup, now_, &settings.realms[request.flow.realm]);
    switch (result.outcome) {
        case Authentication::Outcome::authenticated: return result;
        case Authentication::Outcome::bad_request:
            refuse(request, {400, "malformed credentials", {}});
            return std::nullopt;
        case Authentication::Outcome::refused:
            statistics.authentication_failures.add();
            complain("authentication-failed", {}, result.reason + " from " + request.flow.remote.to_string());
            break;
        case Authentication::Outcome::challenge:
        case Authentication::Outcome::stale: statistics.challenges.add(); break;
    }
    const std::uint16_t status = proxy ? 407 : 401;
    auto composer = sip::respond(request.message, status, random.token(8), &request.flow.remote);
    const bool stale = result.outcome == Authentication::Outcome::stale;
    for (const auto& challenge : authenticator.challenges(digest_realm, stale, now_, offer))
        composer.add(proxy ? HeaderName::proxy_authenticate : HeaderName::www_authenticate, challenge);
    answer_once(request, std::move(composer));
    return std::nullopt;
}

void Core::on_options(const transaction::Request& request) {
    if (draining || !snapshot) return refuse(request, {503, "draining", {{HeaderName::retry_after, retry_after()}}});
    statistics.options_answered.add();
    auto composer = sip::respond(request.message, 200, random.token(8), &request.flow.remote);
    if (!identify(request).known()) return answer_once(request, std::move(composer));
    composer.add(HeaderName::allow, methods_allowed)
        .add(HeaderName::accept, "application/sdp")
        .add(HeaderName::accept_encoding, "identity")
        .add(HeaderName::supported, "gin, path")
        .add(HeaderName::server, settings.server_header);
    layer.respond(request.server, 200, composer.finish(), now_, effects_);
}

void Core::on_register(const transaction::Request& request) {
    const Realm& realm = settings.realms[request.flow.realm];
    if (realm.trusted) return refuse(request, {403, "no registrar in this realm", {}});
    if (draining || !snapshot) return refuse(request, {503, "draining", {{HeaderName::retry_after, retry_after()}}});
    // SIPconnect 16.4.1.3: nothing of the request is judged before its sender is known.
    const sip::Uri& aor = request.message.to().uri;
    const auto* trunk = snapshot->trunk_by_aor(aor.user, aor.host);
    const auto authenticated =
        authenticate(request, false, trunk != nullptr ? digest_realm_of(*trunk) : limited(aor.host),
                     trunk != nullptr ? digest_offer_of(*trunk) : registrar::DigestOffer{});
    if (!authenticated) return;
    const auto refused = [&](std::uint16_t status, std::string_view why) {
        statistics.registrations_refused.add();
        complain("registration-refused", authenticated->trunk, std::string(why));
        refuse(request, {status, why, {}});
    };
    if (trunk == nullptr) {
        const auto own = snapshot->trunks.find(authenticated->trunk);
        const bool is_static = own != snapshot->trunks.end() && own->second.mode == config::TrunkMode::static_;
        return is_static ? refused(403, "the trunk is in static mode: it does not register")
                         : refused(404, "not the registration AOR of any trunk");
    }
    if (trunk->id != authenticated->trunk) return refused(403, "the credential is another trunk's");
    if (trunk->realm != realm.name) return refused(403, "the trunk belongs to another realm");
    if (!trunk->allows(policy::to_config(request.flow.transport)))
        return refused(403, "transport not allowed for the trunk");
    if (!policy::is_of_family(*trunk, request.flow)) return refused(403, "the trunk has the other IP version");
    register_trunk(request, *trunk);
}

void Core::register_trunk(const transaction::Request& request, const config::Trunk& trunk) {
    registrar::RegistrarPolicy policy;
    policy.trunk = trunk.id;
    policy.aor_user = trunk.aor_user();
    policy.aor_domain = trunk.aor_domain();
    policy.single_aor_compatibility = trunk.single_aor_compatibility;
    policy.max_contacts = trunk.limits.max_contacts;
    policy.default_expires = policy.max_expires = trunk.limits.registration_expires_seconds;
    auto outcome = registrar.handle(request.message, request.flow, policy, random.token(8), now_);
    const bool ok = outcome.status == 200;
    (ok ? statistics.registrations_ok : statistics.registrations_refused).add();
    if (!ok)
        complain("registration-refused", trunk.id, outcome.reason);
    else if (outcome.changed)
        log(b2bua::Severity::info, "registration", trunk.id,
            std::string(to_string(request.flow.transport)) + " " + request.flow.remote.to_string());
    const auto contact = sip::parse_name_addr(request.message.first(HeaderName::contact).value_or(""));
    const auto address = contact ? contact->uri.host_address() : std::nullopt;
    if (ok && outcome.changed && trunk.network.nat == config::NatMode::off && address &&
        hides_behind_nat(*address, request.flow.remote.address))
        complain("nat-suspected", trunk.id,
                 "its Contact names " + address->to_string() + ", it comes from " + request.flow.remote.to_string() +
                     "; calls follow its flow, media may not: the trunk's NAT mode is off");
    layer.respond(request.server, outcome.status, std::move(outcome.response), now_, effects_);
    if (outcome.changed) keep_expiring();
}

void Core::on_invite(transaction::Request request) {
    if (!snapshot) return refuse(request, {503, "not configured yet", {{HeaderName::retry_after, retry_after()}}});
    auto party = identify(request);
    if (!party.known()) {
        if (settings.realms[request.flow.realm].trusted) return refuse(request, {403, "unknown source", {}});
        const auto* claimed = claimed_trunk(*snapshot, request.message);
        const auto authenticated =
            claimed != nullptr ? authenticate(request, true, digest_realm_of(*claimed), digest_offer_of(*claimed))
                               : authenticate(request, true, digest_realm_of_stranger(request.message), {});
        if (!authenticated) return;
        party = {policy::PartyKind::trunk, authenticated->trunk, policy::Proof::digest};
        const auto trunk = snapshot->trunks.find(party.id);
        if (trunk == snapshot->trunks.end() || trunk->second.realm != settings.realms[request.flow.realm].name)
            return refuse(request, {480, "the trunk belongs to another realm", {}});
        if (!policy::is_of_family(trunk->second, request.flow))
            return refuse(request, {480, "the trunk has the other IP version", {}});
    }
    admit(std::move(request), std::move(party));
}

void Core::admit(transaction::Request request, policy::Party party) {
    auto uri = sip::parse_uri(request.message.request_uri());
    SALLYPORT_CHECK(uri.has_value());  // inspected
    statistics.invites.add();
    const policy::CallFacts facts{.config = *snapshot,
                                  .locations = shared.locations,
                                  .now = now_,
                                  .party = std::move(party),
                                  .transport = request.flow.transport,
                                  .request_uri = std::move(*uri),
                                  .draining = draining,
                                  .media_up = media_up,
                                  .full = calls.size() >= config.max_calls};
    auto verdict = policy::decide(facts, shared.gauges);
    if (verdict.reject) {
        count(verdict.reject->why);
        const bool carrier = facts.party.kind == policy::PartyKind::carrier;
        const std::string key = (carrier ? "carrier " : "trunk ") + facts.party.id;
        if (!refusals.try_take(key, now_)) return refuse_briefly(request, facts.party, verdict);
    }
    auto cx = context();
    calls.begin({snapshot, std::move(verdict), std::move(request)}, cx);
}

// A PBX is told to wait. For a carrier 503 would mean the whole node: it hears what is wrong with this number.
void Core::refuse_briefly(const transaction::Request& request, const policy::Party& party,
                          const policy::Verdict& verdict) {
    const bool pbx_calls = party.kind == policy::PartyKind::trunk;
    complain("refused-too-often", pbx_calls ? party.id : std::string(), verdict.trace.back().text);
    const std::uint16_t status = pbx_calls ? 503 : verdict.reject->status;
    auto composer = sip::respond(request.message, status, random.token(8), &request.flow.remote);
    if (status == 503) composer.add(HeaderName::retry_after, retry_after());
    answer_once(request, std::move(composer));
}

void Core::count(policy::Refusal refusal) {
    statistics.requests_refused.add();
    switch (refusal) {
        case policy::Refusal::media_away: return statistics.calls_refused_media_away.add();
        case policy::Refusal::full: return statistics.calls_refused_full.add();
        case policy::Refusal::too_many_calls:
        case policy::Refusal::too_fast: return statistics.calls_refused_limit.add();
        case policy::Refusal::draining:
        case policy::Refusal::trunk_disabled:
        case policy::Refusal::transport_not_allowed:
        case policy::Refusal::not_registered:
        case policy::Refusal::not_a_number:
        case policy::Refusal::unknown_number:
        case policy::Refusal::no_route: return;
    }
}

}  // namespace sallyport::stack
