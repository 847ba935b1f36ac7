// One port's life on its link, since no kernel leads it: answers ARP, neighbour solicitations and ping for the port's
// addresses, announces them, joins their groups, and finds next hops (RFC 826, 4861, 3810, 5227, 792, 4443). Pure over
// bytes and time: what is to be sent is written into a list. Learns no routes: what is not on the link goes to the
// configured gateway.
#pragma once

#include <optional>
#include <vector>

#include "control/base/counter.h"
#include "media-plane/core/same_place.h"
#include "media-plane/dpdk/arp.h"
#include "media-plane/dpdk/mld.h"
#include "media-plane/dpdk/neighbour_discovery.h"
#include "media-plane/dpdk/next_hops.h"

namespace sallyport::media::dpdk {

namespace limits {
inline constexpr double answers_per_second = 1000;  // ARP, ND and ping together; a port is no reflector
inline constexpr double solicitations_per_second = 200;
// Neighbours that are entered because they have asked for us, not because somebody sends to them; and what is told to
// the other lcores, whose rings carry media.
inline constexpr double introductions_per_second = 100;
inline constexpr double teachings_per_second = 500;
inline constexpr Duration announce_interval = std::chrono::seconds{2};  // RFC 5227 1.1; RFC 4861 7.2.6 has it so too
inline constexpr int reannouncements = 2;                               // behind the first one, when a link returns
inline constexpr Duration defend_interval = std::chrono::seconds{10};   // RFC 5227 2.4
}  // namespace limits

struct InterfaceAddress {
    IpAddress address;
    std::uint8_t prefix_length = 0;
    bool on_link(const IpAddress& other) const;
};

struct NeighbourConfig {
    LinkAddress link;
    std::uint16_t vlan = 0;
    std::vector<InterfaceAddress> addresses;          // at most one per family
    std::optional<IpAddress> gateway_v4, gateway_v6;  // on the link, or link-local
};

// Written by the owning lcore, read by anybody.
struct NeighbourStatistics {
    Counter arp_answers, advertisements, echo_replies, solicitations, next_hops;
    // Frames of another device that has an address of ours, as it says. Of the last one: when, the device, which.
    Counter conflicts, conflict_at, conflict_link, conflict_family;
};

class Neighbour {
public:
    // absorbed: nothing more to do. answered_in_place: the frame itself has become the answer; send it back.
    enum class Verdict : std::uint8_t { absorbed, answered_in_place, dropped };
    struct Handled {
        Verdict verdict = Verdict::dropped;
        Drop drop = Drop::none;
        bool learned = false;  // a next hop became known: what waited for it can go
        bool teaches = false;  // another lcore's neighbours may learn from it too, and there is budget left
    };

    explicit Neighbour(NeighbourConfig config);

    // Announces the addresses (gratuitous ARP, unsolicited advertisement), reports their groups, and asks for the
    // gateways. `out` may fill up.
    void start(TimePoint now, SmallFrames& out, bool announce = true);
    // The link was away, and switches and routers have forgotten the port: all that start() announces, now and twice
    // more, since a switch may be a while before it forwards.
    void link_returned(TimePoint now, SmallFrames& out);
    // A frame of kind arp, icmp or icmpv6. With `answer` false it only teaches: another lcore gives the answer.
    Handled handle(ByteSpan bytes, const Frame& frame, TimePoint now, SmallFrames& out, bool answer = true);
    // The link address to send to, or nothing: unreachable, or asked for (the question is in `out`).
    const LinkAddress* resolve(const IpAddress& destination, TimePoint now, SmallFrames& out);
    // The same of whom it was found for last: nothing has to be asked, and it is none of ours. Nothing for all others.
    const LinkAddress* resolved_last(const IpAddress& destination, TimePoint now) {
        if (last_.hop == nullptr || last_.erasures != hops_.erasures() || !same_place(destination, last_.destination) ||
            !last_.hop->usable())
            return nullptr;
        last_.hop->used = now;
        last_.hop->wanted = true;
        return &last_.hop->link;
    }
    bool reachable(const IpAddress& destination) const { return next_hop_of(destination) != nullptr; }
    void tick(TimePoint now, SmallFrames& out);

    bool is_ours(const IpAddress& address) const;
    const NeighbourConfig& config() const { return config_; }
    const NeighbourStatistics& statistics() const { return statistics_; }

private:
    struct Budget {  // a token bucket of one second's worth
        double per_second, level;
        TimePoint last{};
        bool take(TimePoint now);
    };
    const IpAddress* next_hop_of(const IpAddress& destination) const;
    const IpAddress* own_address(Family family) const;
    Handled on_arp(ByteView bytes, const Frame& frame, TimePoint now, SmallFrames& out, bool answer);
    Handled on_neighbour_message(const NeighbourMessage& message, const Frame& frame, TimePoint now, SmallFrames& out,
                                 bool answer);
    void on_mld_query(const MldQuery& query, TimePoint now);
    Handled on_echo(ByteSpan bytes, const Frame& frame, TimePoint now, bool answer);
    bool on_link_as_itself(const IpAddress& address) const;
    void announce(SmallFrames& out);
    void announce(const IpAddress& address, SmallFrames& out);
    // RFC 5227 2.4, RFC 4862 5.4.4: counted, and our side of it is told, not too often. The address stays ours: it is
    // what the operator has given us, and calls are on it.
    void note_conflict(const IpAddress& address, const LinkAddress& link, TimePoint now, SmallFrames& out);
    bool learn(const IpAddress& address, const LinkAddress& link, bool create, TimePoint now);
    void report_groups(MldReport kind, SmallFrames& out);
    bool solicit(const NextHop& hop, TimePoint now, SmallFrames& out);
    void advertise(const IpAddress& address, const IpAddress& to, const LinkAddress& link_to, bool solicited,
                   SmallFrames& out);

    NeighbourConfig config_;
    NextHops hops_;
    Budget answers_{limits::answers_per_second, limits::answers_per_second};
    Budget solicitations_{limits::solicitations_per_second, limits::solicitations_per_second};
    Budget introductions_{limits::introductions_per_second, limits::introductions_per_second};
    Budget teachings_{limits::teachings_per_second, limits::teachings_per_second};
    struct GroupReport {  // due at `at`
        MldReport kind = MldReport::joined;
        TimePoint at{};
    };
    std::optional<GroupReport> report_;
    int announcements_left_ = 0;
    TimePoint next_announcement_{}, next_defence_{};
    struct Last {  // what was resolved last
        IpAddress destination, next;
        NextHop* hop = nullptr;
        std::uint64_t erasures = 0;  // of the table, when it was found
    };
    Last last_;
    NeighbourStatistics statistics_;
};

}  // namespace sallyport::media::dpdk
