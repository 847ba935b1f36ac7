// What callees say before one of them answers: an early dialog for each fork (RFC 3261 12.1), its description, and
// whether the caller hears it (RFC 5009). 18x that are acknowledged: reliable.cpp.
#include "signaling/b2bua/body.h"
#include "signaling/b2bua/call.h"
#include "signaling/sip/content.h"

namespace sallyport::b2bua {

using sip::HeaderName;

namespace {

constexpr std::size_t most_forks = 16;

}  // namespace

Fork* Call::fork_of(std::string_view remote_tag, Context& cx) {
    if (Fork* known = fork_towards_callee(remote_tag)) return known;
    if (forks_.size() >= most_forks) return nullptr;
    Fork fork;
    fork.remote_tag = remote_tag;
    fork.caller_tag = first_tag_used_ ? cx.random.token(8) : leg(Side::a).local_tag;
    fork.caller_cseq = first_cseq_;
    first_tag_used_ = true;
    cx.index.add_dialog(leg(Side::a).call_id, fork.caller_tag, {id_, Side::a});
    forks_.push_back(std::move(fork));
    return &forks_.back();
}

// SIPconnect 14.9, RFC 5009: as the called side's policy has it. True: the caller is to be told of media. One who is
// not rings by himself.
bool Call::open_early_media(Fork& fork, const sip::Message& heard, Context& cx) {
    const bool was_announced = fork.announced;
    for (const auto value : heard.each(HeaderName::p_early_media)) {
        if (sip::equal_ignoring_case(value, "sendrecv") || sip::equal_ignoring_case(value, "sendonly"))
            fork.announced = true;
        if (sip::equal_ignoring_case(value, "inactive")) fork.announced = false;
    }
    if (!fork.bridge) return false;
    bool open = has_sdp(heard);
    switch (media_policy(Side::b).early_media) {
        case config::EarlyMedia::none: return false;
        case config::EarlyMedia::announced:
            if (was_announced && !fork.announced) end_early_media(cx);
            open = fork.announced && (open || !was_announced);
            break;
        case config::EarlyMedia::described: break;
    }
    if (open) program(*fork.bridge, false, cx);
    return open;
}

void Call::on_provisional(const transaction::Response& response, Context& cx) {
    const sip::Message& heard = response.message;
    if (heard.status() == 100) return;
    if (phase_ != Phase::calling || exchange_->step != Exchange::Step::sent) return;
    start_timer(CallTimer::no_answer, transaction::timer_c, cx);  // RFC 3261 16.7 step 2
    cx.health.noticed_alive(hop_->health_key);
    const bool reliable = offers_reliable() && dialog::reliable_number(heard) != 0;
    const bool tells = heard.status() >= 180 && heard.status() <= 183;
    if (!reliable && !tells) return;
    Fork* fork = fork_of(heard.to_tag(), cx);
    if (fork == nullptr) return;
    if (record_.rang == TimePoint{}) record_.rang = cx.now;
    if (reliable && exchange_->late && has_sdp(heard)) return carry_early_offer(*fork, response, cx);
    if (reliable && !take_reliable(*fork, response, cx)) return;
    std::string body;
    // In an unreliable response to an offerless INVITE a description is a preview that cannot be answered.
    if (!exchange_->late && has_sdp(heard) && !fork->agreed) {
        SdpBridge bridge = fork->bridge ? *fork->bridge : bridge_;
        const auto answered = bridge.hear_answer(Side::b, sip::session_description(heard));
        auto spoken = answered.has_value() ? bridge.speak_answer(Side::a, media_.local(), cx.random)
                                           : BridgeResult<std::string>(answered.error());
        if (spoken.has_value()) {
            fork->answer = std::move(*spoken);
            fork->bridge = std::move(bridge);
            fork->agreed = reliable;
        } else if (reliable) {  // nothing that comes later can mend it
            return fail_setup("node", 488, 65, to_string(spoken.error()), cx);
        } else {
            ladder_.note(cx.now, "early media refused: " + std::string(to_string(spoken.error())));
        }
    }
    if (open_early_media(*fork, heard, cx) && !fork->told) body = fork->answer;
    if (tells) progress(*fork, heard, std::move(body), cx);
}

}  // namespace sallyport::b2bua
