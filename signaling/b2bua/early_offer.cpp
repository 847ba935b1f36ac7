// Offers between the answer in a provisional response and the 2xx: an UPDATE of either party, or the caller's PRACK
// (RFC 3262 5, RFC 3311 5.2). They cross as UPDATE, within the early dialog of their fork.
#include "signaling/b2bua/call.h"
#include "signaling/b2bua/cause.h"
#include "signaling/b2bua/methods.h"
#include "signaling/b2bua/next_hop.h"
#include "signaling/sip/content.h"

namespace sallyport::b2bua {

using sip::HeaderName;

namespace {

bool is_prack(const sip::Message& request) { return request.method() == sip::Method::prack; }

}  // namespace

// Both legs have an answer that stands; a PRACK says so itself.
bool Call::is_settled(const Fork& fork, const sip::Message& offer) const {
    const auto* waiting = fork.said.waiting();
    const bool acknowledged = waiting == nullptr || waiting->description.empty() || is_prack(offer);
    return fork.agreed && (fork.offered || (fork.told && fork.in_step)) && acknowledged;
}

// False: it has been refused.
bool Call::begin_early_exchange(Side side, Fork* fork, const transaction::Request& request, Context& cx) {
    const Side to = other(side);
    const bool prack = is_prack(request.message);
    const auto refuse = [&](std::uint16_t status) {
        const bool later = status == 500 && !prack;
        refuse_request(request, status, cx, later ? std::to_string(cx.random.below(11)) : std::string());
        return false;
    };
    if (fork != nullptr && is_passed_over(*fork)) return refuse(481);
    if (early_) return refuse(prack || early_->from != side ? 491 : 500);
    if (!cx.media_up) return refuse(500);
    if (fork == nullptr || !is_settled(*fork, request.message)) {
        if (prack && fork->told && !fork->owed) return answer_here(*fork, request, cx);
        // RFC 3311 5.2: the caller has had no answer to its offer, the callee has ours to answer.
        return refuse(prack ? 488 : side == Side::a ? 500 : 491);
    }
    const std::string_view description = sip::session_description(request.message);
    SdpBridge bridge = *fork->bridge;
    const auto heard = bridge.hear_offer(side, description);
    if (!heard.has_value()) return refuse(heard.error() == BridgeErrc::not_sdp ? 400 : 488);
    // Nothing but UPDATE could carry it to the other side, and more streams than there are ports for nothing could.
    if (!leg(to).takes_update || bridge.streams() > media_.ports())
        return prack ? answer_here(*fork, request, cx) : refuse(488);
    const auto offer = bridge.speak_offer(to, media_.local(), cx.random);
    if (!offer.has_value()) return refuse(488);
    const std::uint32_t held = admitted_.holding.kbps;
    if (!takes_media(description, cx)) return refuse(488);
    early_ = EarlyExchange{side, fork->remote_tag, request.server, request.flow, std::move(bridge), {}, held};
    dialog::Dialog& dialog = early_dialog(to, *fork);
    const bool early = to == Side::b && !leg(to).established;
    const NextHop hop = early ? hop_to(*fork, cx) : hop_to(to, cx);
    const Realm& realm = cx.realm(leg(to).realm);
    auto update = dialog.request("UPDATE", via_of(realm, hop.flow, cx.layer.new_branch()));
    update.add(HeaderName::contact, contact_of(realm, hop.flow))
        .add(HeaderName::allow, methods_in_dialog)
        .add(HeaderName::user_agent, cx.settings.server_header)
        .add(HeaderName::session_id, session_.field(to));
    carry_over(request.message, to, update);
    std::string text = update.finish("application/sdp", *offer);
    ladder_.message(cx.now, to, Ladder::Way::out, ladder_text(std::string_view(text)));
    early_->client =
        early ? send_placed(*fork, hop, std::move(text), cx) : send_placed(leg(to), hop, std::move(text), cx);
    start_timer(CallTimer::early, update_patience(cx.settings.timers), cx);
    return true;
}

// What a PRACK offers and cannot cross is answered in the callee's name, with what the callee has agreed to; it is
// offered the rest once the call stands.
bool Call::answer_here(Fork& fork, const transaction::Request& prack, Context& cx) {
    // A 2xx that has come already may have said something else than the 18x before it.
    const bool answered = leg(Side::b).established;
    SdpBridge bridge = answered ? bridge_ : *fork.bridge;
    const auto heard = bridge.hear_offer(Side::a, sip::session_description(prack.message));
    auto spoken = heard.has_value()
                      ? bridge.speak_answer(Side::a, media_.local(), cx.random, sdp::AnswerOrder::of_offer)
                      : BridgeResult<std::string>(heard.error());
    if (!spoken.has_value()) {
        refuse_request(prack, spoken.error() == BridgeErrc::not_sdp ? 400 : 488, cx);
        return false;
    }
    if (!takes_media(sip::session_description(prack.message), cx)) {
        refuse_request(prack, 488, cx);
        return false;
    }
    fork.bridge = std::move(bridge);
    if (answered) bridge_ = *fork.bridge;
    fork.told = *spoken;
    leg(Side::a).outdated = false;
    leg(Side::b).outdated = true;
    program(*fork.bridge, false, cx);
    answer_early(prack.message, {Side::a, fork.remote_tag, prack.server, prack.flow, {}, {}, 0}, 200, *spoken, cx);
    return true;
}

// At the callee that of its fork, until it has answered the call.
dialog::Dialog& Call::early_dialog(Side side, Fork& fork) {
    Leg& l = leg(side);
    if (side == Side::a) l.dialog.id.local_tag = fork.caller_tag;  // one dialog for all forks, but for its name
    return side == Side::a || l.established ? l.dialog : *fork.callee;
}

// False: it answers nothing of ours.
bool Call::on_early_answer(transaction::ClientId update, const sip::Message* answer, Context& cx) {
    if (!early_ || early_->client != update) return false;
    const Side to = other(early_->from);
    if (answer == nullptr) {
        give_up_early_exchange(cx);
        return true;
    }
    const std::uint16_t status = answer->status();
    if (status < 200) return true;
    ladder_.message(cx.now, to, Ladder::Way::in, ladder_text(*answer));
    Fork& fork = *fork_towards_callee(early_->remote_tag);  // it ends before its fork does
    if (status >= 300) {
        leave_early_offer(fork, cx);
        end_early_exchange(status == 491 ? status : relayed_status(status, is_pbx(early_->from)), {}, cx);
    } else {
        early_dialog(to, fork).refresh_target(*answer);
        SdpBridge& bridge = early_->bridge;
        auto spoken = bridge.hear_answer(to, sip::session_description(*answer)).has_value()
                          ? bridge.speak_answer(early_->from, media_.local(), cx.random)
                          : BridgeResult<std::string>(BridgeErrc::wrong_answer);
        if (!spoken.has_value()) {  // that side believes in it
            end_early_exchange(488, {}, cx);
            fail_setup("node", 488, 65, to_string(spoken.error()), cx);
            return true;
        }
        fork.bridge = std::move(bridge);
        if (leg(Side::b).established) bridge_ = *fork.bridge;
        program(*fork.bridge, false, cx);
        end_early_exchange(status, *spoken, cx);
    }
    if (exchange_ && exchange_->step == Exchange::Step::settling) send_ok(cx);
    return true;
}

// It has not been taken. The o= versions that were used stay used.
void Call::leave_early_offer(Fork& fork, Context& cx) {
    give_back_media(early_->kbps_before, cx);
    early_->bridge.go_back_to(*fork.bridge);
    fork.bridge = std::move(early_->bridge);
    if (leg(Side::b).established) bridge_ = *fork.bridge;
}

// Whoever was to answer may have taken it all the same, and is offered what holds once the call stands.
void Call::give_up_early_exchange(Context& cx) {
    if (!early_) return;
    leg(other(early_->from)).outdated = true;
    leave_early_offer(*fork_towards_callee(early_->remote_tag), cx);
    end_early_exchange(504, {}, cx);
    if (exchange_ && exchange_->step == Exchange::Step::settling) send_ok(cx);
}

void Call::end_early_exchange(std::uint16_t status, std::string_view body, Context& cx) {
    const EarlyExchange ended = std::move(*early_);
    early_.reset();
    stop_timer(CallTimer::early, cx);
    cx.index.remove(ended.client);
    const auto* request = cx.layer.request_of(ended.server);
    if (request != nullptr)
        answer_early(sip::Message(*request), ended, status, body, cx);  // else its sender waits no more
}

void Call::answer_early(const sip::Message& request, const EarlyExchange& exchange, std::uint16_t status,
                        std::string_view body, Context& cx) {
    const Side from = exchange.from;
    auto composer = sip::respond(request, status, {}, &exchange.flow.remote);
    composer.add(HeaderName::server, cx.settings.server_header).add(HeaderName::session_id, session_.field(from));
    if (status / 100 == 2) {
        composer.add(HeaderName::contact, contact_of(cx.realm(leg(from).realm), exchange.flow))
            .add(HeaderName::allow, methods_in_dialog);
        early_dialog(from, *fork_towards_callee(exchange.remote_tag)).refresh_target(request);
    }
    std::string text = composer.finish(body.empty() ? std::string_view() : "application/sdp", body);
    ladder_.message(cx.now, from, Ladder::Way::out, ladder_text(std::string_view(text)));
    cx.layer.respond(exchange.server, status, std::move(text), cx.now, cx.effects);
}

}  // namespace sallyport::b2bua
