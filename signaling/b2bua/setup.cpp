// From an INVITE that policy has let in to the INVITE on leg B: media ports and the route are asked for together, and
// the call goes on when both are there. The next attempt after a failure comes back here.
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
#include "signaling/sip/content.h"
#include "signaling/sip/limits.h"
#include "signaling/sip/parser.h"

namespace sallyport::b2bua {

using sip::HeaderName;

namespace {

constexpr std::size_t longest_recorded_uri = 256;
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

// As the transaction layer has it: what no parser takes, or no datagram, is never sent.
bool may_be_sent(const std::string& text, Transport transport) {
    return text.size() <= (is_reliable(transport) ? sip::limits::message_bytes : sip::limits::datagram_bytes) &&
           sip::Parser::parse(text).has_value();
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
    if (!outlook && (overflow(cx) || despite_health())) outlook = targets_.outlook();
    if (!outlook) {
        const bool down = targets_.all_down();
        return fail_setup("node", is_pbx(Side::a) && !is_pbx(Side::b) ? 503 : 480, down ? 38 : 20,
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
    adopt(a, cx);  // where it has been led here by a leg of before: its INVITE had wanted to replace somebody
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
    const Identity& identity = identity_on_b("unknown.invalid");
    record_.caller = identity.caller;
    record_.asserted_identity = identity.asserted_number;
    record_.redirecting_party = identity.redirecting_party;
    record_.request_uri = invite.request_uri().substr(0, longest_recorded_uri);
    record_.emergency = admitted_.emergency;
    record_.location = policy::location_name(admitted_);
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
    auto heard = bridge_.hear_offer(Side::a, description);
    const bool other_way = !heard.has_value() && (heard.error() == BridgeErrc::srtp_required ||
                                                  heard.error() == BridgeErrc::srtp_not_allowed);
    if (admitted_.emergency && other_way) {  // and with or without SRTP, as he offers it
        auto profile = bridge_.profile(Side::a);
        profile.srtp = !profile.srtp;
        bridge_.set_profile(Side::a, std::move(profile));
        ladder_.note(cx.now, "a call for help: taken as it offers media, whatever the trunk has of SRTP");
        heard = bridge_.hear_offer(Side::a, description);
    }
    if (heard.has_value()) return true;
    unfit_ = heard.error();
    fail_setup("node", heard.error() == BridgeErrc::not_sdp ? 400 : 488, 65, to_string(heard.error()), cx);
    return false;
}

// Who is at leg A stays there; who is at leg B is as policy has it now.
void Call::set_ends() {
    identity_.reset();
    const bool to_pbx = admitted_.direction == policy::CallDirection::to_pbx;
    const std::string first = admitted_.carriers.empty() ? std::string() : admitted_.carriers.front();
    const End trunk{policy::PartyKind::trunk, admitted_.trunk}, carrier{policy::PartyKind::carrier, first};
    const End caller{policy::PartyKind::trunk, admitted_.caller_trunk};
    if (end(Side::a).kind == policy::PartyKind::unknown)
        end(Side::a) = !caller.id.empty() ? caller : to_pbx ? carrier : trunk;
    end(Side::b) = to_pbx ? trunk : carrier;
    record_.trunk = admitted_.trunk;
    record_.direction = policy::direction_name(admitted_);
    record_.carrier = !to_pbx ? first : is_pbx(Side::a) ? std::string() : end_id(Side::a);
    record_.ends = {end(Side::a).name(), end(Side::b).name()};
}

// The caller as leg B is told him. `core_host`: of our identities there, unless it is a PBX. From one attempt to the
// next at the same end only that host changes.
const Identity& Call::identity_on_b(std::string_view core_host) {
    const bool from_pbx = is_pbx(Side::a), to_pbx = is_pbx(Side::b);
    const sip::Message& invite = *invite_;
    const std::string& called = record_.called;
    if (identity_ && identity_->whom == end_id(Side::b) && (from_pbx || to_pbx)) {
        if (!to_pbx) identity_->identity.to = to_in_core(invite, called, parties(), core_host);
        return identity_->identity;
    }
    const auto told = [&] {
        if (from_pbx && to_pbx) return identity_on_net(invite, called, trunks(Side::a));
        if (to_pbx) return identity_to_pbx(invite, called, parties());
        if (from_pbx) return identity_to_core(invite, called, parties(), core_host);
        return identity_to_carrier(invite, called, {carrier_of(end_id(Side::a)), carrier_of(end_id(Side::b))},
                                   core_host);
    };
    return identity_.emplace(ToldIdentity{end_id(Side::b), told()}).identity;
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
                         policy.packet_milliseconds,
                         policy.fax == config::Fax::t38 && cx.media_features.fax,
                         cx.media_features.mki};
    // SIPconnect 16.3: private addresses are the business of who has a VPN, or a NAT mode. The core is the operator's.
    // Who calls for help is heard with whatever codec he has, and from behind whatever NAT.
    if (admitted_.emergency) profile.codecs.clear();
    if (!is_pbx(side) || is_private(source) || source.is_loopback()) return profile;
    if (trunk_of(end_id(side)).network.nat == config::NatMode::on || admitted_.emergency)
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
    if (admitted_.emergency) media_.be_emergency();
    command(media_.allocate(id_, record_.id, media_place(Side::a, a.realm, a.dialog.flow.remote.address.family, cx),
                            media_place(Side::b, outlook.realm, outlook.family, cx), bridge_.streams(),
                            trunk().media.inactivity_seconds, record_.session_id, admitted_.trunk),
            cx);
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
    bool adding = true;
    const auto compose = [&] {
        auto composer = compose_invite(*hop_, cx.layer.new_branch(), adding, cx);
        return body_across(*invite_, description, caller()).finish(composer);
    };
    std::string text = compose();
    if (move_to_stream(text.size(), cx)) text = compose();
    if (has_header_rules() && !may_be_sent(text, hop_->flow.transport)) {
        adding = false;
        text = compose();
        log(Severity::warning, "header-rules-left-out", "with what the rules add the INVITE would be too large", cx);
    }
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

// RFC 3261 18.1.1: a large request goes over TCP where nothing has fixed the transport, or the operator says so. A call
// for help is sent in fragments before it is not sent at all.
bool Call::move_to_stream(std::size_t bytes, Context& cx) {
    if (hop_->large == StreamUse::only && admitted_.emergency) hop_->large = StreamUse::first;
    const auto stream = stream_for(hop_->flow, hop_->large, bytes, cx.realm(hop_->flow.realm), cx.health, cx.now);
    if (!stream) return false;
    const Flow datagrams = std::exchange(hop_->flow, *stream);
    if (hop_->large == StreamUse::first) hop_->datagram_flow = datagrams;
    return true;
}

// The same: if TCP is refused, the request goes over UDP after all.
void Call::move_to_datagrams(Context& cx) {
    cx.health.refused_stream(hop_->flow.remote, cx.now);
    hop_->flow = *std::exchange(hop_->datagram_flow, std::nullopt);
    hop_->large = StreamUse::never;
    send_invite(cx);
}

sip::Composer Call::compose_invite(const Hop& hop, std::string_view branch, bool adding, Context& cx) {
    Leg& b = leg(Side::b);
    const Realm& realm = cx.realm(b.realm);
    const Identity& identity = identity_on_b(hop.host);
    caller_hidden_ = identity.asserted.hidden;
    auto composer = sip::Composer::request("INVITE", hop.request_uri);
    composer.add(HeaderName::via, via_of(realm, hop.flow, branch))
        .add(HeaderName::max_forwards, std::to_string(hops_left_));
    for (const auto& route : hop.routes) composer.add(HeaderName::route, route);
    composer.add(HeaderName::from, identity.from + ";tag=" + b.local_tag)
        .add(HeaderName::to, identity.to)
        .add(HeaderName::call_id, b.call_id)
        .add(HeaderName::cseq, "1 INVITE")
        .add(HeaderName::contact, contact_of(realm, hop.flow))
        .add(HeaderName::allow, methods_in_dialog)
        .add(HeaderName::user_agent, cx.settings.server_header)
        .add(HeaderName::session_id, session_.field(Side::b));
    b.session.ask(session_policy(Side::b), false, composer);
    if (offers_reliable()) composer.add(HeaderName::supported, dialog::reliable_option);
    if (takes_replaces(Side::b)) composer.add(HeaderName::supported, dialog::replaces_option);
    identity.asserted.add_to(composer);
    add_history(*invite_, record_.forwards, history_view(hop.host), composer);
    add_fields_across(adding, composer);
    return composer;
}

// What the caller says beside what this node says itself, as the rules of whoever is at either leg have it. Rules of
// the caller's side may name him: then a callee who must not know him is not told. Those of the callee's side know
// nothing of him but what is left. `adding`: there is room for what rules add.
void Call::add_fields_across(bool adding, sip::Composer& to) const {
    if (!has_header_rules()) return copy_crossing(*invite_, to, caller());
    const policy::RuleScope scope{admitted_.emergency, adding};
    auto fields = crossing_fields(*invite_, caller());
    policy::apply_rules(header_rules(Side::a).in, scope, fields);
    if (caller() == Sender::hidden) keep_impersonal(fields);
    policy::apply_rules(header_rules(Side::b).out, scope, fields);
    for (const auto& field : fields) to.add(field.name, field.value);
}

bool Call::has_header_rules() const { return !header_rules(Side::a).in.empty() || !header_rules(Side::b).out.empty(); }

const config::HeaderRules& Call::header_rules(Side side) const {
    return is_pbx(side) ? trunk_of(end_id(side)).headers : carrier_of(end_id(side)).headers;
}

}  // namespace sallyport::b2bua
