// What a Control stream has still to write, in order: replies, which are never lost, and events, of which only so many
// wait. What is said of silence, and of what is dialled in calls, has places of its own each: it cannot take those of
// an event that a restart depends on, such as KEY_USE, nor they its.
#pragma once

#include <cstddef>
#include <deque>

#include "media-plane/rpc/media_convert.h"

namespace sallyport::media::rpc {

namespace limits {
inline constexpr std::size_t unsent_events = 4096;            // then events are lost, and counted
inline constexpr std::size_t unsent_silence_events = 1024;    // likewise; two of a leg at most matter
inline constexpr std::size_t unsent_telephone_events = 1024;  // likewise
}  // namespace limits

class Outgoing {
public:
    void push(pb::ServerMessage message) { messages_.push_back(std::move(message)); }
    void push_front(pb::ServerMessage message) { messages_.push_front(std::move(message)); }  // before what is written
    // False: there is no place for it.
    bool push_event(pb::ServerMessage message) {
        auto& [waiting, most] = places_of(message);
        if (waiting >= most) return false;
        ++waiting;
        messages_.push_back(std::move(message));
        return true;
    }
    const pb::ServerMessage& front() const { return messages_.front(); }
    void pop() {
        if (messages_.front().has_event()) --places_of(messages_.front()).taken;
        messages_.pop_front();
    }
    void clear() {
        messages_.clear();
        for (Places* places : {&events_, &silence_, &telephone_events_}) places->taken = 0;
    }
    bool empty() const { return messages_.empty(); }
    std::size_t size() const { return messages_.size(); }

private:
    struct Places {
        std::size_t taken = 0, most = 0;
    };
    Places& places_of(const pb::ServerMessage& message) {
        switch (message.event().kind()) {
            case pb::EVENT_SILENCE:
            case pb::EVENT_HEARD_AGAIN: return silence_;
            case pb::EVENT_TELEPHONE_EVENT: return telephone_events_;
            default: return events_;
        }
    }
    std::deque<pb::ServerMessage> messages_;
    Places events_{.most = limits::unsent_events}, silence_{.most = limits::unsent_silence_events};
    Places telephone_events_{.most = limits::unsent_telephone_events};
};

}  // namespace sallyport::media::rpc
