// What a Control stream has still to write, in order: replies, which are never lost, and events, of which only so many
// wait. What is said of silence, and of what is dialled in calls, has places of its own each: it cannot take those of
// an event that a restart depends on, such as KEY_USE, nor they its.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <string>
#include <tuple>

#include "media-plane/rpc/media_convert.h"

namespace sallyport::media::rpc {

namespace limits {
inline constexpr std::size_t unsent_events = 4096;            // then events are lost, and counted
inline constexpr std::size_t unsent_silence_events = 1024;    // likewise; a few of a leg at most matter
inline constexpr std::size_t unsent_telephone_events = 1024;  // likewise
inline constexpr std::size_t unsent_key_use_events = 65'536;  // one a leg; more legs than a plane has
inline constexpr std::ptrdiff_t replies_together = 256;       // in one message: far below gRPC's 4 MiB
}  // namespace limits

class Outgoing {
public:
    void push(pb::ServerMessage message) { messages_.push_back(std::move(message)); }
    void push_front(pb::ServerMessage message) { messages_.push_front(std::move(message)); }  // before what is written
    // False: there is no place for it.
    // What is said of the use of keys is all that is known of the leg: of each the last word waits, and is never lost.
    bool push_event(pb::ServerMessage message) {
        const bool of_keys = message.event().kind() == pb::EVENT_KEY_USE;
        pb::ServerMessage** known = of_keys ? &last_words_[leg_of(message)] : nullptr;
        if (known && *known && *known != &messages_.front()) {  // the front is being written, perhaps
            **known = std::move(message);
            return true;
        }
        auto& [waiting, most] = places_of(message);
        if (waiting >= most) return false;
        ++waiting;
        messages_.push_back(std::move(message));
        if (known) *known = &messages_.back();
        return true;
    }
    const pb::ServerMessage& front() const { return messages_.front(); }
    // Makes one message of the replies that are next.
    void gather_replies() {
        const auto is_reply = [](const pb::ServerMessage& message) { return message.has_reply(); };
        const auto end = std::find_if_not(messages_.begin(), messages_.end(), is_reply);
        const auto count = std::min<std::ptrdiff_t>(end - messages_.begin(), limits::replies_together);
        if (count < 2) return;
        pb::ServerMessage together;
        for (std::ptrdiff_t i = 0; i < count; ++i) {
            together.mutable_replies()->add_replies()->Swap(messages_.front().mutable_reply());
            messages_.pop_front();
        }
        messages_.push_front(std::move(together));
    }
    void pop() {
        if (messages_.front().has_event()) --places_of(messages_.front()).taken;
        if (messages_.front().event().kind() == pb::EVENT_KEY_USE)
            if (const auto known = last_words_.find(leg_of(messages_.front()));
                known != last_words_.end() && known->second == &messages_.front())
                last_words_.erase(known);
        messages_.pop_front();
    }
    void clear() {
        messages_.clear();
        last_words_.clear();
        for (Places* places : {&events_, &key_use_, &silence_, &telephone_events_}) places->taken = 0;
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
            case pb::EVENT_HEARD_AGAIN:
            case pb::EVENT_NOT_SENT:
            case pb::EVENT_SENT_AGAIN:
            case pb::EVENT_KEY_ENDS: return silence_;
            case pb::EVENT_TELEPHONE_EVENT: return telephone_events_;
            case pb::EVENT_KEY_USE: return key_use_;
            default: return events_;
        }
    }
    using LegName = std::tuple<std::string, std::uint32_t, int>;
    static LegName leg_of(const pb::ServerMessage& message) {
        return {message.event().session(), message.event().stream(), message.event().side()};
    }

    std::deque<pb::ServerMessage> messages_;
    std::map<LegName, pb::ServerMessage*> last_words_;  // of the use of keys, in messages_
    Places key_use_{.most = limits::unsent_key_use_events};
    Places events_{.most = limits::unsent_events}, silence_{.most = limits::unsent_silence_events};
    Places telephone_events_{.most = limits::unsent_telephone_events};
};

}  // namespace sallyport::media::rpc
