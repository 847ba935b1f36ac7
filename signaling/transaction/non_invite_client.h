// Non-INVITE client transaction: RFC 3261 17.1.2.
#pragma once

#include <cstdint>

#include "signaling/transaction/step.h"
#include "signaling/transaction/timers.h"

namespace sallyport::transaction {

class NonInviteClient {
public:
    enum class State : std::uint8_t { trying, proceeding, completed, terminated };

    NonInviteClient(const TimerValues& values, bool reliable, SharedText request)
        : values_(values), request_(std::move(request)), interval_(values.t1), reliable_(reliable) {}

    void begin(Step& step);
    void on_response(std::uint16_t status, Step& step);
    void on_timer(Timer timer, Step& step);
    void on_transport_failure(Step& step);

    State state() const { return state_; }
    const SharedText& request() const { return request_; }

private:
    void fail(Failure failure, Step& step);

    TimerValues values_;
    SharedText request_;
    Duration interval_;  // timer E
    State state_ = State::trying;
    bool reliable_;
};

}  // namespace sallyport::transaction
