// INVITE client transaction: RFC 3261 17.1.1 with the accepted state of RFC 6026. Holds a CANCEL back until it may be
// sent (RFC 3261 9.1). Builds no message: it says when an ACK or a CANCEL is due.
#pragma once

#include <cstdint>

#include "signaling/transaction/step.h"
#include "signaling/transaction/timers.h"

namespace sallyport::transaction {

class InviteClient {
public:
    enum class State : std::uint8_t { calling, proceeding, completed, accepted, terminated };

    InviteClient(const TimerValues& values, bool reliable, SharedText request)
        : values_(values), request_(std::move(request)), interval_(values.t1), reliable_(reliable) {}

    void begin(Step& step);
    void on_response(std::uint16_t status, Step& step);
    void on_timer(Timer timer, Step& step);
    void on_transport_failure(Step& step);
    void cancel(Step& step);

    State state() const { return state_; }
    const SharedText& request() const { return request_; }

private:
    void fail(Failure failure, Step& step);
    void send_cancel(Step& step);

    TimerValues values_;
    SharedText request_;
    Duration interval_;  // timer A
    State state_ = State::calling;
    bool reliable_;
    bool cancel_wanted_ = false, cancel_sent_ = false;
};

}  // namespace sallyport::transaction
