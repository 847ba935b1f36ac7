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
bool Call::is_kin(Side side, const policy::Party& party) const {
    if (party.kind != end(side).kind) return false;
    if (party.id == end_id(side)) return true;
    if (party.kind != policy::PartyKind::trunk) return false;
    const auto &before = trunk_of(end_id(side)), &now = trunk_of(party.id);
    return !before.customer.empty() && before.customer == now.customer;
}

std::uint16_t Call::refusal_to_replace(Side side, const dialog::Replaces& what, const policy::Party& by,
                                       const Context& cx) const {
    const Leg& l = leg(side);
    if (!is_kin(side, by)) return 481;  // as if there were none: whose calls there are is nobody else's business
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

void Call::replace(Side side, const transaction::Request& request, const policy::Party& by, Context& cx) {
    const sip::Message& invite = request.message;
    stop_session_timer(side, cx);
    replaced_ = Replacing{side, true, std::move(leg(side)), end(side)};
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
    adopt(l.call_id, cx);
    ladder_.note(cx.now, end(side).name() + (side == Side::a ? " wants leg a" : " wants leg b"));
    ladder_.message(cx.now, side, Ladder::Way::in, ladder_text(invite));
    session_.hear(side, invite, cx.random);
    respond(side, 100, response_to_invite(side, 100, cx), {}, cx);
    Exchange exchange;
    exchange.from = side;
    exchange.before = bridge_;
    exchange.kbps_before = admitted_.holding.kbps;
    const std::string_view description = sip::session_description(invite);
    exchange.late = description.empty();
    exchange_ = std::move(exchange);
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
    (side == Side::a ? record_.call_id_a : record_.call_id_b) = l.call_id;
    log(Severity::info, "party-replaced", end(side).name() + " has taken the place of " + replaced_->end.name(), cx);
    cx.counters.replaced.add();
    leave_replaced({}, cx);
}

// Who was to be replaced stays, unless it has left by itself.
void Call::undo_replacement(const SdpBridge& before, Context& cx) {
    if (!replaced_ || !replaced_->pending) return;
    const Side side = replaced_->side;
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
    leave_adopted(l.call_id, cx);
}

// The BYE for it, if it has not sent one.
void Call::leave_replaced(const std::string& reason, Context& cx) {
    Leg& l = replaced_->leg;
    replaced_->pending = false;
    if (l.over) return forget_replaced(cx);
    const Side side = replaced_->side;
    const Flow flow = flow_of(l.dialog, side, cx);
    auto bye = l.dialog.request("BYE", via_of(cx.realm(l.realm), flow, cx.layer.new_branch()));
    bye.add(HeaderName::user_agent, cx.settings.server_header).add(HeaderName::session_id, session_.field(side));
    if (!reason.empty()) bye.add(HeaderName::reason, reason);
    std::string text = bye.finish();
    l.over = true;
    ladder_.message(cx.now, side, Ladder::Way::out, ladder_text(std::string_view(text)));
    l.bye = cx.layer.send(flow, std::move(text), l.dialog.tls_name, cx.now, cx.effects);
    cx.index.add(*l.bye, id_);
}

void Call::forget_replaced(Context& cx) {
    forget_leg(replaced_->leg, cx);
    replaced_.reset();
    finish_if_done(cx);
}

// True: it was a request of the leg that is being left, and has been answered.
bool Call::on_request_of_replaced(Side side, const transaction::Request& request, Context& cx) {
    if (!replaced_ || replaced_->side != side) return false;
    Leg& l = replaced_->leg;
    const sip::Message& message = request.message;
    if (message.call_id() != l.dialog.id.call_id || message.to_tag() != l.dialog.id.local_tag) return false;
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
void Call::adopt(std::string_view call_id, Context& cx) const {
    if (!cx.settings.is_home(call_id) && cx.settings.adopt) cx.settings.adopt(call_id, true, cx.now);
}
void Call::leave_adopted(std::string_view call_id, Context& cx) const {
    if (!cx.settings.is_home(call_id) && cx.settings.adopt) cx.settings.adopt(call_id, false, cx.now);
}

}  // namespace sallyport::b2bua
