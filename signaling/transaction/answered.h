// Requests over UDP that were answered for good as they came, a refreshed registration for one: all that is left of
// such a transaction is its answer, for as long as the request may be repeated (timer J, RFC 3261 17.2.2). All last
// equally long, so they are a queue, and there may be a hundred thousand of them.
#pragma once

#include <boost/unordered/unordered_flat_map.hpp>

#include <cstddef>
#include <cstdint>
#include <deque>

#include "control/base/time.h"
#include "signaling/transaction/effects.h"
#include "signaling/transaction/keyed_hash.h"
#include "signaling/transaction/source_loads.h"

namespace sallyport::transaction {

class Answered {
public:
    using Key = KeyedHash::Wide;
    struct HashOfKey {
        using is_avalanching = void;
        std::size_t operator()(const Key& key) const { return static_cast<std::size_t>(key.low); }
    };
    struct Answer {
        Key key, merge_key;
        TimePoint until;
        Flow responses;    // where it goes
        IpAddress source;  // of the request
        SourceLoad* load = nullptr;
        SharedText text;
    };
    // `answer.until`: not before that of the one before; its key is none that is here.
    void add(Answer answer) {
        by_key_.emplace(answer.key, first_ + queue_.size());
        by_merge_key_.insert_or_assign(answer.merge_key, first_ + queue_.size());
        queue_.push_back(std::move(answer));
    }
    const Answer* find(const Key& key) const {
        const auto found = by_key_.find(key);
        return found == by_key_.end() ? nullptr : &queue_[static_cast<std::size_t>(found->second - first_)];
    }
    bool has_merge_key(const Key& merge_key) const { return by_merge_key_.contains(merge_key); }
    bool empty() const { return queue_.empty(); }
    std::size_t size() const { return queue_.size(); }
    const Answer& oldest() const { return queue_.front(); }
    void pop() {
        by_key_.erase(queue_.front().key);
        const auto merged = by_merge_key_.find(queue_.front().merge_key);
        if (merged != by_merge_key_.end() && merged->second == first_) by_merge_key_.erase(merged);
        queue_.pop_front();
        ++first_;
    }

private:
    std::deque<Answer> queue_;
    std::uint64_t first_ = 0;                                                         // number of the oldest
    boost::unordered_flat_map<Key, std::uint64_t, HashOfKey> by_key_, by_merge_key_;  // numbers
};

}  // namespace sallyport::transaction
