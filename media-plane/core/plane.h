// A running media plane as those see it who command it: commands in, outcomes and events back, numbers to look at.
// The driver implements it, the RPC shell uses it; neither knows the other.
#pragma once

#include <array>
#include <functional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "media-plane/core/commands.h"
#include "media-plane/core/packet.h"
#include "media-plane/core/pipeline.h"

namespace sallyport::media {

struct ListQuery {  // sessions of one lcore in key order, from behind `after`
    SessionKey after;
    std::size_t limit = 32;
};
using Command = std::variant<Allocate, Modify, Release, ListQuery, StartCapture, StopCapture>;
using Outcome = std::variant<Reply, std::vector<SessionStatistics>>;  // the list for a ListQuery, else a Reply

using DropCounts = std::array<std::uint64_t, drop_count>;

struct HistogramStatus {  // as observe::HistogramSample has it
    std::vector<double> bounds;
    std::vector<std::uint64_t> buckets;
    double sum = 0;
};

struct PortStatus {
    std::string name, device, link_address;
    std::vector<std::string> addresses;
    // How packets come to the lcore that owns their UDP port: "4 flow rules", "hand-over: why"; empty with one lcore.
    std::string steering;
    std::uint64_t flow_rules = 0;  // in the device
    bool link_up = false;
    std::uint64_t link_losses = 0;
    std::uint64_t rx_packets = 0, tx_packets = 0, rx_bytes = 0, tx_bytes = 0, rx_missed = 0, tx_dropped = 0;
    std::uint32_t udp_ports_free = 0, udp_ports_total = 0;  // pairs
    std::uint32_t udp_ports_resting = 0;                    // of those free
    std::uint64_t address_conflicts = 0;                    // frames of other devices with an address of ours
    std::string address_conflict;                           // of the last minute; empty: none
    std::uint64_t arp_answers = 0, advertisements = 0, echo_replies = 0, solicitations = 0, next_hops = 0;
};
struct LcoreStatus {
    std::uint32_t lcore = 0;
    std::uint64_t sessions = 0, packets = 0, bytes = 0, rtcp_packets = 0, own_rtcp_packets = 0, auth_failures = 0,
                  latches = 0;
    std::uint64_t polls = 0, idle_polls = 0, commands = 0, steered = 0, hairpinned = 0, events_lost = 0;
    std::uint64_t silences = 0, one_way = 0, not_sent = 0, telephone_events = 0, late_wakeups = 0,
                  emergency_sessions = 0;
    HistogramStatus residence;  // seconds from the round that received a packet to its transmission
};
struct PlaneStatus {
    std::vector<PortStatus> ports;
    std::vector<LcoreStatus> lcores;
    DropCounts drops{};
    // In use: by packets under way; those that a device holds ready for reception are not counted.
    std::uint64_t mbufs_in_use = 0, mbufs_total = 0;
    bool hugepages = false;
    std::vector<std::string_view> srtp_slow_suites;  // SDES names, see srtp::slow_suites()
    // Of the streams that have ended, all lcores together.
    HistogramStatus mos, loss_ratio, jitter_seconds, round_trip_seconds;
};

class Plane {
public:
    using Done = std::function<void(Outcome)>;
    using EventSink = std::function<void(Event)>;

    virtual ~Plane() = default;
    virtual TimePoint now() const = 0;
    virtual std::size_t lcores() const = 0;
    // Any thread. `done` is called later, once, on the plane's own reply thread or in collect(); commands of one lcore
    // are carried out, and answered, in the order submitted. False: the lcore's queue is full; nothing was done or
    // kept. New sessions other than emergencies, and questions, are refused before those that are up.
    virtual bool submit(std::size_t lcore, Command command, Done done) = 0;
    // Calls `done` of what lcores have carried out, and the event sink, on the calling thread; if there is nothing,
    // after waiting at most so long for the first of it. False: nothing came. One thread at a time.
    virtual bool collect(Duration at_most) = 0;
    // Which lcore owns a UDP port of a media port; nothing for a name or port that is not configured.
    virtual std::optional<std::size_t> owner(std::string_view media_port, std::uint16_t udp_port) const = 0;
    // Called on the reply thread or in collect(). Set it before the first command; an empty sink discards.
    virtual void set_event_sink(EventSink sink) = 0;
    virtual PlaneStatus status() const = 0;  // any thread; disturbs nobody
};

}  // namespace sallyport::media
