#include "signaling/transaction/non_invite_client.h"

#include <algorithm>

namespace sallyport::transaction {

void NonInviteClient::begin(Step& step) {
    step.transmit = request_;
    if (!reliable_) step.start(Timer::E, interval_);
    step.start(Timer::F, values_.t64());
}

void NonInviteClient::on_response(std::uint16_t status, Step& step) {
    switch (state_) {
        case State::trying:
        case State::proceeding:
            step.deliver = true;
            if (status < 200) {
                state_ = State::proceeding;  // timer E keeps running, at T2 from its next turn on
                return;
            }
            step.stop(TimerSlot::repeat);
            step.stop(TimerSlot::give_up);
            if (reliable_) {
                state_ = State::terminated;
                step.ended = true;
                return;
            }
            state_ = State::completed;
            step.start(Timer::K, values_.t4);
            return;
        case State::completed:
        case State::terminated: return;  // a repeated final response is absorbed
    }
    SALLYPORT_CHECK(false);
}

void NonInviteClient::on_timer(Timer timer, Step& step) {
    switch (timer) {
        case Timer::E:
            if (state_ != State::trying && state_ != State::proceeding) return;
            interval_ = state_ == State::proceeding ? values_.t2 : std::min(2 * interval_, values_.t2);
            step.transmit = request_;
            step.repeated = true;
            step.start(Timer::E, interval_);
            return;
        case Timer::F:
            if (state_ == State::trying || state_ == State::proceeding) fail(Failure::timeout, step);
            return;
        case Timer::K:
            state_ = State::terminated;
            step.ended = true;
            return;
        case Timer::A:
        case Timer::B:
        case Timer::D:
        case Timer::G:
        case Timer::H:
        case Timer::I:
        case Timer::J:
        case Timer::L:
        case Timer::M:
        case Timer::trying:
        case Timer::cancelled:
        case Timer::abandoned: return;
    }
    SALLYPORT_CHECK(false);
}

void NonInviteClient::on_transport_failure(Step& step) {
    switch (state_) {
        case State::trying:
        case State::proceeding: fail(Failure::transport, step); return;
        case State::completed:
            state_ = State::terminated;
            step.ended = true;
            return;
        case State::terminated: return;
    }
    SALLYPORT_CHECK(false);
}

void NonInviteClient::fail(Failure failure, Step& step) {
    state_ = State::terminated;
    step.failure = failure;
    step.ended = true;
}

}  // namespace sallyport::transaction
