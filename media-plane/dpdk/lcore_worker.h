// One lcore's loop: commands, receive, parse, pipeline, headers, transmit; its share of neighbour upkeep; its rest.
// Owns its Pipeline and its neighbours, which nobody else touches. Private to the room.
#pragma once

#include <rte_mbuf.h>
#include <rte_ring.h>

#include <array>
#include <atomic>
#include <memory>
#include <vector>

#include "control/base/histogram.h"
#include "control/base/random.h"
#include "media-plane/core/pipeline.h"
#include "media-plane/dpdk/clock.h"
#include "media-plane/dpdk/command_ring.h"
#include "media-plane/dpdk/idle.h"
#include "media-plane/dpdk/mbuf_packet.h"
#include "media-plane/dpdk/nearly_plain.h"
#include "media-plane/dpdk/neighbour.h"
#include "media-plane/dpdk/port.h"
#include "media-plane/dpdk/steering.h"

namespace sallyport::media::dpdk {

namespace limits {
inline constexpr std::uint16_t burst = 32;
inline constexpr Duration tx_delay = 100us;      // a packet waits no longer for company
inline constexpr Duration tick_interval = 10ms;  // of the pipeline: few sessions are looked at in one go
inline constexpr Duration neighbour_interval = 100ms;
inline constexpr std::size_t held_packets = 64;  // waiting for a next hop's answer, all next hops together
inline constexpr std::size_t held_per_next_hop = 4;
inline constexpr Duration held_for = 1s;
inline constexpr unsigned steered_packets = 2048;
inline constexpr std::size_t reports_per_poll = 8;  // of our own: some 10 us where SRTCP is made of them
}  // namespace limits

// What the lcores of one plane share; none of it is written after the start, the rings excepted.
struct Fabric {
    const Clock* clock = nullptr;
    rte_mempool* pool = nullptr;
    std::vector<std::unique_ptr<Port>> ports;   // by MediaPortIndex
    std::vector<MediaPortIndex> media_port_of;  // by DPDK port id
    std::unique_ptr<Steering> steering;
    std::vector<RingOwner> steered;  // by lcore: packets that arrived elsewhere
    int wake = -1;                   // eventfd: the reply thread has something to collect
    int wake_awaiting = -1;          // likewise, who waits in Plane::collect()
    // 1: somebody waits in Plane::collect(). Lcores and he change it by read-modify-write only, lcores after they have
    // put something into a ring, he before he looks into the rings: either sees what the other has done.
    std::atomic<std::uint8_t> awaited{0};
    std::atomic<bool> stop{false};
};

struct WorkerStatistics {
    std::array<Counter, drop_count> drops;  // outside the pipeline
    Counter polls, idle_polls, commands, steered, hairpinned, events_lost;
    Counter late_wakeups;  // rests that took more than Idle::late longer than they should have
    Histogram<10> residence{{5e-6, 10e-6, 20e-6, 50e-6, 100e-6, 200e-6, 500e-6, 1e-3, 2e-3, 5e-3}};
    std::array<Counter, limits::media_ports> udp_ports_free, udp_ports_resting;
};

class LcoreWorker {
public:
    LcoreWorker(std::size_t index, Fabric& fabric, PipelineConfig config, RandomSource& random, CommandRing& commands,
                bool poll_always);
    ~LcoreWorker();
    LcoreWorker(const LcoreWorker&) = delete;
    LcoreWorker& operator=(const LcoreWorker&) = delete;

    void run();  // until fabric.stop

    const WorkerStatistics& statistics() const { return statistics_; }
    const PipelineStatistics& pipeline_statistics() const { return pipeline_.statistics(); }
    const NeighbourStatistics& neighbour_statistics(std::size_t port) const { return neighbours_[port]->statistics(); }
    std::uint32_t udp_ports_total(std::size_t port) const { return udp_ports_total_[port]; }

private:
    struct Relayed {  // what the pipeline has to know of a packet that is not sent after all
        std::uint16_t source_port = 0, length = 0;  // port 0: none of a session's
    };
    struct Round {  // whose packets are in a TxBuffer from `first` on
        TimePoint at{};
        std::uint16_t first = 0;
    };
    struct TxBuffer {
        std::array<rte_mbuf*, limits::burst> packets;
        std::array<Relayed, limits::burst> relayed;
        std::uint16_t count = 0;
        std::uint16_t rounds = 0;
        TimePoint newest{};  // of the last of them
        std::array<Round, limits::burst> round;
        TimePoint oldest() const { return round[0].at; }
    };
    struct Held {
        rte_mbuf* mbuf;
        const std::uint8_t* payload;
        std::uint16_t length;
        Relayed relayed;
        MediaPortIndex port;
        Service service;
        Endpoint from, to;
        TimePoint until;
    };
    struct Queue {
        MediaPortIndex port;
        std::uint16_t id, queue;
    };
    struct Exit {  // what each packet through a port asks for, side by side
        PlainUdp plain;
        Neighbour* neighbour;
        std::uint16_t mtu;
        bool sums_for_us;    // the device: UDP checksums of what is sent
        bool sums_are_read;  // of what is received, as far as the device has not said that they are good
    };
    enum class Origin : std::uint8_t { wire, ring };

    Idle::Found poll();
    unsigned run_commands();
    void tell();
    Outcome execute(const Command& command);
    void ask_for(const std::vector<LegChange>& legs);

    bool receive_plain(rte_mbuf* mbuf, MediaPortIndex port);  // false: it is not
    void receive(rte_mbuf* mbuf, MediaPortIndex port, Origin origin);
    void receive_udp(rte_mbuf* mbuf, const Frame& frame, MediaPortIndex port, Origin origin);
    void receive_link(rte_mbuf* mbuf, const Frame& frame, MediaPortIndex port, Origin origin);
    void teach_others(rte_mbuf* mbuf);
    void hand_over(rte_mbuf* mbuf, std::size_t lcore);

    bool relay();  // false: there was no packet for it
    std::size_t send_reports();
    static Relayed relayed_of(const Packet& packet) {
        return packet.is_of_session() ? Relayed{packet.source.port, packet.length} : Relayed{};
    }
    void send(const Packet& packet);
    bool put_headers(rte_mbuf* mbuf, const Packet& packet, const LinkAddress& link);
    void send_to_ourselves(const Packet& packet);
    void hold(const Packet& packet);
    void retry_held();
    void send_small_frames(MediaPortIndex port);
    void transmit(rte_mbuf* mbuf, MediaPortIndex port) { transmit(mbuf, port, Relayed{}); }
    void transmit(rte_mbuf* mbuf, MediaPortIndex port, Relayed relayed);
    void flush(MediaPortIndex port);
    void observe(const TxBuffer& sent);
    void flush_all(bool idle);
    void drop(rte_mbuf* mbuf, Drop why);
    void drop_relayed(rte_mbuf* mbuf, MediaPortIndex port, Relayed relayed, Drop why);

    void tick();
    void publish();

    const std::size_t index_;
    Fabric& fabric_;
    Pipeline pipeline_;
    CommandRing& commands_;
    Idle idle_;
    std::vector<std::unique_ptr<Neighbour>> neighbours_;  // by MediaPortIndex
    std::vector<Queue> queues_;                           // this lcore receives from
    std::vector<TxBuffer> tx_;                            // by MediaPortIndex
    std::vector<std::uint32_t> link_returns_;             // likewise: how many we have answered
    std::vector<Held> held_;
    std::vector<Exit> exits_;          // by MediaPortIndex
    std::vector<NearlyPlain> nearly_;  // likewise
    std::vector<UdpBlock> own_ports_;  // by MediaPortIndex
    std::vector<std::uint32_t> udp_ports_total_;
    std::array<Packet, limits::burst> burst_;
    std::uint16_t in_burst_ = 0;
    SmallFrames small_frames_;
    std::vector<Event> events_;
    TimePoint now_{}, next_tick_{}, next_neighbour_tick_{};
    WorkerStatistics statistics_;
};

}  // namespace sallyport::media::dpdk
