// What a Control stream has still to write, in order: replies, which are never lost, and events, of which only so many
// wait. What is said of silence has places of its own: it cannot take those of an event that a restart depends on, such
// as KEY_USE, nor they its.
#pragma once

#include <cstddef>
#include <deque>

#include "media-plane/rpc/media_convert.h"

namespace sallyport::media::rpc {

namespace limits {
inline constexpr std::size_t unsent_events = 4096;          // then events are lost, and counted
inline constexpr std::size_t unsent_silence_events = 1024;  // likewise; two of a leg at most matter
}  // namespace limits

class Outgoing {
public:
    void push(pb::ServerMessage message) { messages_.push_back(std::move(message)); }
    void push_front(pb::ServerMessage message) { messages_.push_front(std::move(message)); }  // before what is written
    // False: there is no place for it.
    bool push_event(pb::ServerMessage message) {
        std::size_t& waiting = of_silence(message) ? silence_ : events_;
        const std::size_t most = of_silence(message) ? limits::unsent_silence_events : limits::unsent_events;
        if (waiting >= most) return false;
        ++waiting;
        messages_.push_back(std::move(message));
        return true;
    }
    const pb::ServerMessage& front() const { return messages_.front(); }
    void pop() {
        if (messages_.front().has_event()) --(of_silence(messages_.front()) ? silence_ : events_);
        messages_.pop_front();
    }
    void clear() {
        messages_.clear();
        events_ = silence_ = 0;
    }
    bool empty() const { return messages_.empty(); }
    std::size_t size() const { return messages_.size(); }

private:
    static bool of_silence(const pb::ServerMessage& message) {
        const auto kind = message.event().kind();
        return message.has_event() && (kind == pb::EVENT_SILENCE || kind == pb::EVENT_HEARD_AGAIN);
    }
    std::deque<pb::ServerMessage> messages_;
    std::size_t events_ = 0, silence_ = 0;
};

}  // namespace sallyport::media::rpc
