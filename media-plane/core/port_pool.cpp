#include "media-plane/core/port_pool.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "control/base/check.h"

namespace sallyport::media {
namespace {
constexpr std::uint32_t taken = std::numeric_limits<std::uint32_t>::max();
}

PortPool::PortPool(std::uint16_t first, std::uint16_t last, RandomSource& random) : first_(first), random_(random) {
    SALLYPORT_CHECK(first % 2 == 0 && last % 2 == 1 && first < last);
    const std::size_t pairs = (std::size_t{last} + 1 - first) / 2;
    ring_.resize(pairs);
    slot_.resize(pairs);
    for (std::size_t i = 0; i < pairs; ++i) {
        ring_[i] = static_cast<Pair>(i);
        slot_[i] = static_cast<std::uint32_t>(i);
    }
    given_back_.resize(pairs);
    free_ = rested_ = pairs;
    for (std::size_t i = pairs; i > 1; --i) swap(i - 1, random_.below(static_cast<std::uint32_t>(i)));  // Fisher-Yates
}

void PortPool::swap(std::size_t slot, std::size_t other) {
    std::swap(ring_[slot], ring_[other]);
    slot_[ring_[slot]] = static_cast<std::uint32_t>(slot);
    slot_[ring_[other]] = static_cast<std::uint32_t>(other);
}

std::uint16_t PortPool::pop() {
    const Pair pair = ring_[head_];
    slot_[pair] = taken;
    head_ = at(1);
    --free_;
    return static_cast<std::uint16_t>(first_ + 2 * pair);
}

void PortPool::settle(TimePoint now) {
    while (rested_ < free_ && now - given_back_[ring_[at(rested_)]] >= rest) ++rested_;
}

std::optional<std::uint16_t> PortPool::take(TimePoint now) {
    settle(now);
    if (free_ == 0) return std::nullopt;
    if (rested_ == 0) {
        if (now - given_back_[ring_[head_]] < least_rest) return std::nullopt;
        return pop();
    }
    const auto older_half = std::min(static_cast<std::uint32_t>((free_ + 1) / 2), static_cast<std::uint32_t>(rested_));
    swap(head_, at(random_.below(older_half)));
    --rested_;
    return pop();
}

std::optional<std::uint16_t> PortPool::take_oldest(TimePoint now) {
    settle(now);
    if (free_ == 0) return std::nullopt;
    if (rested_ > 0) --rested_;
    return pop();
}

bool PortPool::take(std::uint16_t rtp_port, TimePoint now) {
    settle(now);
    if (rtp_port < first_ || rtp_port % 2 != 0) return false;
    const std::size_t pair = std::size_t{rtp_port} - first_;
    if (pair / 2 >= slot_.size() || slot_[pair / 2] == taken) return false;
    std::size_t place = (slot_[pair / 2] + ring_.size() - head_) % ring_.size();
    if (place < rested_) {
        swap(head_, at(place));
        --rested_;
    } else {  // those that rest stay in their order
        for (; place > rested_; --place) swap(at(place), at(place - 1));
        swap(head_, at(place));
    }
    pop();
    return true;
}

void PortPool::give_back(std::uint16_t rtp_port, TimePoint now) {
    const auto pair = static_cast<Pair>((rtp_port - first_) / 2);
    SALLYPORT_CHECK(pair < slot_.size() && slot_[pair] == taken);
    const std::size_t slot = at(free_);
    ring_[slot] = pair;
    given_back_[pair] = now;
    slot_[pair] = static_cast<std::uint32_t>(slot);
    ++free_;
}

}  // namespace sallyport::media
