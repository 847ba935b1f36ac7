// From an INVITE that policy has let in to the INVITE on leg B: media ports and the route are asked for together, and
// the call goes on when both are there. Failover comes back here.
#include <algorithm>
#include <utility>

#include "control/base/check.h"
#include "control/base/private_address.h"
#include "signaling/b2bua/body.h"
#include "signaling/b2bua/call.h"
#include "signaling/b2bua/cause.h"
#include "signaling/b2bua/headers.h"
#include "signaling/b2bua/methods.h"
#include "signaling/b2bua/next_hop.h"
#include "signaling/policy/engine.h"
#include "signaling/sip/content.h"
#include "signaling/sip/limits.h"

namespace sallyport::b2bua {

using sip::HeaderName;

namespace {

constexpr Duration setup_patience = 10s;    // DNS and the media plane together
constexpr std::uint16_t out_of_order = 27;  // Q.850: destination out of order
constexpr std::size_t longest_recorded_uri = 256;
constexpr std::size_t most_past_forks = 16;
constexpr std::size_t call_id_tries = 256;  // one of N shards is home: a miss in all of these does not happen

std::string make_name(TimePoint now, RandomSource& random) {
    Bytes stamp(8);
    const auto ms = static_cast<std::uint64_t>(unix_milliseconds(now));
    store_be32(stamp.data(), static_cast<std::uint32_t>(ms >> 32));
    store_be32(stamp.data() + 4, static_cast<std::uint32_t>(ms));
    return to_hex(stamp).substr(4) + "-" + random.token(6);
}

std::string home_call_id(const Settings& settings, RandomSource& random) {
    std::string id = random.token(16);
    for (std::size_t i = 0; i < call_id_tries && !settings.is_home(id); ++i) id = random.token(16);
    return id;
}

sdp::HoldToldAs hold_told_as(config::MusicOnHold music) {
    switch (music) {
        case config::MusicOnHold::pass: return sdp::HoldToldAs::said;
        case config::MusicOnHold::own: return sdp::HoldToldAs::unannounced;
        case config::MusicOnHold::network: return sdp::HoldToldAs::announced;
        case config::MusicOnHold::none: return sdp::HoldToldAs::inactive;
    }
    SALLYPORT_CHECK(false);
}

}  // namespace

void Call::start(CallPlan plan, Context& cx) {
    config_ = std::move(plan.config);
    admitted_ = std::move(plan.verdict.admitted);
    begin_leg_a(plan.request, cx);
    std::string trace;
    for (const auto& line : plan.verdict.trace) trace += (trace.empty() ? "" : ", ") + line.text;
    ladder_.note(cx.now, trace);
    if (plan.verdict.reject) return reject(*plan.verdict.reject, plan.verdict.trace.back().text, cx);
    holds_gauge_ = true;
    respond(Side::a, 100, response_to_invite(Side::a, 100, cx), {}, cx);
    // Nobody who calls for help is told to call again.
    if (!admitted_.emergency && leg(Side::a).session.is_too_small(session_policy(Side::a), *invite_))
        return fail_setup("node", 422, q850_of_status(422), "its session would be too short", cx);
    if (!admitted_.emergency && !takes_reliable(Side::a) &&
        dialog::reliability_of(*invite_) == dialog::Reliability::required)
        return fail_setup("node", 420, q850_of_status(420), "it requires 100rel, which is off for that side", cx);
    if (!hear_first_offer(cx)) return;
    targets_ = find_targets(cx);
    auto outlook = targets_.outlook();
    if (!outlook && (overflow(cx) || despite_health(cx))) outlook = targets_.outlook();
    if (!outlook) {
        const bool down = targets_.all_down();
        return fail_setup("node", is_pbx(Side::a) ? 503 : 480, down ? 38 : 20,
                          down ? "all targets are down" : "nowhere to go", cx, down);
    }
    allocate_media(*outlook, cx);
    start_timer(CallTimer::setup, setup_patience, cx);
    take_hop(targets_.next(around(cx)), cx);
}

void Call::begin_leg_a(const transaction::Request& request, Context& cx) {
    const sip::Message& invite = request.message;
    Leg& a = leg(Side::a);
    a.realm = request.flow.realm;
    a.call_id = invite.call_id();
    a.local_tag = cx.random.token(8);
    a.dialog = dialog::Dialog::as_uas(invite, request.flow, a.local_tag);
    a.server = InviteServer{request.server, request.flow.remote, a.local_tag};
    hear_allow(Side::a, invite);
    first_cseq_ = invite.cseq().number;
    cx.index.add(request.server, id_);
    cx.index.add_dialog(a.call_id, a.local_tag, {id_, Side::a});
    cx.index.attach(request.flow.connection, id_);
    hops_left_ = static_cast<std::uint8_t>(invite.max_forwards().value_or(sip::limits::max_forwards) - 1);
    session_ = SessionId::begin(invite, cx.random);
    invite_ = invite;
    record_.id = make_name(cx.now, cx.random);
    record_.session_id = session_.text();
    record_.realm_a = cx.realm(a.realm).name;
    record_.call_id_a = a.call_id;
    record_.started = cx.now;
    record_.called = admitted_.called;
    set_ends();
    identity_ = identity_on_b("unknown.invalid");
    record_.caller = identity_.caller;
    record_.asserted_identity = identity_.asserted_number;
    record_.redirecting_party = identity_.redirecting_party;
    record_.request_uri = invite.request_uri().substr(0, longest_recorded_uri);
    record_.emergency = admitted_.emergency;
    ladder_.message(cx.now, Side::a, Ladder::Way::in, ladder_text(invite));
}

void Call::reject(const policy::Reject& why, std::string_view text, Context& cx) {
    refuse_invite(Side::a, why.status, why.q850, cx, why.retry_after);
    record_.status = why.status;
    log(Severity::info, "call-refused", std::string(to_string(why.why)) + ": " + std::string(text), cx);
    begin_release("node", why.q850, text, cx);
}

bool Call::hear_first_offer(Context& cx) {
    Exchange first;
    first.initial = true;
    const std::string_view description = sip::session_description(*invite_);
    first.late = description.empty();
    exchange_ = std::move(first);
    for (const Side side : {Side::a, Side::b}) bridge_.begin(side, cx.random.u32());
    bridge_.set_profile(Side::a, profile_of(Side::a, leg(Side::a).dialog.flow, cx));
    if (exchange_->late) return true;
    const auto heard = bridge_.hear_offer(Side::a, description);
    if (heard.has_value()) return true;
    unfit_ = heard.error();
    fail_setup("node", heard.error() == BridgeErrc::not_sdp ? 400 : 488, 65, to_string(heard.error()), cx);
    return false;
}

// Who is at leg A stays there; who is at leg B is as policy has it now.
void Call::set_ends() {
    const bool to_pbx = admitted_.direction == policy::CallDirection::to_pbx;
    const std::string first = admitted_.carriers.empty() ? std::string() : admitted_.carriers.front();
    const End trunk{policy::PartyKind::trunk, admitted_.trunk}, carrier{policy::PartyKind::carrier, first};
    if (end(Side::a).kind == policy::PartyKind::unknown) end(Side::a) = to_pbx ? carrier : trunk;
    end(Side::b) = to_pbx ? trunk : carrier;
    record_.trunk = admitted_.trunk;
    record_.direction = to_string(admitted_.direction);
    record_.carrier = end_id(is_pbx(Side::b) ? Side::a : Side::b);
    record_.ends = {end(Side::a).name(), end(Side::b).name()};
}

// The caller as leg B is told him. `core_host`: of our identities there, unless it is a PBX.
Identity Call::identity_on_b(std::string_view core_host) const {
    if (is_pbx(Side::b)) return identity_to_pbx(*invite_, record_.called, parties());
    if (is_pbx(Side::a)) return identity_to_core(*invite_, record_.called, parties(), core_host);
    return identity_to_carrier(*invite_, record_.called, {carrier_of(end_id(Side::a)), carrier_of(end_id(Side::b))},
                               core_host);
}

Targets Call::find_targets(Context& cx) const {
    if (!is_pbx(Side::b))
        return Targets::to_carriers(*config_, admitted_.carriers, admitted_.called, admitted_.emergency, around(cx));
    return Targets::to_trunk(trunk(), cx.locations.usable(admitted_.trunk, cx.now), admitted_.called, around(cx));
}

// The PBX cannot be reached: its trunk may name a number that is called in place of the one that was, or another trunk
// that takes its calls, which is turned to once. Then the call is that trunk's, with its limits, its media policy and
// its name in the record.
bool Call::overflow(Context& cx) {
    if (overflow_to_number(cx)) return true;
    if (!is_pbx(Side::b) || overflowed_) return false;
    const auto other = config_->trunks.find(trunk().overflow.trunk);
    if (other == config_->trunks.end() || other->second.disabled) return false;
    overflowed_ = true;
    const policy::CallFacts facts{.config = *config_,
                                  .locations = cx.locations,
                                  .now = cx.now,
                                  .party = {policy::PartyKind::carrier, end_id(Side::a), policy::Proof::none},
                                  .request_uri = {},
                                  .invite = &*invite_,
                                  .holding = &admitted_.holding};
    auto verdict = policy::decide_overflow(facts, admitted_, other->first, cx.gauges);
    if (verdict.reject) return false;
    ladder_.note(cx.now, "trunk " + admitted_.trunk + " cannot be reached: overflow to trunk " + other->first);
    admitted_ = std::move(verdict.admitted);
    set_ends();
    targets_ = find_targets(cx);
    return true;
}

// As if the PBX had sent its caller there, by 302.
bool Call::overflow_to_number(Context& cx) {
    constexpr std::uint16_t unavailable = 480;
    if (!is_pbx(Side::b)) return false;
    const auto* to = trunk_of(end_id(Side::b)).overflow.number_for(admitted_.called);
    auto uri = sip::parse_uri("tel:" + (to != nullptr ? *to : std::string()));
    if (!uri.has_value()) return false;
    NamedTarget target{{admitted_.called, {}, end_id(Side::b), unavailable, 0}, std::move(*uri)};
    return admit_forward(std::move(target), cx);
}

Targets::Surroundings Call::around(Context& cx) const {
    return {cx.settings.realms, cx.health, cx.now, cx.random, despite_health_};
}

// Who calls for help is not refused for what a probe has found some seconds ago.
bool Call::despite_health(Context& cx) {
    if (!admitted_.emergency || despite_health_ || !targets_.passed_over()) return false;
    despite_health_ = true;
    targets_ = find_targets(cx);
    return true;
}

const config::MediaPolicy& Call::media_policy(Side side) const {
    static const config::MediaPolicy none{.srtp = config::SrtpPolicy::off};
    if (is_pbx(side)) return trunk_of(end_id(side)).media;
    const auto found = config_->carriers.find(end_id(side));
    return found == config_->carriers.end() ? none : found->second.media;
}

MediaProfile Call::profile_of(Side side, const Flow& flow, const Context& cx) const {
    const auto& policy = media_policy(side);
    const IpAddress& source = flow.remote.address;
    MediaProfile profile{policy.srtp == config::SrtpPolicy::required,
                         policy.codecs,
                         policy.latch_any_address,
                         source.family,
                         source.is_loopback(),
                         {},
                         false,
                         cx.realm(flow.realm).advertised_media,
                         hold_told_as(policy.music_on_hold),
                         policy.packet_milliseconds};
    // SIPconnect 16.3: private addresses are the business of who has a VPN, or a NAT mode. The core is the operator's.
    if (!is_pbx(side) || is_private(source) || source.is_loopback()) return profile;
    if (trunk_of(end_id(side)).network.nat == config::NatMode::on)
        profile.stand_in = source;
    else
        profile.no_private = true;
    return profile;
}

MediaSession::Place Call::media_place(Side side, RealmIndex realm, Family family, Context& cx) const {
    const auto& policy = media_policy(side);
    return {policy.port.empty() ? cx.realm(realm).media_port : policy.port, family};
}

void Call::allocate_media(const Targets::Outlook& outlook, Context& cx) {
    const Leg& a = leg(Side::a);
    if (!outlook.carrier.empty()) end(Side::b).id = outlook.carrier;
    command(media_.allocate(id_, record_.id, media_place(Side::a, a.realm, a.dialog.flow.remote.address.family, cx),
                            media_place(Side::b, outlook.realm, outlook.family, cx), bridge_.streams(),
                            trunk().media.inactivity_seconds, record_.session_id, admitted_.trunk),
            cx);
}

void Call::take_hop(Targets::Step step, Context& cx) {
    if (auto* hop = std::get_if<Hop>(&step)) {
        hop_ = std::move(*hop);
        if (last_failure_ != 0 && !hop_->carrier.empty()) cx.counters.failovers.add();
        return try_calling(cx);
    }
    if (const auto* questions = std::get_if<std::vector<locate::Question>>(&step)) {
        for (const auto& question : *questions) cx.out.emplace_back(Resolve{id_.number(), question});
        return;
    }
    if (overflow(cx) || despite_health(cx)) return take_hop(targets_.next(around(cx)), cx);
    if (go_on_forwarding(last_failure_, cx)) return;
    const auto* exhausted = std::get_if<Targets::Exhausted>(&step);
    if (last_failure_ == 0 && exhausted != nullptr && exhausted->all_down)
        return fail_setup("node", is_pbx(Side::a) ? 503 : 480, 38, "all targets are down", cx, true);
    const bool towards_pbx = is_pbx(Side::a);
    // A PBX that is not there is not this node's fault: the core's 503 would take the node out of its rotation.
    if (is_pbx(Side::b) && unreached_)
        return fail_setup("node", 480, out_of_order, "the PBX cannot be reached at any of its places", cx);
    const std::uint16_t status =
        last_failure_ != 0 ? relayed_status(last_failure_, towards_pbx) : (towards_pbx ? 503 : 480);
    fail_setup(
        "node", status, last_failure_ != 0 ? last_cause_ : q850_of_status(503),
        last_failure_ != 0 ? "the last target answered " + std::to_string(last_failure_) : "no target could be located",
        cx);
}

void Call::on_dns(const locate::Answer& answer, Context& cx) {
    if (phase_ != Phase::routing || hop_) return;
    take_hop(targets_.resume(answer, around(cx)), cx);
}

void Call::try_calling(Context& cx) {
    if (phase_ != Phase::routing || !hop_ || media_.state() != MediaSession::State::ready) return;
    if (!hop_->carrier.empty()) end(Side::b).id = hop_->carrier;
    const auto place = media_place(Side::b, hop_->flow.realm, hop_->flow.remote.address.family, cx);
    if (!media_.fits(place)) {
        for (auto& c : media_.reallocate(make_name(cx.now, cx.random), place)) command(std::move(c), cx);
        return;
    }
    stop_timer(CallTimer::setup, cx);
    send_invite(cx);
}

void Call::send_invite(Context& cx) {
    Leg& b = leg(Side::b);
    b.realm = hop_->flow.realm;
    if (b.call_id.empty()) {
        b.call_id = home_call_id(cx.settings, cx.random);
        b.local_tag = cx.random.token(8);
        cx.index.add_dialog(b.call_id, b.local_tag, {id_, Side::b});
    }
    if (!is_pbx(Side::b)) record_.carrier = end_id(Side::b);
    record_.ends[1] = end(Side::b).name();
    record_.realm_b = cx.realm(b.realm).name;
    record_.call_id_b = b.call_id;
    bridge_.set_profile(Side::b, profile_of(Side::b, hop_->flow, cx));
    std::string description;
    if (!exchange_->late) {
        auto offer = bridge_.speak_offer(Side::b, media_.local(), cx.random);
        if (!offer.has_value()) return fail_setup("node", 488, 65, to_string(offer.error()), cx);
        description = std::move(*offer);
    }
    const auto compose = [&] {
        auto composer = compose_invite(*hop_, cx.layer.new_branch(), cx);
        return body_across(*invite_, description, caller()).finish(composer);
    };
    std::string text = compose();
    if (move_to_stream(text.size(), cx)) text = compose();
    record_.target = hop_->text();
    ladder_.note(cx.now, "to " + hop_->text());
    ladder_.message(cx.now, Side::b, Ladder::Way::out, ladder_text(std::string_view(text)));
    phase_ = Phase::calling;
    exchange_->step = Exchange::Step::sent;
    const auto client = cx.layer.send(hop_->flow, text, hop_->tls_name, cx.now, cx.effects);
    b.client = SentInvite{client, std::move(text), hop_->flow, hop_->tls_name};
    b.client_cancelled = false;
    cx.index.add(client, id_);
    start_timer(CallTimer::no_answer, transaction::timer_c, cx);
}

// RFC 3261 18.1.1: a large request goes over TCP where nothing has fixed the transport.
bool Call::move_to_stream(std::size_t bytes, Context& cx) {
    const Flow at = hop_->flow;
    if (bytes <= sip::limits::udp_request_bytes || at.transport != Transport::udp || !hop_->any_transport) return false;
    const Realm& realm = cx.realm(at.realm);
    if (realm.listener(Transport::tcp, at.remote.address.family) == nullptr) return false;
    if (!cx.health.may_take_stream(hop_->health_key, cx.now)) return false;
    hop_->datagram_flow = at;
    hop_->flow = outgoing_flow(realm, at.realm, Transport::tcp, at.remote);
    return true;
}

// The same: if TCP is refused, the request goes over UDP after all.
void Call::move_to_datagrams(Context& cx) {
    if (!hop_->health_key.empty()) cx.health.refused_stream(hop_->health_key, cx.now);
    hop_->flow = *std::exchange(hop_->datagram_flow, std::nullopt);
    hop_->any_transport = false;
    send_invite(cx);
}

sip::Composer Call::compose_invite(const Hop& hop, std::string_view branch, Context& cx) {
    Leg& b = leg(Side::b);
    const Realm& realm = cx.realm(b.realm);
    identity_ = identity_on_b(hop.host);
    caller_hidden_ = identity_.asserted.hidden;
    auto composer = sip::Composer::request("INVITE", hop.request_uri);
    composer.add(HeaderName::via, via_of(realm, hop.flow, branch))
        .add(HeaderName::max_forwards, std::to_string(hops_left_));
    for (const auto& route : hop.routes) composer.add(HeaderName::route, route);
    composer.add(HeaderName::from, identity_.from + ";tag=" + b.local_tag)
        .add(HeaderName::to, identity_.to)
        .add(HeaderName::call_id, b.call_id)
        .add(HeaderName::cseq, "1 INVITE")
        .add(HeaderName::contact, contact_of(realm, hop.flow))
        .add(HeaderName::allow, methods_in_dialog)
        .add(HeaderName::user_agent, cx.settings.server_header)
        .add(HeaderName::session_id, session_.field(Side::b));
    b.session.ask(session_policy(Side::b), false, composer);
    if (offers_reliable()) composer.add(HeaderName::supported, dialog::reliable_option);
    identity_.asserted.add_to(composer);
    add_history(*invite_, record_.forwards, history_view(hop.host), composer);
    add_fields_across(composer);
    return composer;
}

// What the caller says beside what this node says itself, as the rules of whoever is at either leg have it.
void Call::add_fields_across(sip::Composer& to) const {
    const auto &in = header_rules(Side::a).in, &out = header_rules(Side::b).out;
    if (in.empty() && out.empty()) return copy_crossing(*invite_, to, caller());
    auto fields = crossing_fields(*invite_, caller());
    policy::apply_rules(in, admitted_.emergency, fields);
    policy::apply_rules(out, admitted_.emergency, fields);
    for (const auto& field : fields) to.add(field.name, field.value);
}

const config::HeaderRules& Call::header_rules(Side side) const {
    return is_pbx(side) ? trunk_of(end_id(side)).headers : carrier_of(end_id(side)).headers;
}

bool Call::reroutes(std::uint16_t status, std::uint16_t q850) const {
    static constexpr std::array<std::uint16_t, 6> of_bindings{408, 430, 500, 502, 503, 504};
    if (admitted_.emergency) return status < 600;  // whoever answers first
    const auto carrier = config_->carriers.find(hop_->carrier);
    if (carrier == config_->carriers.end())
        return std::find(of_bindings.begin(), of_bindings.end(), status) != of_bindings.end();
    const auto has = [](const std::vector<std::uint16_t>& table, std::uint16_t one) {
        return std::find(table.begin(), table.end(), one) != table.end();
    };
    return has(carrier->second.reroute_statuses, status) || has(carrier->second.reroute_causes, q850);
}

void Call::forget_forks(Context& cx) {
    stop_provisionals(cx);
    const bool over = phase_ == Phase::ended;
    const auto forget = [&](const std::string& caller_tag) {
        if (caller_tag != leg(Side::a).local_tag) cx.index.remove_dialog(leg(Side::a).call_id, caller_tag);
    };
    for (auto& fork : forks_) {
        for (const auto& prack : fork.pracks) cx.index.remove(prack.client);
        if (!over && fork.said.waiting() != nullptr && past_forks_.size() < most_past_forks)
            past_forks_.push_back({std::move(fork.caller_tag), std::move(fork.said)});
        else
            forget(fork.caller_tag);
    }
    forks_.clear();
    if (!over) return;
    for (const auto& past : past_forks_) forget(past.caller_tag);
    past_forks_.clear();
}

// The INVITE came to nothing without an answer. Whether the target is to blame is for a probe to find out.
void Call::on_attempt_failed(transaction::Failure failure, Context& cx) {
    if (failure == transaction::Failure::too_large) {
        // What no stream takes fits nowhere: the other places need not be tried.
        if (is_reliable(hop_->flow.transport))
            return fail_setup("node", 513, q850_of_status(513), "the INVITE is too large to be sent", cx);
        return fail_over(513, cx);
    }
    if (failure == transaction::Failure::transport && hop_->datagram_flow) return move_to_datagrams(cx);
    if (!hop_->health_key.empty()) cx.health.suspect(hop_->health_key);
    unreached_ = true;
    fail_over(failure == transaction::Failure::timeout ? 408 : 503, cx);
}

// RFC 3263 4.3: the same request with a new branch to the next place.
void Call::fail_over(std::uint16_t status, Context& cx, std::uint16_t q850) {
    last_failure_ = status;
    last_cause_ = q850 != 0 ? q850 : q850_of_status(status);
    seek_hop(cx);
}

void Call::seek_hop(Context& cx) {
    stop_timer(CallTimer::no_answer, cx);
    end_early_media(cx);
    leg(Side::b).takes_update = false;
    leg(Side::b).session = {};
    leg(Side::b).outdated = false;
    session_.forget_callee();
    forget_forks(cx);
    phase_ = Phase::routing;
    hop_.reset();
    start_timer(CallTimer::setup, setup_patience, cx);
    take_hop(targets_.next(around(cx)), cx);
}

}  // namespace sallyport::b2bua
