// Non-INVITE server transaction: RFC 3261 17.2.2, with RFC 4320: no 408, no provisional but 100, and nothing at all
// once the client must have given up.
#pragma once

#include <cstdint>

#include "signaling/transaction/step.h"
#include "signaling/transaction/timers.h"

namespace sallyport::transaction {

class NonInviteServer {
public:
    enum class State : std::uint8_t { trying, proceeding, completed, terminated };

    NonInviteServer(const TimerValues& values, bool reliable) : values_(values), reliable_(reliable) {}

    void begin(Step& step);
    void on_request(Step& step);  // the request again
    void respond(std::uint16_t status, SharedText response, Step& step);
    void on_timer(Timer timer, Step& step);

    State state() const { return state_; }
    // Still working on the request, or said yes to it: a second copy of it is a merged one.
    bool is_ongoing() const { return state_ != State::terminated && !refused_; }
    const SharedText& last_response() const { return last_; }

private:
    TimerValues values_;
    SharedText last_;
    State state_ = State::trying;
    bool reliable_;
    bool refused_ = false;
};

}  // namespace sallyport::transaction
