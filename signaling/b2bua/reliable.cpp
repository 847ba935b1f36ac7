// Provisional responses that are acknowledged (RFC 3262), on each leg for itself: the callee's are acknowledged here,
// the caller's are repeated until it has acknowledged them. A description in one is an answer for good, or an offer.
#include <algorithm>
#include <utility>

#include "control/base/check.h"
#include "signaling/b2bua/call.h"
#include "signaling/b2bua/next_hop.h"
#include "signaling/sip/content.h"
#include "signaling/sip/parser.h"

namespace sallyport::b2bua {

using dialog::Reliability;
using sip::HeaderName;

namespace {

constexpr std::uint16_t recovery_on_timer_expiry = 102;  // Q.850
constexpr std::uint32_t highest_first_rseq = 0x7fff'ffff;
constexpr std::size_t most_pracks = 8;      // of one early dialog, on their way: a callee waits for each (RFC 3262 3)
constexpr Duration settling_patience = 3s;  // of a caller whose call has been taken

}  // namespace

bool Call::takes_reliable(Side side) const {
    return is_pbx(side) ? trunk_of(end_id(side)).reliable_provisionals : carrier_of(end_id(side)).reliable_provisionals;
}

Reliability Call::caller_reliability() const {
    const auto asked = invite_ ? dialog::reliability_of(*invite_) : Reliability::none;
    return asked == Reliability::taken && !takes_reliable(Side::a) ? Reliability::none : asked;
}

// Whether the first INVITE to the callee does. What a callee offers in such a response has to be answered in the PRACK:
// where nobody could, it is not asked to.
bool Call::offers_reliable() const {
    if (!takes_reliable(Side::b)) return false;
    if (!exchange_->late) return true;
    return caller_reliability() != Reliability::none &&
           media_policy(Side::b).early_media == config::EarlyMedia::described;
}

// False: it has been taken before, one before it is missing, or it may come again later.
bool Call::take_reliable(Fork& fork, const transaction::Response& response, Context& cx) {
    const sip::Message& heard = response.message;
    const std::uint32_t number = dialog::reliable_number(heard);
    if (!fork.heard.is_next(number) || fork.pracks.size() >= most_pracks) return false;
    fork.heard.take(number);
    if (!fork.callee) {
        const SentInvite& invite = *leg(Side::b).client;
        fork.callee = dialog::Dialog::as_uac(invite.text, heard, response.flow, invite.tls_name);
        fork.invite_cseq = fork.callee->local_cseq;
    }
    fork.callee->flow = response.flow;
    if (exchange_->late && !sip::session_description(heard).empty() && !fork.offered)
        fork.owed = number;
    else
        acknowledge_provisional(fork, {{}, number, {}, false}, cx);
    return true;
}

void Call::acknowledge_provisional(Fork& fork, Prack prack, Context& cx) {
    const NextHop hop = hop_to(fork, cx);
    const Realm& realm = cx.realm(leg(Side::b).realm);
    auto composer = fork.callee->request("PRACK", via_of(realm, hop.flow, cx.layer.new_branch()));
    composer.add(HeaderName::rack, std::to_string(prack.number) + " " + std::to_string(fork.invite_cseq) + " INVITE")
        .add(HeaderName::user_agent, cx.settings.server_header)
        .add(HeaderName::session_id, session_.field(Side::b));
    std::string text = composer.finish(prack.body.empty() ? std::string_view() : "application/sdp", prack.body);
    ladder_.message(cx.now, Side::b, Ladder::Way::out, ladder_text(std::string_view(text)));
    prack.client = send_placed(fork, hop, std::move(text), cx);
    fork.pracks.push_back(std::move(prack));
}

// Whatever it is: a callee that does not get its PRACK refuses the INVITE by itself. One that could not be sent is sent
// once more, over the connection that there is now. False: it is no PRACK of ours.
bool Call::on_prack_answer(transaction::ClientId client, const sip::Message* answer, bool unsent, Context& cx) {
    for (Fork& fork : forks_) {
        const auto found = std::find_if(fork.pracks.begin(), fork.pracks.end(),
                                        [&](const Prack& prack) { return prack.client == client; });
        if (found == fork.pracks.end()) continue;
        if (answer != nullptr && answer->status() < 200) return true;
        if (answer != nullptr) ladder_.message(cx.now, Side::b, Ladder::Way::in, ladder_text(*answer));
        cx.index.remove(client);
        Prack prack = std::move(*found);
        fork.pracks.erase(found);
        if (!unsent || std::exchange(prack.again, true) || phase_ != Phase::calling) return true;
        acknowledge_provisional(fork, std::move(prack), cx);
        return true;
    }
    return false;
}

// The callee of an offerless INVITE offers before it answers the call. Its offer crosses in a response that the caller
// acknowledges too, and is answered by the caller's PRACK.
void Call::carry_early_offer(Fork& fork, const transaction::Response& response, Context& cx) {
    const sip::Message& heard = response.message;
    if (!fork.heard.is_next(dialog::reliable_number(heard))) return;
    std::string offer;
    if (!fork.offered) {
        SdpBridge bridge = bridge_;
        const auto offered = bridge.hear_offer(Side::b, sip::session_description(heard));
        if (!offered.has_value()) return fail_setup("node", 488, 65, to_string(offered.error()), cx);
        if (bridge.streams() > media_.ports()) {  // the response comes again; by then there are ports
            if (media_.awaited() != MediaSession::Awaited::nothing) return;
            command(media_.grow(bridge.streams()), cx);
            return start_timer(CallTimer::media, media_patience, cx);
        }
        auto spoken = bridge.speak_offer(Side::a, media_.local(), cx.random);
        if (!spoken.has_value()) return fail_setup("node", 488, 65, to_string(spoken.error()), cx);
        if (!takes_late_media(heard, cx))
            return fail_setup("node", 488, 65, "its offer takes more bandwidth than is left", cx);
        fork.bridge = std::move(bridge);
        offer = std::move(*spoken);
    }
    if (!take_reliable(fork, response, cx)) return;
    fork.offered = true;
    progress(fork, heard, std::move(offer), cx);
}

// False: it is no answer to that.
bool Call::carry_early_answer(Fork& fork, std::string_view description, Context& cx) {
    SdpBridge bridge = *fork.bridge;
    if (!bridge.hear_answer(Side::a, description).has_value()) return false;
    auto spoken = bridge.speak_answer(Side::b, media_.local(), cx.random);
    if (!spoken.has_value()) return false;
    fork.bridge = std::move(bridge);
    fork.agreed = true;
    acknowledge_provisional(fork, {{}, std::exchange(fork.owed, 0), std::move(*spoken), false}, cx);
    program(*fork.bridge, false, cx);
    return true;
}

// What the callee says before its answer, as the caller takes it: to be acknowledged where the caller insists on it, or
// the callee has sent it so.
void Call::progress(Fork& fork, const sip::Message& heard, std::string body, Context& cx) {
    constexpr std::uint16_t session_progress = 183;
    const bool known = heard.status() >= 180 && heard.status() <= 183;
    const std::uint16_t status = known ? heard.status() : session_progress;
    leg(Side::a).server->to_tag = fork.caller_tag;
    auto composer = accept_invite(Side::a, status, heard, cx);
    const auto wanted = caller_reliability();
    const bool heard_so = fork.callee && dialog::reliable_number(heard) != 0;
    if (wanted == Reliability::none || (wanted == Reliability::taken && !heard_so)) {
        respond(Side::a, status, std::move(composer), body, cx);
        return;
    }
    if (!fork.said.has_room()) return;  // of a caller that does not acknowledge
    if (!body.empty()) {
        fork.told = body;
        fork.in_step = fork.agreed || fork.offered;
    }
    if (last_rseq_ == 0) last_rseq_ = static_cast<std::uint32_t>(cx.random.below(highest_first_rseq));
    const std::uint32_t number = fork.said.next_number(last_rseq_ + 1);
    last_rseq_ = std::max(last_rseq_, number);
    composer.add(HeaderName::require, dialog::reliable_option).add(HeaderName::rseq, std::to_string(number));
    std::string text = composer.finish(body.empty() ? std::string_view() : "application/sdp", body);
    if (fork.said.add({number, status, std::move(text), std::move(body)}, cx.settings.timers.t1, cx.now))
        say_provisional(fork, cx);
}

// The one whose turn it is.
void Call::say_provisional(Fork& fork, Context& cx) {
    ladder_.message(cx.now, Side::a, Ladder::Way::out, ladder_text(std::string_view(fork.said.waiting()->text)));
    repeat_provisional(static_cast<std::size_t>(&fork - forks_.data()), cx);
}

// RFC 3262 3: on every transport.
void Call::repeat_provisional(std::size_t index, Context& cx) {
    if (index >= forks_.size() || !leg(Side::a).server) return;
    Fork& fork = forks_[index];
    fork.repeat = 0;
    const auto* response = fork.said.waiting();
    if (response == nullptr) return;
    if (fork.said.is_given_up(cx.now)) {
        ladder_.note(cx.now, "no PRACK");
        // Who calls for help is not hung up on, but told again with the 2xx.
        if (!admitted_.emergency)
            return fail_setup("node", 500, recovery_on_timer_expiry, "the caller does not acknowledge a response", cx);
        fork.said = {};
        fork.told.reset();
        return;
    }
    cx.layer.respond(leg(Side::a).server->id, response->status, response->text, cx.now, cx.effects);
    fork.repeat = cx.timers.start(
        cx.now + fork.said.next_pause(cx.now),
        {transaction::TimerOwner::call, static_cast<std::uint8_t>(CallTimer::repeat_18x), id_.number(), index});
}

// A final response is on its way to the caller, or those forks are over.
void Call::stop_provisionals(Context& cx) {
    if (early_) end_early_exchange(481, {}, cx);
    for (Fork& fork : forks_) {
        if (fork.repeat != 0) cx.timers.cancel(fork.repeat);
        fork.repeat = 0;
        fork.said.settle();
    }
}

// RFC 3262 3: a 2xx waits for the acknowledgement of the description that it follows, and for what is being agreed.
bool Call::awaits_settlement() const {
    const auto& tag = leg(Side::a).server->to_tag;
    return std::any_of(forks_.begin(), forks_.end(), [&](const Fork& fork) {
        const auto* waiting = fork.said.waiting();
        const bool offering = early_ && early_->remote_tag == fork.remote_tag;
        return fork.caller_tag == tag && (offering || (waiting != nullptr && !waiting->description.empty()));
    });
}

void Call::hold_ok(Context& cx) {
    exchange_->step = Exchange::Step::settling;
    if (early_) start_timer(CallTimer::early, settling_patience, cx);
}

Fork* Call::fork_towards_caller(std::string_view caller_tag) {
    const auto found =
        std::find_if(forks_.begin(), forks_.end(), [&](const Fork& fork) { return fork.caller_tag == caller_tag; });
    return found == forks_.end() ? nullptr : &*found;
}

Fork* Call::fork_towards_callee(std::string_view remote_tag) {
    const auto found =
        std::find_if(forks_.begin(), forks_.end(), [&](const Fork& fork) { return fork.remote_tag == remote_tag; });
    return found == forks_.end() ? nullptr : &*found;
}

// What was said by a target that has been left.
bool Call::is_past(std::string_view caller_tag, const sip::RAck& rack) const {
    return std::any_of(past_forks_.begin(), past_forks_.end(), [&](const PastFork& past) {
        return past.caller_tag == caller_tag && past.said.matches(rack, first_cseq_);
    });
}

// Another one has answered the call, or nobody is waiting for that any more.
bool Call::is_passed_over(const Fork& fork) const {
    const Leg& b = leg(Side::b);
    return phase_ != Phase::calling || !exchange_ || (b.established && b.dialog.id.remote_tag != fork.remote_tag);
}

void Call::on_prack(Side side, const transaction::Request& request, Context& cx) {
    const auto rack = sip::parse_rack(request.message.first(HeaderName::rack).value_or(""));
    if (!rack.has_value()) return refuse_request(request, 400, cx);
    if (side == Side::a && is_past(request.message.to_tag(), *rack)) return refuse_request(request, 200, cx);
    Fork* fork = side == Side::a ? fork_towards_caller(request.message.to_tag()) : nullptr;
    if (fork == nullptr || !fork->said.matches(*rack, first_cseq_)) return refuse_request(request, 481, cx);
    const std::string_view description = sip::session_description(request.message);
    if (is_passed_over(*fork)) {
        refuse_request(request, description.empty() || fork->owed != 0 ? 200 : 488, cx);
    } else if (fork->owed != 0 && !fork->said.waiting()->description.empty()) {
        if (!carry_early_answer(*fork, description, cx)) {
            refuse_request(request, description.empty() ? 400 : 488, cx);
            return fail_setup("node", 488, 65, "the PRACK does not answer the offer", cx);
        }
        refuse_request(request, 200, cx);
    } else if (description.empty()) {
        refuse_request(request, 200, cx);
    } else if (!begin_early_exchange(side, fork, request, cx)) {
        return;  // and has acknowledged nothing
    }
    if (fork->repeat != 0) cx.timers.cancel(fork->repeat);
    fork->repeat = 0;
    const auto* next = fork->said.acknowledge(cx.settings.timers.t1, cx.now);
    if (!leg(Side::a).server || phase_ != Phase::calling) return;
    if (exchange_->step == Exchange::Step::settling) return send_ok(cx);
    if (next != nullptr) say_provisional(*fork, cx);
}

}  // namespace sallyport::b2bua
