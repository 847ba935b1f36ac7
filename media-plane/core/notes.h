// Legs with something to report, in the order in which they first had it: a list threaded through the legs themselves,
// so that process() never allocates and a leg can be taken out when its session goes.
#pragma once

#include "media-plane/core/leg.h"

namespace sallyport::media {

class Notes {
public:
    void add(Leg& leg) {
        if (leg.notes.listed) return;
        leg.notes.listed = true;
        leg.notes.previous = last_;
        leg.notes.next = nullptr;
        (last_ ? last_->notes.next : first_) = &leg;
        last_ = &leg;
        ++size_;
    }
    void remove(Leg& leg) {
        if (!leg.notes.listed) return;
        leg.notes.listed = false;
        (leg.notes.previous ? leg.notes.previous->notes.next : first_) = leg.notes.next;
        (leg.notes.next ? leg.notes.next->notes.previous : last_) = leg.notes.previous;
        --size_;
    }
    Leg* first() const { return first_; }
    std::size_t size() const { return size_; }

private:
    Leg* first_ = nullptr;
    Leg* last_ = nullptr;
    std::size_t size_ = 0;
};

}  // namespace sallyport::media
