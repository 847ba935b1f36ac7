// Requests outside of dialogs, once the transaction layer has let them through and whoever must has proved himself.
// REGISTER ends in the registrar, INVITE in a call, SUBSCRIBE in a subscription, OPTIONS here.
#include <algorithm>

#include "control/base/check.h"
#include "control/base/private_address.h"
#include "signaling/b2bua/methods.h"
#include "signaling/b2bua/session_id.h"
#include "signaling/policy/caller.h"
#include "signaling/policy/engine.h"
#include "signaling/policy/numbering.h"
#include "signaling/sip/content.h"
#include "signaling/sip/digest.h"
#include "signaling/sip/limits.h"
#include "signaling/stack/core.h"

namespace sallyport::stack {

using sip::HeaderName;

namespace {

Refusal unreachable() { return {480, "its PBX is not reachable", {}}; }
Refusal privacy_not_possible() { return {policy::privacy_not_possible_status, policy::privacy_not_possible_text, {}}; }

}  // namespace

std::string Core::retry_after() { return config.retry_window.draw(random); }

// RFC 3261 8.2.7: without a transaction, and yet the same for a request that comes again.
std::string Core::stateless_tag(const sip::Message& request) const {
    const auto via = request.first(HeaderName::via).value_or("");
    const std::string number = std::to_string(request.cseq().number);
    return tag_of({via, "\n", request.call_id(), "\n", request.from_tag(), "\n", number});
}

std::string Core::tag_of(std::initializer_list<std::string_view> parts) const {
    std::string hash = tag_hash_(parts);
    hash.resize(16);
    return hash;
}

void Core::answer_once(const transaction::Request& request, sip::Composer composer) {
    std::string text = composer.finish();
    const bool amplifies = request.flow.transport == Transport::udp && text.size() > 3 * request.message.text().size();
    if (!amplifies) return layer.respond_once(request.server, std::move(text), effects_);
    layer.respond_once(
        request.server,
        sip::respond(request.message, 400, stateless_tag(request.message), &request.flow.remote, "Request Too Small")
            .finish(),
        effects_);
}

void Core::refuse(const transaction::Request& request, const Refusal& refusal) {
    statistics.requests_refused.add();
    auto composer = sip::respond(request.message, refusal.status, stateless_tag(request.message), &request.flow.remote);
    const bool registers = settings.realms[request.flow.realm].has_registrar();
    for (const auto& [name, value] : refusal.fields)
        composer.add(name,
                     name == HeaderName::allow && !registers ? b2bua::methods_in_dialog : std::string_view(value));
    answer_once(request, std::move(composer));
}

void Core::refuse_for_now(const transaction::Request& request, std::string_view why) {
    if (draining) statistics.refused_draining.add();
    refuse(request, {503, why, {{HeaderName::retry_after, retry_after()}}});
}

policy::Party Core::identify(const Flow& flow, TimePoint now) const {
    return policy::identify(*snapshot, settings.realms[flow.realm], flow, shared.locations, health.learned(), now);
}

// The static trunk whose address this is, when it does not allow the transport (SIPconnect 17.2); else nullptr.
const config::Trunk* Core::in_the_wrong_way(const transaction::Request& request) const {
    const Flow& flow = request.flow;
    const auto* trunk = snapshot->trunk_by_source(settings.realms[flow.realm].name, flow.remote.address);
    return trunk != nullptr && !trunk->allows(policy::to_config(flow.transport)) ? trunk : nullptr;
}

void Core::on_options(const transaction::Request& request) {
    if (draining || !snapshot) return refuse_for_now(request, draining ? "draining" : "not configured yet");
    const auto party = identify(request);
    if (party.kind == policy::PartyKind::trunk) {
        const auto trunk = snapshot->trunks.find(party.id);
        if (trunk != snapshot->trunks.end() && !has_proved(request, trunk->second, party.proof)) return;
    }
    if (party.kind == policy::PartyKind::carrier && request.message.max_forwards().value_or(1) > 0) {
        const auto begun = carry(request, party);
        if (begun == Relay::Begun::carried) return;
        if (begun == Relay::Begun::not_reachable) return refuse(request, unreachable());
        if (begun == Relay::Begun::privacy_not_possible) return refuse(request, privacy_not_possible());
    }
    statistics.options_answered.add();
    auto composer = sip::respond(request.message, 200, stateless_tag(request.message), &request.flow.remote);
    if (!party.known()) return answer_once(request, std::move(composer));
    const bool registers = settings.realms[request.flow.realm].has_registrar();
    composer.add(HeaderName::allow, registers ? methods_allowed : b2bua::methods_in_dialog)
        .add(HeaderName::accept, sip::content_types_taken)
        .add(HeaderName::accept_encoding, "identity");
    if (registers) composer.add(HeaderName::allow_events, "reg").add(HeaderName::supported, "gin, path");
    composer.add(HeaderName::server, settings.server_header);
    layer.respond(request.server, 200, composer.finish(), now_, effects_);
}

// SIPconnect 16.7: what the core sends for a number goes to the PBX that has it, not to us.
Relay::Begun Core::carry(const transaction::Request& request, const policy::Party& carrier) {
    auto cx = context();
    return relay.begin(request, carrier, snapshot, cx);
}

// Only for the PBX whose number it names: this node itself takes none, and none goes to the core.
void Core::on_message(const transaction::Request& request) {
    if (draining || !snapshot) return refuse_for_now(request, draining ? "draining" : "not configured yet");
    const auto party = identify(request);
    const bool of_carrier = party.kind == policy::PartyKind::carrier;
    switch (of_carrier ? carry(request, party) : Relay::Begun::no_number) {
        case Relay::Begun::carried: return;
        case Relay::Begun::no_number:
            return refuse(request, {405, "method not taken", {{HeaderName::allow, std::string(methods_allowed)}}});
        case Relay::Begun::unknown_number: return refuse(request, {404, "no trunk has that number", {}});
        case Relay::Begun::not_reachable: return refuse(request, unreachable());
        case Relay::Begun::privacy_not_possible: return refuse(request, privacy_not_possible());
        case Relay::Begun::too_many:
            return refuse(request, {503, "too many messages at once", {{HeaderName::retry_after, retry_after()}}});
    }
}

void Core::on_register(const transaction::Request& request) {
    const Realm& realm = settings.realms[request.flow.realm];
    if (!realm.has_registrar())
        return refuse(
            request, {405, "no registrar in this realm", {{HeaderName::allow, std::string(b2bua::methods_in_dialog)}}});
    if (draining || !snapshot) return refuse_for_now(request, draining ? "draining" : "not configured yet");
    // SIPconnect 16.4.1.3: nothing of the request is judged before its sender is known.
    const sip::UriView& aor = request.message.to().uri;
    const auto* trunk = snapshot->trunk_by_aor(aor.user, aor.host);
    // A PBX that has registered over this flow can prove who it is, and is told what is wrong with another address.
    const auto* known = trunk;
    if (known == nullptr)
        if (const auto own = snapshot->trunks.find(identify(request).id); own != snapshot->trunks.end())
            known = own->second.credentials.empty() ? nullptr : &own->second;
    const auto authenticated = authenticate(request, challenge_for(known, aor, aor.host, false));
    if (!authenticated) return;
    if (const auto refusal = inspect(request.message)) return refuse(request, *refusal);
    judge_register(request, trunk, authenticated->trunk);
}

void Core::judge_register(const transaction::Request& request, const config::Trunk* trunk, const std::string& sender) {
    const auto refused = [&](std::uint16_t status, std::string_view why) {
        statistics.registrations_refused.add();
        complain("registration-refused", sender, std::string(why));
        refuse(request, {status, why, {}});
    };
    if (trunk == nullptr) {
        const auto own = snapshot->trunks.find(sender);
        if (own != snapshot->trunks.end() && own->second.mode == config::TrunkMode::static_)
            return refused(403, "the trunk is in static mode: it does not register");
        const auto number = sip::e164(sip::own(request.message.to().uri));
        const auto* owner = number ? snapshot->trunk_by_number(*number) : nullptr;
        // RFC 6140 5.2: the numbers come and go with the registration AOR, never one by one.
        if (owner != nullptr && owner->id == sender)
            return refused(403, "To is a number of the trunk: it registers its registration AOR alone");
        return refused(404, "not the registration AOR of any trunk");
    }
    if (trunk->id != sender) return refused(403, "the credential is another trunk's");
    if (trunk->realm != settings.realms[request.flow.realm].name)
        return refused(403, "the trunk belongs to another realm");
    if (!trunk->allows(policy::to_config(request.flow.transport)))
        return refused(403, "transport not allowed for the trunk");
    if (!policy::is_of_family(*trunk, request.flow)) return refused(403, "the trunk has the other IP version");
    register_trunk(request, *trunk);
}

registrar::RegistrarPolicy policy_of(const config::Trunk& trunk) {
    registrar::RegistrarPolicy policy;
    policy.trunk = trunk.id;
    policy.aor_user = sip::decode_escapes(trunk.aor_user());
    policy.aor_domain = trunk.aor_domain();
    policy.single_aor_compatibility = trunk.single_aor_compatibility;
    policy.max_contacts = trunk.limits.max_contacts;
    policy.max_expires = trunk.limits.registration_expires_seconds;
    policy.min_expires = std::min(trunk.registration.min_expires_seconds, policy.max_expires);
    policy.default_expires = trunk.registration.default_expires_seconds != 0
                                 ? trunk.registration.default_expires_seconds
                                 : policy.max_expires;
    return policy;
}

void Core::register_trunk(const transaction::Request& request, const config::Trunk& trunk) {
    const std::uint16_t unkept = shared.register_refusal.load(std::memory_order_relaxed);
    if (unkept != 0 && request.message.first(HeaderName::contact)) {  // a query changes nothing
        constexpr std::string_view why = "registrations cannot be kept at the moment";
        statistics.registrations_refused.add();
        complain("registration-refused", trunk.id, std::string(why));
        if (unkept == 503) return refuse_for_now(request, why);
        return refuse(request, {unkept, why, {}});
    }
    const auto policy = policy_of(trunk);
    auto outcome = registrar.handle(request.message, request.flow, policy, random.token(8), now_);
    const bool ok = outcome.status == 200;
    (ok ? statistics.registrations_ok : statistics.registrations_refused).add();
    if (!ok) {
        complain("registration-refused", trunk.id, outcome.reason);
        shared.trunk_states.note_trouble(trunk.id, "REGISTER from " + request.flow.remote.to_string() +
                                                       " was refused (" + std::to_string(outcome.status) +
                                                       "): " + outcome.reason);
    } else if (outcome.changed)
        log(b2bua::Severity::info, "registration", trunk.id,
            std::string(to_string(request.flow.transport)) + " " + request.flow.remote.to_string());
    tell_of_taken_flow(request.flow, trunk.id, outcome.displaced);
    if (ok && outcome.changed && trunk.network.nat == config::NatMode::off) suspect_nat(request, trunk);
    if (ok) remember_refresh(request, trunk, outcome.changed, outcome.response);
    layer.respond(request.server, outcome.status, std::move(outcome.response), now_, effects_);
    if (!ok) return;
    keep_expiring();
    watch_flow(request.flow, trunk);
    review_trunk(trunk, "it has taken its registration back");
}

void Core::watch_flow(const Flow& flow, const config::Trunk& trunk) {
    if (flow.transport != Transport::udp || trunk.network.options_interval_seconds == 0) return;
    auto cx = context();
    for (const auto& binding : shared.locations.of(trunk.id))
        if (binding.flow == flow) flow_probes.registered(trunk, binding, cx);
}

void Core::suspect_nat(const transaction::Request& request, const config::Trunk& trunk) {
    const auto contact = sip::parse_name_addr(request.message.first(HeaderName::contact).value_or(""));
    const auto address = contact ? contact->uri.host_address() : std::nullopt;
    if (address && hides_behind_nat(*address, request.flow.remote.address))
        complain("nat-suspected", trunk.id,
                 "its Contact names " + address->to_string() + ", it comes from " + request.flow.remote.to_string() +
                     "; calls follow its flow, media may not: the trunk's NAT mode is off");
}

void Core::on_invite(transaction::Request request) {
    if (!snapshot) return refuse_for_now(request, "not configured yet");
    if (handed_over_by_ != nullptr) {
        if (!replace(request, *handed_over_by_)) refuse(request, {481, "nobody to replace", {}});
        return;
    }
    if (handed_over_.is_merged(request.message, now_))
        return refuse(request, {482, "it has come over another path, too", {}});
    auto party = prove_sender(request);
    if (party) admit(std::move(request), std::move(*party));
}

void Core::on_subscribe(const transaction::Request& request) {
    if (draining || !snapshot) return refuse_for_now(request, draining ? "draining" : "not configured yet");
    const auto party = prove_sender(request);
    if (!party) return;
    auto cx = context();
    if (const auto refusal = subscriptions.begin(request, *party, *snapshot, cx)) refuse(request, *refusal);
}

// How often the session has come from there for the same user before.
std::size_t Core::turns_of(const sip::Message& invite, std::string_view user, const policy::Party& by) {
    constexpr std::size_t longest_user = 128;  // what is remembered of a stranger's word; more is nobody's number
    std::string place = b2bua::SessionId::claimed(invite);
    if (place.empty() || user.size() > longest_user) return 0;
    place.append(1, by.kind == policy::PartyKind::carrier ? '<' : '>').append(by.id).append(1, ' ').append(user);
    return shared.turns.come(std::move(place), invite.max_forwards().value_or(sip::limits::max_forwards), now_);
}

void Core::admit(transaction::Request request, policy::Party party) {
    auto uri = sip::parse_uri(request.message.request_uri());
    SALLYPORT_CHECK(uri.has_value());  // inspected
    statistics.invites.add();
    const auto trunk = snapshot->trunks.find(party.id);
    const bool help = party.kind == policy::PartyKind::trunk && trunk != snapshot->trunks.end() &&
                      policy::emergency_call(*uri, trunk->second);
    if (!help && !settings.realms[request.flow.realm].carries_any_content)
        if (const auto refusal = inspect_parts(request.message)) return refuse(request, *refusal);
    if (!help && replace(request, party)) return;
    const std::size_t turns = help ? 0 : turns_of(request.message, uri->user, party);
    const policy::CallFacts facts{.config = *snapshot,
                                  .locations = shared.locations,
                                  .now = now_,
                                  .party = std::move(party),
                                  .transport = request.flow.transport,
                                  .request_uri = std::move(*uri),
                                  .invite = &request.message,
                                  .realm = &settings.realms[request.flow.realm],
                                  .draw = random.u32(),
                                  .draining = draining,
                                  .media_up = media_up,
                                  .full = calls.size() >= config.max_calls,
                                  .overfull = calls.size() >= config.max_calls + config.emergency_calls,
                                  .turns = turns};
    auto verdict = policy::decide(facts, shared.gauges);
    if (verdict.admitted.location != policy::LocationUse::off)
        statistics.locations[static_cast<std::size_t>(verdict.admitted.location)].add();
    if (known_sender) decisions.add(verdict);
    if (verdict.reject) {
        count(verdict.reject->why);
        if (is_about_fraud(verdict.reject->why))
            complain(std::string(to_string(verdict.reject->why)), verdict.admitted.trunk, verdict.trace.back().text);
        const bool carrier = facts.party.kind == policy::PartyKind::carrier;
        const std::string key = (carrier ? "carrier " : "trunk ") + facts.party.id;
        if (!refusals.try_take(key, now_)) return refuse_briefly(request, facts.party, verdict);
    }
    auto cx = context();
    calls.begin({snapshot, std::move(verdict), std::move(request)}, cx);
}

// A PBX is told to wait, unless that would send a dialler with a stolen secret to the next node. For a carrier 503
// would mean the whole node: it hears what is wrong with this number.
void Core::refuse_briefly(const transaction::Request& request, const policy::Party& party,
                          const policy::Verdict& verdict) {
    const bool pbx_calls = party.kind == policy::PartyKind::trunk;
    complain("refused-too-often", pbx_calls ? party.id : std::string(), verdict.trace.back().text);
    const std::uint16_t status = pbx_calls && !is_about_fraud(verdict.reject->why) ? 503 : verdict.reject->status;
    auto composer = sip::respond(request.message, status, stateless_tag(request.message), &request.flow.remote);
    if (status == 503) composer.add(HeaderName::retry_after, retry_after());
    answer_once(request, std::move(composer));
}

void Core::count(policy::Refusal refusal) {
    statistics.requests_refused.add();
    switch (refusal) {
        case policy::Refusal::media_away: return statistics.calls_refused_media_away.add();
        case policy::Refusal::full: return statistics.calls_refused_full.add();
        case policy::Refusal::too_many_calls:
        case policy::Refusal::too_much_bandwidth:
        case policy::Refusal::too_fast: return statistics.calls_refused_limit.add();
        case policy::Refusal::barred_destination: return statistics.calls_refused_barred.add();
        case policy::Refusal::outside_hours: return statistics.calls_refused_hours.add();
        case policy::Refusal::over_budget: return statistics.calls_refused_budget.add();
        case policy::Refusal::draining: return statistics.refused_draining.add();
        case policy::Refusal::trunk_disabled:
        case policy::Refusal::customer_disabled:
        case policy::Refusal::transport_not_allowed:
        case policy::Refusal::not_registered:
        case policy::Refusal::not_a_number:
        case policy::Refusal::foreign_domain:
        case policy::Refusal::privacy_not_possible:
        case policy::Refusal::caller_not_allowed:
        case policy::Refusal::unknown_number:
        case policy::Refusal::no_route:
        case policy::Refusal::emergency_forward:
        case policy::Refusal::forward_loop: return;
    }
}

}  // namespace sallyport::stack
