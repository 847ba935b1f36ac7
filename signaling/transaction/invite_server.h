// INVITE server transaction: RFC 3261 17.2.1 with the accepted state of RFC 6026. Repeats what the user answered; a 2xx
// is repeated only when the user says so.
#pragma once

#include <cstdint>

#include "signaling/transaction/step.h"
#include "signaling/transaction/timers.h"

namespace sallyport::transaction {

class InviteServer {
public:
    enum class State : std::uint8_t { proceeding, completed, confirmed, accepted, terminated };

    InviteServer(const TimerValues& values, bool reliable)
        : values_(values), interval_(values.t1), reliable_(reliable) {}

    void begin(Step& step);
    void on_request(Step& step);  // the INVITE again
    void on_ack(Step& step);
    void respond(std::uint16_t status, SharedText response, Step& step);
    void trying(SharedText response);  // the 100 asked for by Step::make_trying, kept for retransmission
    void on_timer(Timer timer, Step& step);

    State state() const { return state_; }
    bool may_be_cancelled() const { return state_ == State::proceeding; }
    // Still working on the request, or said yes to it: a second copy of it is a merged one.
    bool is_ongoing() const { return state_ == State::proceeding || state_ == State::accepted; }
    const SharedText& last_response() const { return last_; }

private:
    TimerValues values_;
    SharedText last_;
    Duration interval_;  // timer G
    State state_ = State::proceeding;
    bool reliable_;
};

}  // namespace sallyport::transaction
