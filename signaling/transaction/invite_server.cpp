#include "signaling/transaction/invite_server.h"

#include <algorithm>

namespace sallyport::transaction {
namespace {
constexpr Duration trying_after = 200ms;  // RFC 3261 17.2.1
}

void InviteServer::begin(Step& step) {
    step.start(Timer::trying, trying_after);
    step.deliver = true;
}

void InviteServer::on_request(Step& step) {
    switch (state_) {
        case State::proceeding:
            step.transmit = last_;
            step.make_trying = !last_;  // the client repeats itself: it needs to hear something now
            step.repeated = last_ != nullptr;
            return;
        case State::completed:
            step.transmit = last_;
            step.repeated = true;
            return;
        case State::accepted:  // RFC 6026 7.1: absorbed, the user repeats its 2xx by its own clock
        case State::confirmed:
        case State::terminated: return;
    }
    SALLYPORT_CHECK(false);
}

void InviteServer::on_ack(Step& step) {
    switch (state_) {
        case State::completed:
            step.stop(TimerSlot::repeat);
            step.stop(TimerSlot::give_up);
            if (reliable_) {
                state_ = State::terminated;
                step.ended = true;
                return;
            }
            state_ = State::confirmed;
            step.start(Timer::I, values_.t4);
            return;
        case State::accepted: step.deliver = true; return;  // RFC 6026 7.1
        case State::proceeding:
        case State::confirmed:
        case State::terminated: return;
    }
    SALLYPORT_CHECK(false);
}

void InviteServer::respond(std::uint16_t status, SharedText response, Step& step) {
    switch (state_) {
        case State::proceeding:
            step.stop(TimerSlot::repeat);
            last_ = std::move(response);
            step.transmit = last_;
            if (status < 200) return;
            if (status < 300) {
                state_ = State::accepted;
                step.start(Timer::L, values_.t64());
                return;
            }
            state_ = State::completed;
            if (!reliable_) step.start(Timer::G, interval_);
            step.start(Timer::H, values_.t64());
            return;
        case State::accepted:
            if (status < 200 || status >= 300) return;
            step.transmit = std::move(response);
            step.repeated = true;
            return;
        case State::completed:
        case State::confirmed:
        case State::terminated: return;
    }
    SALLYPORT_CHECK(false);
}

void InviteServer::trying(SharedText response) {
    if (state_ == State::proceeding && !last_) last_ = std::move(response);
}

void InviteServer::on_timer(Timer timer, Step& step) {
    switch (timer) {
        case Timer::trying: step.make_trying = state_ == State::proceeding && !last_; return;
        case Timer::G:
            if (state_ != State::completed) return;
            interval_ = std::min(2 * interval_, values_.t2);
            step.transmit = last_;
            step.repeated = true;
            step.start(Timer::G, interval_);
            return;
        case Timer::H: step.acknowledged = false; [[fallthrough]];
        case Timer::I:
        case Timer::L:
            state_ = State::terminated;
            step.ended = true;
            return;
        case Timer::A:
        case Timer::B:
        case Timer::D:
        case Timer::E:
        case Timer::F:
        case Timer::J:
        case Timer::K:
        case Timer::M:
        case Timer::cancelled:
        case Timer::abandoned: return;
    }
    SALLYPORT_CHECK(false);
}

}  // namespace sallyport::transaction
