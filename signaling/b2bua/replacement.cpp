// Another party takes the place of one that is in the call (RFC 3891): its INVITE is carried across like a later offer
// of that side, in a dialog of its own. While the other party is asked the one that may have to leave keeps its leg;
// when the answer is there it gets a BYE, and where none comes nothing has happened.
#include <algorithm>
#include <utility>

#include "control/base/check.h"
#include "signaling/b2bua/call.h"
#include "signaling/b2bua/cause.h"
#include "signaling/b2bua/next_hop.h"
#include "signaling/sip/content.h"

namespace sallyport::b2bua {

using sip::HeaderName;
using sip::Method;

bool Call::takes_replaces(Side side) const {
    return is_pbx(side) ? trunk_of(end_id(side)).replaces : carrier_of(end_id(side)).replaces;
}

// The same trunk or carrier; of a trunk, its customer's others too.
bool Call::is_kin(Side side, const policy::Party& party, const config::Snapshot& config) const {
    if (party.kind != end(side).kind) return false;
    if (party.id == end_id(side)) return true;
    if (party.kind != policy::PartyKind::trunk) return false;
    const auto one = config.trunks.find(end_id(side)), other = config.trunks.find(party.id);
    return one != config.trunks.end() && other != config.trunks.end() && !one->second.customer.empty() &&
           one->second.customer == other->second.customer;
}

std::uint16_t Call::refusal_to_replace(Side side, const dialog::Replaces& what, const policy::Party& by,
                                       const config::Snapshot& now, const Context& cx) const {
    const Leg& l = leg(side);
    // As if there were none: whose calls there are is nobody else's business. The call goes on by what it has begun
    // with, so that whoever takes part has to be in there.
    if (!is_kin(side, by, now) || !is_kin(side, by, *config_)) return 481;
    if (!l.established) {
        // RFC 3891 3: of dialogs that are not confirmed only what we have begun. A ringing telephone is not picked up
        // elsewhere: the answer would be nobody's that was called.
        const bool rings = side == Side::b && phase_ == Phase::calling &&
                           std::any_of(forks_.begin(), forks_.end(),
                                       [&](const Fork& fork) { return fork.remote_tag == what.from_tag; });
        return rings ? 603 : 481;
    }
    if (l.dialog.id.remote_tag != what.from_tag || l.dialog.id.local_tag != what.to_tag) return 481;
    if (phase_ >= Phase::releasing || l.over) return 603;
    if (what.early_only) return 486;
    const Leg& far = leg(other(side));
    const bool busy = phase_ != Phase::answered || exchange_ || replaced_ || l.busy() || far.busy() || l.unacked ||
                      far.unacked || l.renewal;
    return busy || !cx.media_up ? 500 : 0;
}

std::optional<policy::Verdict> Call::replace(Side side, const transaction::Request& request, const policy::Party& by,
                                             const config::Snapshot& now, Context& cx) {
    const sip::Message& invite = request.message;
    std::optional<policy::Takeover> taken;
    if (is_pbx(side)) taken = take_place(side, request, by, now, cx);
    if (taken && taken->verdict.reject) return std::move(taken->verdict);
    stop_session_timer(side, cx);
    settle_forks(cx);  // they are dialogs of leg A as it is by now
    forget_past_forks(cx);
    replaced_ = Replacing{side, true, std::move(leg(side)), end(side), session_, std::nullopt, {}};
    if (taken) {
        replaced_->admitted = std::exchange(admitted_, std::move(taken->verdict.admitted));
        replaced_->after = std::move(taken->after);
    }
    const Leg& before = replaced_->leg;
    Leg& l = leg(side) = Leg{};
    end(side).id = by.id;
    l.realm = request.flow.realm;
    l.call_id = invite.call_id();
    l.local_tag = cx.random.token(8);
    l.dialog = dialog::Dialog::as_uas(invite, request.flow, l.local_tag);
    l.server = InviteServer{request.server, request.flow.remote, l.local_tag};
    hear_allow(side, invite);
    cx.index.add(request.server, id_);
    cx.index.add_dialog(l.call_id, l.local_tag, {id_, side});
    cx.index.attach(request.flow.connection, id_);
    adopt(l, cx);
    ladder_.note(cx.now, end(side).name() + (side == Side::a ? " wants leg a" : " wants leg b"));
    ladder_.message(cx.now, side, Ladder::Way::in, ladder_text(invite));
    if (side == Side::b) session_.forget_callee();
    session_.hear(side, invite, cx.random);
    respond(side, 100, response_to_invite(side, 100, cx), {}, cx);
    Exchange exchange;
    exchange.from = side;
    exchange.before = bridge_;
    exchange.kbps_before = admitted_.holding.kbps;
    exchange.late = sip::session_description(invite).empty();
    exchange_ = std::move(exchange);
    ask_for_place(side, request, before, cx);
    return std::nullopt;
}

// What it offers is offered to the other party, if there is anything to it.
void Call::ask_for_place(Side side, const transaction::Request& request, const Leg& before, Context& cx) {
    const sip::Message& invite = request.message;
    const Leg& l = leg(side);
    const std::string_view description = sip::session_description(invite);
    if (!admitted_.emergency && l.session.is_too_small(session_policy(side), invite)) return end_exchange(422, cx);
    const auto& source = request.flow.remote.address;
    const bool same_ports = l.realm == before.realm && source.family == before.dialog.flow.remote.address.family;
    bridge_.at(side) = {};
    bridge_.begin(side, cx.random.u32());
    bridge_.set_profile(side, profile_of(side, request.flow, cx));
    if (!same_ports) unfit_ = BridgeErrc::wrong_family;
    if (!same_ports) return end_exchange(488, cx);
    if (!exchange_->late) {
        const auto heard = bridge_.hear_offer(side, description);
        const auto& told = exchange_->before.at(other(side)).told;
        if (!heard.has_value())
            unfit_ = heard.error();
        else if (told && bridge_.at(side).heard->media.size() < told->media.size())
            unfit_ = BridgeErrc::too_few_streams;  // RFC 3264 8: the one who stays keeps his m-lines
        if (unfit_) return end_exchange(*unfit_ == BridgeErrc::not_sdp ? 400 : 488, cx);
        if (!takes_media(description, cx)) return end_exchange(488, cx);
        if (bridge_.streams() > media_.streams()) {
            command(media_.grow(bridge_.streams()), cx);
            return start_timer(CallTimer::media, media_patience, cx);
        }
    }
    relay_offer(cx);
}

// It has been told 2xx: the place is its own now.
void Call::complete_replacement(Context& cx) {
    if (!replaced_ || !replaced_->pending) return;
    replaced_->pending = false;
    const Side side = replaced_->side;
    Leg& l = leg(side);
    l.established = true;
    record_.replaced.push_back({side, replaced_->end.name(), replaced_->leg.call_id, cx.now});
    record_.ends[static_cast<std::size_t>(side)] = end(side).name();
    keep_place(cx);
    (side == Side::a ? record_.call_id_a : record_.call_id_b) = l.call_id;
    log(Severity::info, "party-replaced", end(side).name() + " has taken the place of " + replaced_->end.name(), cx);
    cx.counters.replaced.add();
    leave_replaced({}, cx);
}

// Who was to be replaced stays, unless it has left by itself.
void Call::undo_replacement(const SdpBridge& before, Context& cx) {
    if (!replaced_ || !replaced_->pending) return;
    give_up_place(cx);
    const Side side = replaced_->side;
    if (side == Side::b) session_ = std::move(replaced_->session);  // that of the caller is the call's
    Replacing kept = std::move(*replaced_);
    replaced_.reset();
    forget_leg(leg(side), cx);
    leg(side) = std::move(kept.leg);
    end(side) = std::move(kept.end);
    bridge_.at(side).origin = before.at(side).origin;
    ladder_.note(cx.now, "nobody is replaced");
    if (leg(side).over && phase_ < Phase::releasing) {
        hang_up(other(side), {}, cx);
        begin_release(side == Side::a ? "caller" : "callee", normal_clearing, "BYE", cx);
        return finish_if_done(cx);
    }
    if (leg(side).over) return;
    resume_session_timer(side, cx);
    if (phase_ == Phase::answered) keep(cx);
}

void Call::forget_leg(const Leg& l, Context& cx) const {
    cx.index.remove_dialog(l.call_id, l.local_tag);
    cx.index.remove_dialog(l.call_id, l.dialog.id.local_tag);  // of a fork that was not the first
    cx.index.detach(l.dialog.flow.connection, id_);
    leave_adopted(l, cx);
}

// The place that the newcomer takes, beside that of the one who may leave: neither is anybody else's until it is known
// which of them is needed.
policy::Takeover Call::take_place(Side side, const transaction::Request& request, const policy::Party& by,
                                  const config::Snapshot& now, Context& cx) const {
    const policy::CallFacts facts{.config = now,
                                  .locations = cx.locations,
                                  .now = cx.now,
                                  .party = by,
                                  .transport = request.flow.transport,
                                  .request_uri = {},
                                  .invite = &request.message,
                                  .holding = &admitted_.holding};
    const std::string stays = is_pbx(other(side)) ? end_id(other(side)) : std::string();
    return policy::decide_takeover(facts, {side == Side::a, end_id(side), stays}, admitted_, cx.gauges);
}

// Whoever has taken the place pays from now on.
void Call::keep_place(Context& cx) {
    if (!replaced_->admitted) return;
    const policy::Admitted before = std::move(*replaced_->admitted);
    replaced_->admitted.reset();
    policy::Holding after = std::move(replaced_->after);
    after.kbps = admitted_.holding.kbps;
    cx.gauges.exchange(after, admitted_.holding);
    admitted_.holding = std::move(after);
    record_.trunk = admitted_.trunk;
    if (before.trunk == admitted_.trunk) return;
    cx.gauges.end_spending(before.trunk, before.price_per_minute, cx.now);
    cx.gauges.begin_spending(admitted_.trunk, admitted_.price_per_minute, cx.now, cx.now);
    pays_since_ = cx.now;
}

void Call::give_up_place(Context& cx) {
    if (!replaced_ || !replaced_->admitted) return;
    cx.gauges.exchange(replaced_->admitted->holding, admitted_.holding);
    admitted_ = std::move(*replaced_->admitted);
    replaced_->admitted.reset();
}

// The BYE for it, if it has not sent one.
void Call::leave_replaced(const std::string& reason, Context& cx) {
    give_up_place(cx);
    Leg& l = replaced_->leg;
    replaced_->pending = false;
    if (l.over) return forget_replaced(cx);
    const Side side = replaced_->side;
    const auto lost = l.dialog.flow.connection;
    const NextHop hop = hop_to(l, replaced_->end, cx);
    if (l.dialog.flow.connection != lost) cx.index.attach(l.dialog.flow.connection, id_);
    auto bye = l.dialog.request("BYE", via_of(cx.realm(l.realm), hop.flow, cx.layer.new_branch()));
    bye.add(HeaderName::user_agent, cx.settings.server_header)
        .add(HeaderName::session_id, replaced_->session.field(side));
    if (!reason.empty()) bye.add(HeaderName::reason, reason);
    std::string text = bye.finish();
    l.over = true;
    ladder_.message(cx.now, side, Ladder::Way::out, ladder_text(std::string_view(text)));
    l.bye = send_placed(l, hop, std::move(text), cx);
}

void Call::forget_replaced(Context& cx) {
    forget_leg(replaced_->leg, cx);
    replaced_.reset();
    finish_if_done(cx);
}

bool Call::is_of_replaced(Side side, const sip::Message& request) const {
    return replaced_ && replaced_->side == side && request.call_id() == replaced_->leg.dialog.id.call_id &&
           request.to_tag() == replaced_->leg.dialog.id.local_tag;
}

std::string_view Call::pbx_of(Side side, const sip::Message& request) const {
    const End& who = is_of_replaced(side, request) ? replaced_->end : end(side);
    return who.kind == policy::PartyKind::trunk ? std::string_view(who.id) : std::string_view();
}

// True: it was a request of the leg that is being left, and has been answered.
bool Call::on_request_of_replaced(Side side, const transaction::Request& request, Context& cx) {
    const sip::Message& message = request.message;
    if (!is_of_replaced(side, message)) return false;
    Leg& l = replaced_->leg;
    if (message.method() == Method::ack) return true;
    ladder_.message(cx.now, side, Ladder::Way::in, ladder_text(message));
    if (message.from_tag() != l.dialog.id.remote_tag)
        refuse_request(request, 481, cx);
    else if (message.method() == Method::bye)
        refuse_request(request, 200, cx), l.over = true;
    else if (l.over)
        refuse_request(request, 481, cx);
    else if (message.method() == Method::invite || message.method() == Method::update)
        refuse_request(request, 491, cx);
    else
        refuse_request(request, message.method() == Method::options ? 200 : 405, cx);
    return true;
}

bool Call::on_answer_of_replaced(transaction::ClientId client, Context& cx) {
    if (!replaced_ || replaced_->leg.bye != client) return false;
    cx.index.remove(client);
    replaced_->leg.bye.reset();
    forget_replaced(cx);
    return true;
}

// A leg whose Call-ID another shard would be asked for.
void Call::adopt(const Leg& l, Context& cx) const {
    if (cx.settings.is_home(l.call_id) || !cx.settings.adopt) return;
    cx.settings.adopt(l.call_id, l.dialog.id.remote_tag, true, cx.now);
}
void Call::leave_adopted(const Leg& l, Context& cx) const {
    if (cx.settings.is_home(l.call_id) || !cx.settings.adopt) return;
    cx.settings.adopt(l.call_id, l.dialog.id.remote_tag, false, cx.now);
}

}  // namespace sallyport::b2bua
