#include "signaling/transaction/invite_client.h"

namespace sallyport::transaction {

void InviteClient::begin(Step& step) {
    step.transmit = request_;
    if (!reliable_) step.start(Timer::A, interval_);
    step.start(Timer::B, values_.t64());
}

void InviteClient::on_response(std::uint16_t status, Step& step) {
    switch (state_) {
        case State::calling:
        case State::proceeding:
            step.stop(TimerSlot::repeat);
            if (status < 200) {
                // Timer B belongs to the calling state; how long it may ring is the user's timer C.
                if (state_ == State::calling) step.stop(TimerSlot::give_up);
                state_ = State::proceeding;
                step.deliver = true;
                if (cancel_wanted_ && !cancel_sent_) send_cancel(step);
                return;
            }
            step.stop(TimerSlot::give_up);
            step.deliver = true;
            if (status < 300) {
                state_ = State::accepted;
                step.start(Timer::M, values_.t64());
                return;
            }
            step.acknowledge = true;
            if (reliable_) {
                state_ = State::terminated;
                step.ended = true;
                return;
            }
            state_ = State::completed;
            step.start(Timer::D, timer_d);
            return;
        case State::completed:
            if (status >= 300) step.acknowledge = step.repeated = true;  // our ACK was lost
            return;
        case State::accepted:
            step.deliver =
                status >= 200 && status < 300;  // RFC 6026 7.2: repeated and forked 2xx are the user's to ACK
            return;
        case State::terminated: return;
    }
    SALLYPORT_CHECK(false);
}

void InviteClient::on_timer(Timer timer, Step& step) {
    switch (timer) {
        case Timer::A:
            if (state_ != State::calling) return;
            interval_ *= 2;
            step.transmit = request_;
            step.repeated = true;
            step.start(Timer::A, interval_);
            return;
        case Timer::B:
        case Timer::cancelled:
            if (state_ == State::calling || state_ == State::proceeding) fail(Failure::timeout, step);
            return;
        case Timer::D:
        case Timer::M:
            state_ = State::terminated;
            step.ended = true;
            return;
        case Timer::E:
        case Timer::F:
        case Timer::G:
        case Timer::H:
        case Timer::I:
        case Timer::J:
        case Timer::K:
        case Timer::L:
        case Timer::trying:
        case Timer::abandoned: return;
    }
    SALLYPORT_CHECK(false);
}

void InviteClient::on_transport_failure(Step& step) {
    switch (state_) {
        case State::calling: fail(Failure::transport, step); return;
        // RFC 3261 figure 5 knows no such way out: the peer is at work on the request. Its answer may come over another
        // connection (18.2.2), a forged ICMP error must not end a ringing call, and the user's timer C bounds the wait.
        case State::proceeding: return;
        case State::completed:  // nothing more can arrive to be acknowledged on a flow that is gone
            state_ = State::terminated;
            step.ended = true;
            return;
        case State::accepted:  // the peer may repeat its 2xx over another connection: timer M decides
        case State::terminated: return;
    }
    SALLYPORT_CHECK(false);
}

void InviteClient::cancel(Step& step) {
    if (cancel_wanted_) return;
    switch (state_) {
        case State::calling: cancel_wanted_ = true; return;
        case State::proceeding:
            cancel_wanted_ = true;
            send_cancel(step);
            return;
        case State::completed:
        case State::accepted:
        case State::terminated: return;
    }
    SALLYPORT_CHECK(false);
}

void InviteClient::send_cancel(Step& step) {
    cancel_sent_ = true;
    step.send_cancel = true;
    step.start(Timer::cancelled, values_.t64());
}

void InviteClient::fail(Failure failure, Step& step) {
    state_ = State::terminated;
    step.failure = failure;
    step.ended = true;
}

}  // namespace sallyport::transaction
