#include "signaling/transaction/non_invite_server.h"

namespace sallyport::transaction {

void NonInviteServer::begin(Step& step) {
    step.start(Timer::abandoned, values_.t64());
    step.deliver = true;
}

void NonInviteServer::on_request(Step& step) {
    switch (state_) {
        case State::proceeding:
        case State::completed:
            step.transmit = last_;
            step.repeated = true;
            return;
        case State::trying:
        case State::terminated: return;
    }
    SALLYPORT_CHECK(false);
}

void NonInviteServer::respond(std::uint16_t status, SharedText response, Step& step) {
    switch (state_) {
        case State::trying:
        case State::proceeding:
            if (status < 200) {
                if (status != 100) return;  // RFC 4320 4.1
                state_ = State::proceeding;
                last_ = std::move(response);
                step.transmit = last_;
                return;
            }
            step.stop(TimerSlot::give_up);
            refused_ = status >= 300;
            if (status == 408) {  // RFC 4320 4.2: it would come too late for everybody
                state_ = State::terminated;
                step.ended = true;
                return;
            }
            last_ = std::move(response);
            step.transmit = last_;
            if (reliable_) {
                state_ = State::terminated;
                step.ended = true;
                return;
            }
            state_ = State::completed;
            step.start(Timer::J, values_.t64());
            return;
        case State::completed:
        case State::terminated: return;
    }
    SALLYPORT_CHECK(false);
}

void NonInviteServer::on_timer(Timer timer, Step& step) {
    switch (timer) {
        case Timer::abandoned:
        case Timer::J:
            state_ = State::terminated;
            step.ended = true;
            return;
        case Timer::A:
        case Timer::B:
        case Timer::D:
        case Timer::E:
        case Timer::F:
        case Timer::G:
        case Timer::H:
        case Timer::I:
        case Timer::K:
        case Timer::L:
        case Timer::M:
        case Timer::trying:
        case Timer::cancelled: return;
    }
    SALLYPORT_CHECK(false);
}

}  // namespace sallyport::transaction
