// Who is reachable on the link, and how: the neighbour cache of RFC 4861 section 5.1, used for ARP as well. A bounded
// table with the states and the clockwork; it sends nothing, it says what is due.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <vector>

#include "control/base/endpoint.h"
#include "control/base/time.h"
#include "media-plane/dpdk/link_address.h"

namespace sallyport::media::dpdk {

namespace limits {
inline constexpr std::size_t next_hops = 4096;                // on-link peers of one port; more are unreachable
inline constexpr Duration next_hop_reachable = 30s;           // RFC 4861 section 10, REACHABLE_TIME
inline constexpr Duration next_hop_retransmit = 1s;           // RETRANS_TIMER
inline constexpr Duration next_hop_first_retransmit = 200ms;  // a call's first packets wait for this one
inline constexpr std::uint8_t next_hop_solicitations = 3;     // MAX_MULTICAST_SOLICIT, MAX_UNICAST_SOLICIT
inline constexpr Duration next_hop_unused = 10min;            // then it is forgotten
}  // namespace limits

struct NextHop {
    // incomplete: asked, no answer yet. reachable: answered lately. probe: was reachable, asked again, still used.
    // failed: nobody answered; asked again on demand, at most once per retransmit interval.
    enum class State : std::uint8_t { free, incomplete, reachable, probe, failed };
    State state = State::free;
    bool permanent = false;  // a gateway: kept and kept fresh, used or not
    bool wanted = false;     // somebody here has sent there; else it is only known because its owner has spoken
    std::uint8_t asked = 0;  // solicitations since the state was entered
    LinkAddress link;        // valid in reachable and probe
    IpAddress address;
    TimePoint next{};  // when the clockwork has to look at it again
    TimePoint used{};
    bool usable() const { return state == State::reachable || state == State::probe; }
};

class NextHops {
public:
    explicit NextHops(std::size_t capacity = limits::next_hops);

    NextHop* find(const IpAddress& address);
    const NextHop* find(const IpAddress& address) const { return const_cast<NextHops*>(this)->find(address); }
    // The entry, new and incomplete if there was none; due at once. Nothing when all are in use by somebody else.
    NextHop* obtain(const IpAddress& address, TimePoint now);
    void learn(NextHop& hop, const LinkAddress& link, TimePoint now);

    // Calls `solicit(hop)` for each entry to be asked about now (unicast in state probe, else by broadcast or group),
    // which returns whether it was sent; ages the rest.
    void tick(TimePoint now, const std::function<bool(const NextHop&)>& solicit);

    std::size_t size() const { return size_; }
    // How often an entry has gone: while it is the same, every NextHop is still whose it was.
    std::uint64_t erasures() const { return erasures_; }

private:
    std::size_t bucket_of(const IpAddress& address) const;
    void erase(std::uint16_t index);
    bool make_room(TimePoint now);
    bool due(NextHop& hop, TimePoint now);

    static constexpr std::uint16_t none = 0xffff;
    std::vector<NextHop> hops_;
    std::vector<std::uint16_t> free_;
    std::vector<std::uint16_t> chain_;    // next entry in the same bucket
    std::vector<std::uint16_t> buckets_;  // first entry
    std::size_t size_ = 0;
    std::uint64_t erasures_ = 0;
};

}  // namespace sallyport::media::dpdk
