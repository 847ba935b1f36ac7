// Offers between the answer in a provisional response and the 2xx: an UPDATE of either party, or the caller's PRACK
// (RFC 3262 5, RFC 3311 5.2). They cross as UPDATE, within the early dialog of their fork.
#include "control/base/check.h"
#include "signaling/b2bua/call.h"
#include "signaling/b2bua/cause.h"
#include "signaling/b2bua/methods.h"
#include "signaling/b2bua/next_hop.h"
#include "signaling/sip/content.h"

namespace sallyport::b2bua {

using sip::HeaderName;

// Both legs have an answer that stands.
bool Call::is_settled(const Fork& fork) const {
    const auto* waiting = fork.said.waiting();
    return fork.agreed && (fork.offered || fork.told) && (waiting == nullptr || waiting->description.empty());
}

void Call::begin_early_exchange(Side side, Fork* fork, const transaction::Request& request, Context& cx) {
    const Side to = other(side);
    const auto retry = std::to_string(cx.random.below(11));
    if (fork == nullptr || !is_settled(*fork) || !exchange_) {
        // RFC 3311 5.2: the caller has had no answer to its offer, the callee has ours to answer.
        return side == Side::a ? refuse_request(request, 500, cx, retry) : refuse_request(request, 491, cx);
    }
    if (early_)
        return early_->from == side ? refuse_request(request, 500, cx, retry) : refuse_request(request, 491, cx);
    if (!cx.media_up) return refuse_request(request, 500, cx, retry);
    const std::string_view description = sip::session_description(request.message);
    SdpBridge bridge = *fork->bridge;
    auto heard = bridge.hear_offer(side, description);
    if (!heard.has_value() && heard.error() == BridgeErrc::not_sdp) return refuse_request(request, 400, cx);
    // Nothing but UPDATE could carry it to the other side, and more streams than there are ports for nothing could.
    if (!heard.has_value() || !leg(to).takes_update || bridge.streams() > media_.streams())
        return refuse_request(request, 488, cx);
    const auto offer = bridge.speak_offer(to, media_.local(), cx.random);
    if (!offer.has_value()) return refuse_request(request, 488, cx);
    early_ = EarlyExchange{side, fork->remote_tag, request.server, request.flow, std::move(bridge), {}};
    dialog::Dialog& dialog = early_dialog(to, *fork);
    const Flow flow = flow_of(dialog, to, cx);
    const Realm& realm = cx.realm(leg(to).realm);
    auto update = dialog.request("UPDATE", via_of(realm, flow, cx.layer.new_branch()));
    update.add(HeaderName::contact, contact_of(realm, flow))
        .add(HeaderName::allow, methods_in_dialog)
        .add(HeaderName::user_agent, cx.settings.server_header)
        .add(HeaderName::session_id, session_.field(to));
    carry_over(request.message, to, update);
    std::string text = update.finish("application/sdp", *offer);
    ladder_.message(cx.now, to, Ladder::Way::out, ladder_text(std::string_view(text)));
    early_->client = cx.layer.send(flow, std::move(text), dialog.tls_name, cx.now, cx.effects);
    cx.index.add(early_->client, id_);
}

dialog::Dialog& Call::early_dialog(Side side, Fork& fork) {
    Leg& l = leg(side);
    if (side == Side::a) l.dialog.id.local_tag = fork.caller_tag;  // one dialog for all forks, but for its name
    return side == Side::a || l.established ? l.dialog : *fork.callee;
}

// False: it answers nothing of ours.
bool Call::on_early_answer(transaction::ClientId update, const sip::Message* answer, Context& cx) {
    if (!early_ || early_->client != update) return false;
    const Side to = other(early_->from);
    if (answer != nullptr && answer->status() < 200) return true;
    if (answer != nullptr) ladder_.message(cx.now, to, Ladder::Way::in, ladder_text(*answer));
    cx.index.remove(update);
    Fork& fork = *fork_of(early_->remote_tag, cx);
    const std::uint16_t status = answer == nullptr ? 504 : answer->status();
    std::string body;
    if (status / 100 == 2) {
        early_dialog(to, fork).refresh_target(*answer);
        SdpBridge& bridge = early_->bridge;
        auto spoken = bridge.hear_answer(to, sip::session_description(*answer)).has_value()
                          ? bridge.speak_answer(early_->from, media_.local(), cx.random)
                          : BridgeResult<std::string>(BridgeErrc::wrong_answer);
        if (!spoken.has_value()) {  // that side believes in it
            end_early_exchange(488, {}, cx);
            return fail_setup("node", 488, 65, to_string(spoken.error()), cx), true;
        }
        fork.bridge = std::move(bridge);
        body = std::move(*spoken);
        program(*fork.bridge, false, cx);
    } else {
        early_->bridge.go_back_to(*fork.bridge);
        fork.bridge = std::move(early_->bridge);
    }
    const bool answered = leg(Side::b).established && leg(Side::b).dialog.id.remote_tag == fork.remote_tag;
    if (answered) bridge_ = *fork.bridge;
    const bool relayed = status / 100 == 2 || status == 491 || status == 504;
    end_early_exchange(relayed ? status : relayed_status(status, is_pbx(early_->from)), body, cx);
    if (exchange_ && exchange_->step == Exchange::Step::settling) send_ok(cx);
    return true;
}

void Call::end_early_exchange(std::uint16_t status, std::string_view body, Context& cx) {
    const EarlyExchange ended = std::move(*early_);
    early_.reset();
    cx.index.remove(ended.client);
    const auto* request = cx.layer.request_of(ended.server);
    if (request == nullptr) return;  // its sender waits no more
    auto composer = sip::respond(*request, status, {}, &ended.flow.remote);
    composer.add(HeaderName::server, cx.settings.server_header).add(HeaderName::session_id, session_.field(ended.from));
    if (status / 100 == 2)
        composer.add(HeaderName::contact, contact_of(cx.realm(leg(ended.from).realm), ended.flow))
            .add(HeaderName::allow, methods_in_dialog);
    std::string text = composer.finish(body.empty() ? std::string_view() : "application/sdp", body);
    ladder_.message(cx.now, ended.from, Ladder::Way::out, ladder_text(std::string_view(text)));
    cx.layer.respond(ended.server, status, std::move(text), cx.now, cx.effects);
}

}  // namespace sallyport::b2bua
