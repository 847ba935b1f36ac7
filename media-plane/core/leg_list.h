// Legs for which something came up, in the order in which it first did: a list threaded through the legs themselves, so
// that process() never allocates and a leg can be taken out when its session goes.
#pragma once

#include "media-plane/core/leg.h"

namespace sallyport::media {

template <LegLink Leg::*link>
class LegList {
public:
    void add(Leg& leg) {
        LegLink& own = leg.*link;
        if (own.listed()) return;
        own = {last_, &leg};
        (last_ ? (last_->*link).next : first_) = &leg;
        last_ = &leg;
        ++size_;
    }
    void remove(Leg& leg) {
        LegLink& own = leg.*link;
        if (!own.listed()) return;
        Leg* const next = own.next == &leg ? nullptr : own.next;
        (own.previous ? (own.previous->*link).next : first_) = next ? next : own.previous;
        (next ? (next->*link).previous : last_) = own.previous;
        own = {};
        --size_;
    }
    Leg* first() const { return first_; }
    std::size_t size() const { return size_; }

private:
    Leg* first_ = nullptr;
    Leg* last_ = nullptr;
    std::size_t size_ = 0;
};

using Notes = LegList<&Leg::in_notes>;             // something is to be told to signaling
using DueReports = LegList<&Leg::in_due_reports>;  // something is to be told to the peer

}  // namespace sallyport::media
