#include "media-plane/dpdk/next_hops.h"

#include <bit>
#include <cstring>
#include <utility>

#include "control/base/check.h"
#include "media-plane/core/same_place.h"

namespace sallyport::media::dpdk {

NextHops::NextHops(std::size_t capacity)
    : hops_(capacity), chain_(capacity, none), buckets_(std::bit_ceil(capacity), none) {
    SALLYPORT_CHECK(capacity > 0 && capacity < none);
    free_.reserve(capacity);
    for (std::size_t i = capacity; i > 0; --i) free_.push_back(static_cast<std::uint16_t>(i - 1));
}

std::size_t NextHops::bucket_of(const IpAddress& address) const {
    std::uint64_t words[2];
    std::memcpy(words, address.bytes.data(), sizeof words);
    std::uint64_t mixed = (words[0] ^ std::rotl(words[1], 29)) * 0x9e3779b97f4a7c15ull;
    mixed ^= mixed >> 32;
    return mixed & (buckets_.size() - 1);
}

NextHop* NextHops::find(const IpAddress& address) {
    for (auto i = buckets_[bucket_of(address)]; i != none; i = chain_[i])
        if (same_place(hops_[i].address, address)) return &hops_[i];
    return nullptr;
}

NextHop* NextHops::obtain(const IpAddress& address, TimePoint now) {
    if (NextHop* known = find(address)) return known;
    if (free_.empty() && !make_room(now)) return nullptr;
    const auto index = free_.back();
    free_.pop_back();
    auto& bucket = buckets_[bucket_of(address)];
    chain_[index] = bucket;
    bucket = index;
    ++size_;
    hops_[index] = NextHop{.state = NextHop::State::incomplete, .address = address, .next = now, .used = now};
    return &hops_[index];
}

void NextHops::learn(NextHop& hop, const LinkAddress& link, TimePoint now) {
    hop.link = link;
    hop.state = NextHop::State::reachable;
    hop.asked = 0;
    hop.next = now + limits::next_hop_reachable;
}

void NextHops::erase(std::uint16_t index) {
    auto* link = &buckets_[bucket_of(hops_[index].address)];
    while (*link != index) link = &chain_[*link];
    *link = chain_[index];
    hops_[index] = NextHop{};
    free_.push_back(index);
    --size_;
    ++erasures_;
}

// The table is full. One that nobody here has ever sent to gives way at once, the oldest first; else the entry unused
// for longest, if nobody has used it for a reachable time.
bool NextHops::make_room(TimePoint now) {
    std::uint16_t oldest = none;
    const auto count = static_cast<std::uint16_t>(hops_.size());  // at most limits::next_hops
    for (std::uint16_t i = 0; i < count; ++i) {
        const NextHop& hop = hops_[i];
        if (hop.permanent) continue;
        const auto worth = [](const NextHop& h) { return std::pair(h.wanted, h.used); };
        if (oldest == none || worth(hop) < worth(hops_[oldest])) oldest = i;
    }
    if (oldest == none) return false;
    const NextHop& victim = hops_[oldest];
    if (victim.wanted && victim.usable() && now - victim.used < limits::next_hop_reachable) return false;
    if (victim.wanted && !victim.usable() && now - victim.used < limits::next_hop_retransmit) return false;
    erase(oldest);
    return true;
}

// Whether the entry is to be asked about now; moves it on when its questions went unanswered.
bool NextHops::due(NextHop& hop, TimePoint now) {
    using State = NextHop::State;
    const bool wanted = now - hop.used < limits::next_hop_retransmit;
    if (hop.state == State::reachable) {
        if (now - hop.used >= limits::next_hop_reachable) return false;  // nobody sends there
        hop.state = State::probe;
        hop.asked = 0;
        return true;
    }
    if (hop.state == State::failed) return wanted;
    if (hop.asked < limits::next_hop_solicitations) return true;
    hop.asked = 0;
    hop.state = State::failed;  // from now on asked by broadcast: its link address may have moved
    return wanted;
}

void NextHops::tick(TimePoint now, const std::function<bool(const NextHop&)>& solicit) {
    const auto count = static_cast<std::uint16_t>(hops_.size());  // at most limits::next_hops
    for (std::uint16_t i = 0; i < count; ++i) {
        NextHop& hop = hops_[i];
        if (hop.state == NextHop::State::free || hop.next > now) continue;
        if (hop.permanent) hop.used = now;
        if (now - hop.used >= limits::next_hop_unused) {
            erase(i);
            continue;
        }
        if (due(hop, now) && solicit(hop)) ++hop.asked;
        const bool first = hop.state == NextHop::State::incomplete && hop.asked <= 1;
        hop.next = now + (first ? limits::next_hop_first_retransmit : limits::next_hop_retransmit);
    }
}

}  // namespace sallyport::media::dpdk
