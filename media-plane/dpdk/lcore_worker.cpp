#include "media-plane/dpdk/lcore_worker.h"

#include <rte_cycles.h>
#include <rte_ethdev.h>
#include <rte_pause.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <span>

#include "control/base/check.h"
#include "control/base/fetch_lines.h"
#include "control/base/handover.h"
#include "media-plane/dpdk/steering_rules.h"

namespace sallyport::media::dpdk {
namespace {

NeighbourConfig neighbour_config(const Port& port) {
    return {.link = port.link(),
            .vlan = port.config().vlan,
            .addresses = port.config().addresses,
            .gateway_v4 = port.config().gateway_v4,
            .gateway_v6 = port.config().gateway_v6};
}

// The first lines of all frames of a burst; or all of their lines, if somebody is going to sum them.
void fetch_frames(std::span<rte_mbuf* const> mbufs, bool summed) {
    for (const rte_mbuf* mbuf : mbufs) {
        const bool good = (mbuf->ol_flags & RTE_MBUF_F_RX_L4_CKSUM_MASK) == RTE_MBUF_F_RX_L4_CKSUM_GOOD;
        fetch_lines(rte_pktmbuf_mtod(mbuf, const void*), summed && !good ? (mbuf->data_len + 63u) / 64u : 1u);
    }
}

void sleep_for(Duration duration) {
    const timespec request{0, static_cast<long>(duration.count())};  // always below a second
    clock_nanosleep(CLOCK_MONOTONIC, 0, &request, nullptr);
}

}  // namespace

LcoreWorker::LcoreWorker(std::size_t index, Fabric& fabric, PipelineConfig config, RandomSource& random,
                         CommandRing& commands, bool poll_always)
    : index_(index),
      fabric_(fabric),
      pipeline_(std::move(config), random),
      commands_(commands),
      idle_(poll_always),
      tx_(fabric.ports.size()),
      link_returns_(fabric.ports.size()) {
    held_.reserve(limits::held_packets);
    for (std::size_t i = 0; i < fabric_.ports.size(); ++i) {
        const Port& port = *fabric_.ports[i];
        neighbours_.push_back(std::make_unique<Neighbour>(neighbour_config(port)));
        for (std::uint16_t q = 0; q < port.rx_queues(); ++q)
            if (lcore_of_queue(i, q, fabric_.steered.size()) == index_)
                queues_.push_back({static_cast<MediaPortIndex>(i), port.id(), q});
        const UdpChecksum udp = port.rules().udp_checksum;
        nearly_.emplace_back(port);
        exits_.push_back({plain_of<PlainUdp>(port, Family::v4, port.rules()), neighbours_.back().get(),
                          port.config().mtu, port.offloads().tx_udp_checksum,
                          udp == UdpChecksum::verify || udp == UdpChecksum::accept_partial});
        own_ports_.push_back(fabric_.steering->block(i, index_));
        udp_ports_total_.push_back(
            static_cast<std::uint32_t>(pipeline_.total_udp_ports(static_cast<MediaPortIndex>(i))));
    }
    publish();
}

LcoreWorker::~LcoreWorker() {
    for (const auto& held : held_) rte_pktmbuf_free(held.mbuf);
    for (auto& buffer : tx_) rte_pktmbuf_free_bulk(buffer.packets.data(), buffer.count);
}

void LcoreWorker::run() {
    const OneAfterTheOther run(this);  // after the driver that made it, before the driver that takes it down
    prctl(PR_SET_TIMERSLACK, 1000);    // nanoseconds: a rest of 50 us shall not become 100
    now_ = fabric_.clock->now();
    next_tick_ = now_ + limits::tick_interval;
    for (std::size_t i = 0; i < neighbours_.size(); ++i) {
        neighbours_[i]->start(now_, small_frames_, index_ == 0);
        send_small_frames(static_cast<MediaPortIndex>(i));
    }
    while (!fabric_.stop.load(std::memory_order_relaxed)) {
        now_ = fabric_.clock->now();
        const auto found = poll();
        const bool worked = found != Idle::Found::nothing;
        flush_all(!worked);
        if (now_ >= next_tick_) tick();
        const auto rest = idle_.rest(found, now_);
        if (rest.kind == Idle::Kind::sleep) {
            const TimePoint due = fabric_.clock->now() + rest.duration;
            sleep_for(rest.duration);
            if (fabric_.clock->now() > due + Idle::late) statistics_.late_wakeups.add();
        } else if (!worked) {
            rte_pause();
        }
    }
    flush_all(true);
}

Idle::Found LcoreWorker::poll() {
    const unsigned commands = run_commands();
    bool more = commands == limits::jobs_per_poll;  // fewer are all, and the next can wait as long as a first packet
    bool media = false;
    rte_mbuf* received[limits::burst];
    for (const auto& queue : queues_) {
        const std::uint16_t count = rte_eth_rx_burst(queue.id, queue.queue, received, limits::burst);
        if (count != 0) take_over(&looped_packets);
        fetch_frames({received, count}, exits_[queue.port].sums_are_read);
        for (std::uint16_t i = 0; i < count; ++i) {
            hops_of(received[i]) = 0;
            received[i]->port = queue.id;  // not every driver says it, and the lcore that owns the packet has to know
            receive(received[i], queue.port, Origin::wire);
        }
        media |= relay();
        more |= count == limits::burst;
    }
    const unsigned steered = rte_ring_sc_dequeue_burst(fabric_.steered[index_].get(),
                                                       reinterpret_cast<void**>(received), limits::burst, nullptr);
    for (unsigned i = 0; i < steered; ++i) {
        SALLYPORT_CHECK(received[i]->port < fabric_.media_port_of.size());
        receive(received[i], fabric_.media_port_of[received[i]->port], Origin::ring);
    }
    media |= relay();
    more |= steered == limits::burst;
    const std::size_t reports = send_reports();
    more |= reports == limits::reports_per_poll;
    statistics_.polls.add();
    if (!media && commands + reports == 0) statistics_.idle_polls.add();
    return media ? Idle::Found::media : more ? Idle::Found::more : Idle::Found::nothing;
}

unsigned LcoreWorker::run_commands() {
    const unsigned count = commands_.run([this](const Command& command) { return execute(command); });
    if (count == 0) return 0;
    statistics_.commands.add(count);
    publish();
    tell();
    return count;
}

Outcome LcoreWorker::execute(const Command& command) {
    if (const auto* allocate = std::get_if<Allocate>(&command)) {
        Reply reply = pipeline_.allocate(*allocate, now_);
        if (reply.code == Code::ok) ask_for(allocate->legs);
        return reply;
    }
    if (const auto* modify = std::get_if<Modify>(&command)) {
        Reply reply = pipeline_.modify(*modify, now_);
        if (reply.code == Code::ok) ask_for(modify->legs);
        return reply;
    }
    if (const auto* release = std::get_if<Release>(&command)) return pipeline_.release(*release, now_);
    if (const auto* start = std::get_if<StartCapture>(&command)) return pipeline_.start_capture(*start, now_);
    if (const auto* stop = std::get_if<StopCapture>(&command)) return pipeline_.stop_capture(*stop);
    const auto& query = std::get<ListQuery>(command);
    return pipeline_.list(query.after, query.limit, now_);
}

// The next hop of a signalled address is asked for while the call is still ringing, not by its first packet.
void LcoreWorker::ask_for(const std::vector<LegChange>& legs) {
    for (const auto& leg : legs) {
        if (!leg.remote) continue;
        for (std::size_t i = 0; i < neighbours_.size(); ++i) {
            if (neighbours_[i]->is_ours(leg.remote->address)) continue;
            neighbours_[i]->resolve(leg.remote->address, now_, small_frames_);
            send_small_frames(static_cast<MediaPortIndex>(i));
        }
    }
}

inline bool LcoreWorker::receive_plain(rte_mbuf* mbuf, MediaPortIndex port) {
    Packet& packet = burst_[in_burst_];
    if (!make_plain_packet<false>(mbuf, exits_[port].plain, port, packet) &&
        !nearly_[port].make_packet(mbuf, port, packet))
        return false;
    if (const UdpBlock& own = own_ports_[port]; packet.local_port < own.first || packet.local_port > own.last)
        return false;
    pipeline_.expect(port, packet.local_port);
    ++in_burst_;
    return true;
}

void LcoreWorker::receive(rte_mbuf* mbuf, MediaPortIndex port, Origin origin) {
    if (receive_plain(mbuf, port)) [[likely]]
        return;
    const Frame frame = parse_mbuf(mbuf, fabric_.ports[port]->rules());
    switch (frame.kind) {
        case FrameKind::udp: receive_udp(mbuf, frame, port, origin); return;
        case FrameKind::arp:
        case FrameKind::icmp:
        case FrameKind::icmpv6: receive_link(mbuf, frame, port, origin); return;
        case FrameKind::none: drop(mbuf, frame.drop); return;
    }
    SALLYPORT_CHECK(false);
}

void LcoreWorker::receive_udp(rte_mbuf* mbuf, const Frame& frame, MediaPortIndex port, Origin origin) {
    const Neighbour& neighbour = *neighbours_[port];
    if (!neighbour.is_ours(frame.to.address)) return drop(mbuf, Drop::not_for_us);
    // Only what we ourselves turned around may come from our own address.
    if (origin == Origin::wire && neighbour.is_ours(frame.from.address)) return drop(mbuf, Drop::martian);
    if (const UdpBlock& own = own_ports_[port]; frame.to.port < own.first || frame.to.port > own.last) [[unlikely]] {
        const auto owner = fabric_.steering->owner(port, frame.to.port);
        if (!owner) return drop(mbuf, Drop::no_leg);
        if (*owner != index_) return hand_over(mbuf, *owner);
    }
    if (!make_packet(mbuf, frame, port, burst_[in_burst_])) return drop(mbuf, Drop::no_buffer);
    ++in_burst_;
}

void LcoreWorker::hand_over(rte_mbuf* mbuf, std::size_t lcore) {
    if (rte_ring_mp_enqueue(fabric_.steered[lcore].get(), mbuf) != 0) return drop(mbuf, Drop::tx_full);
    statistics_.steered.add();
}

void LcoreWorker::receive_link(rte_mbuf* mbuf, const Frame& frame, MediaPortIndex port, Origin origin) {
    const bool from_wire = origin == Origin::wire;
    const auto handled = neighbours_[port]->handle(bytes_of(mbuf), frame, now_, small_frames_, from_wire);
    send_small_frames(port);
    if (handled.teaches) teach_others(mbuf);
    if (handled.learned) retry_held();
    switch (handled.verdict) {
        case Neighbour::Verdict::absorbed: rte_pktmbuf_free(mbuf); return;
        case Neighbour::Verdict::dropped: drop(mbuf, handled.drop); return;
        case Neighbour::Verdict::answered_in_place: break;
    }
    if (!restore_vlan(mbuf)) return drop(mbuf, Drop::no_buffer);
    transmit(mbuf, port);
}

// Each lcore keeps neighbours of its own, so that no lock is on a packet's way; what teaches one teaches all.
void LcoreWorker::teach_others(rte_mbuf* mbuf) {
    for (std::size_t i = 0; i < fabric_.steered.size(); ++i) {
        if (i == index_) continue;
        rte_mbuf* copy = rte_pktmbuf_copy(mbuf, fabric_.pool, 0, UINT32_MAX);
        if (copy != nullptr && rte_ring_mp_enqueue(fabric_.steered[i].get(), copy) != 0) rte_pktmbuf_free(copy);
    }
}

bool LcoreWorker::relay() {
    if (in_burst_ == 0) return false;
    pipeline_.process({burst_.data(), in_burst_}, now_);
    for (std::uint16_t i = 0; i < in_burst_; ++i) {
        if (burst_[i].drop == Drop::none)
            send(burst_[i]);
        else
            rte_pktmbuf_free(static_cast<rte_mbuf*>(burst_[i].buffer));  // counted by the pipeline
    }
    in_burst_ = 0;
    return true;
}

// RTCP that nobody has sent us: buffers of our own. With none free, what is due stays so.
std::size_t LcoreWorker::send_reports() {
    if (!pipeline_.has_reports()) return 0;
    std::array<rte_mbuf*, limits::reports_per_poll> mbufs;
    std::array<Packet, limits::reports_per_poll> reports;
    if (rte_pktmbuf_alloc_bulk(fabric_.pool, mbufs.data(), mbufs.size()) != 0) return 0;
    for (std::size_t i = 0; i < mbufs.size(); ++i) {
        hops_of(mbufs[i]) = 0;
        reports[i].data = rte_pktmbuf_mtod(mbufs[i], std::uint8_t*);
        reports[i].capacity = rte_pktmbuf_tailroom(mbufs[i]);
        reports[i].buffer = mbufs[i];
    }
    const std::size_t count = pipeline_.write_reports(reports, now_);
    for (std::size_t i = 0; i < count; ++i) send(reports[i]);
    rte_pktmbuf_free_bulk(mbufs.data() + count, static_cast<unsigned>(mbufs.size() - count));
    return count;
}

void LcoreWorker::send(const Packet& packet) {
    auto* mbuf = static_cast<rte_mbuf*>(packet.buffer);
    const Relayed relayed = relayed_of(packet);
    const Exit& exit = exits_[packet.out_port];
    const std::size_t ip_length = udp_headers_length(packet.to.address.family, 0) - ethernet_header + packet.length;
    if (ip_length > exit.mtu) return drop_relayed(mbuf, packet.out_port, relayed, Drop::too_big);
    Neighbour& neighbour = *exit.neighbour;
    const LinkAddress* link = neighbour.resolved_last(packet.to.address, now_);
    if (link == nullptr) {
        if (neighbour.is_ours(packet.to.address)) return send_to_ourselves(packet);
        link = neighbour.resolve(packet.to.address, now_, small_frames_);
        if (link == nullptr) {
            hold(packet);
            send_small_frames(packet.out_port);  // the question
            return;
        }
    }
    if (!put_headers(mbuf, packet, *link)) return drop_relayed(mbuf, packet.out_port, relayed, Drop::no_buffer);
    transmit(mbuf, packet.out_port, relayed);
}

// The device sums what nobody has: not where the sum has come with the packet.
inline bool LcoreWorker::put_headers(rte_mbuf* mbuf, const Packet& packet, const LinkAddress& link) {
    const Exit& exit = exits_[packet.out_port];
    if (exit.plain.writes(packet.to) && (packet.payload_sum != 0 || !exit.sums_for_us)) [[likely]]
        return write_plain_headers<false>(mbuf, packet, link, exit.plain);
    if ((packet.payload_sum != 0 || !exit.sums_for_us) && nearly_[packet.out_port].writes(packet.to))
        return nearly_[packet.out_port].write_headers(mbuf, packet, link);
    return write_headers(mbuf, packet.data, packet.length, packet.source, packet.to, packet.service, link,
                         *fabric_.ports[packet.out_port], 0, packet.payload_sum);
}

// Two calls of this node joined outside, by a core that leaves SDP alone: no wire carries a frame to its own sender.
// The realm is the port's: the same address on another port may be somebody else.
void LcoreWorker::send_to_ourselves(const Packet& packet) {
    auto* mbuf = static_cast<rte_mbuf*>(packet.buffer);
    const Relayed relayed = relayed_of(packet);
    const Port& port = *fabric_.ports[packet.out_port];
    const std::uint32_t hops = hops_of(mbuf) + 1;
    const auto owner = fabric_.steering->owner(packet.out_port, packet.to.port);
    if (hops > limits::hops) return drop_relayed(mbuf, packet.out_port, relayed, Drop::looped);
    if (!owner) return drop_relayed(mbuf, packet.out_port, relayed, Drop::no_leg);
    if (!write_headers(mbuf, packet.data, packet.length, packet.source, packet.to, packet.service, port.link(), port,
                       hops))
        return drop_relayed(mbuf, packet.out_port, relayed, Drop::no_buffer);
    turn_around(mbuf, port);
    hops_of(mbuf) = hops;
    if (rte_ring_mp_enqueue(fabric_.steered[*owner].get(), mbuf) != 0)
        return drop_relayed(mbuf, packet.out_port, relayed, Drop::tx_full);
    statistics_.hairpinned.add();
}

void LcoreWorker::hold(const Packet& packet) {
    auto* mbuf = static_cast<rte_mbuf*>(packet.buffer);
    const Relayed relayed = relayed_of(packet);
    const auto same = std::count_if(held_.begin(), held_.end(), [&](const Held& h) {
        return h.port == packet.out_port && h.to.address == packet.to.address;
    });
    if (held_.size() >= limits::held_packets || static_cast<std::size_t>(same) >= limits::held_per_next_hop ||
        !neighbours_[packet.out_port]->reachable(packet.to.address))
        return drop_relayed(mbuf, packet.out_port, relayed, Drop::no_next_hop);
    held_.push_back({mbuf, packet.data, packet.length, relayed, packet.out_port, packet.service, packet.source,
                     packet.to, now_ + limits::held_for});
}

void LcoreWorker::retry_held() {
    std::erase_if(held_, [this](const Held& held) {
        const LinkAddress* link = neighbours_[held.port]->resolve(held.to.address, now_, small_frames_);
        send_small_frames(held.port);
        if (link == nullptr) {
            if (now_ < held.until) return false;
            drop_relayed(held.mbuf, held.port, held.relayed, Drop::no_next_hop);
        } else if (write_headers(held.mbuf, held.payload, held.length, held.from, held.to, held.service, *link,
                                 *fabric_.ports[held.port], 0)) {
            transmit(held.mbuf, held.port, held.relayed);
        } else {
            drop_relayed(held.mbuf, held.port, held.relayed, Drop::no_buffer);
        }
        return true;
    });
}

void LcoreWorker::send_small_frames(MediaPortIndex port) {
    for (const auto& frame : small_frames_.view()) {
        rte_mbuf* mbuf = rte_pktmbuf_alloc(fabric_.pool);
        if (mbuf == nullptr) {
            statistics_.drops[static_cast<std::size_t>(Drop::no_buffer)].add();
            continue;
        }
        std::copy_n(frame.bytes.begin(), frame.length, rte_pktmbuf_mtod(mbuf, std::uint8_t*));
        mbuf->data_len = static_cast<std::uint16_t>(frame.length);
        mbuf->pkt_len = mbuf->data_len;
        transmit(mbuf, port);
    }
    small_frames_.clear();
}

inline void LcoreWorker::transmit(rte_mbuf* mbuf, MediaPortIndex port, Relayed relayed) {
    TxBuffer& buffer = tx_[port];
    if (buffer.newest != now_) {
        buffer.newest = now_;
        buffer.round[buffer.rounds++] = {now_, buffer.count};
    }
    buffer.relayed[buffer.count] = relayed;
    buffer.packets[buffer.count++] = mbuf;
    if (buffer.count == buffer.packets.size()) flush(port);
}

void LcoreWorker::flush(MediaPortIndex port) {
    TxBuffer& buffer = tx_[port];
    const std::uint16_t sent = fabric_.ports[port]->transmit(index_, buffer.packets.data(), buffer.count);
    if (sent < buffer.count) statistics_.drops[static_cast<std::size_t>(Drop::tx_full)].add(buffer.count - sent);
    for (std::size_t i = sent; i < buffer.count; ++i)
        if (const Relayed& lost = buffer.relayed[i]; lost.source_port != 0)
            pipeline_.not_sent(port, lost.source_port, lost.length, Drop::tx_full);
    observe(buffer);
    buffer.count = buffer.rounds = 0;
    buffer.newest = TimePoint{};
}

// One look at the clock for all of them: they were received in a few rounds of the loop.
void LcoreWorker::observe(const TxBuffer& sent) {
    const TimePoint now = fabric_.clock->now();
    for (std::uint16_t i = 0; i < sent.rounds; ++i) {
        const std::uint16_t end = i + 1 < sent.rounds ? sent.round[i + 1].first : sent.count;
        statistics_.residence.observe(std::chrono::duration<double>(now - sent.round[i].at).count(),
                                      end - sent.round[i].first);
    }
}

void LcoreWorker::flush_all(bool idle) {
    for (std::size_t i = 0; i < tx_.size(); ++i)
        if (tx_[i].count != 0 && (idle || now_ - tx_[i].oldest() >= limits::tx_delay))
            flush(static_cast<MediaPortIndex>(i));
}

void LcoreWorker::drop(rte_mbuf* mbuf, Drop why) {
    statistics_.drops[static_cast<std::size_t>(why)].add();
    rte_pktmbuf_free(mbuf);
}

void LcoreWorker::drop_relayed(rte_mbuf* mbuf, MediaPortIndex port, Relayed relayed, Drop why) {
    if (relayed.source_port != 0) pipeline_.not_sent(port, relayed.source_port, relayed.length, why);
    drop(mbuf, why);
}

void LcoreWorker::tick() {
    next_tick_ = now_ + limits::tick_interval;
    if (now_ >= next_neighbour_tick_) {
        next_neighbour_tick_ = now_ + limits::neighbour_interval;
        for (std::size_t i = 0; i < neighbours_.size(); ++i) {
            const std::uint32_t returns = fabric_.ports[i]->link_returns();
            if (std::exchange(link_returns_[i], returns) != returns && index_ == 0)
                neighbours_[i]->link_returned(now_, small_frames_);
            neighbours_[i]->tick(now_, small_frames_);
            send_small_frames(static_cast<MediaPortIndex>(i));
        }
        if (!held_.empty()) retry_held();
    }
    events_.clear();
    pipeline_.tick(now_, events_);
    publish();
    if (events_.empty()) return;
    for (auto& event : events_)
        if (!commands_.push_event(event) && !pipeline_.tell_again(std::move(event))) statistics_.events_lost.add();
    tell();
}

// To the one who waits for outcomes, or to the reply thread. Fabric::awaited says why nothing is missed.
void LcoreWorker::tell() {
    const bool awaited = fabric_.awaited.fetch_or(0, std::memory_order_acq_rel) != 0;
    const std::uint64_t one = 1;
    SALLYPORT_CHECK(write(awaited ? fabric_.wake_awaiting : fabric_.wake, &one, sizeof one) == sizeof one);
}

void LcoreWorker::publish() {
    for (std::size_t i = 0; i < neighbours_.size(); ++i) {
        statistics_.udp_ports_free[i].set(pipeline_.free_udp_ports(static_cast<MediaPortIndex>(i)));
        statistics_.udp_ports_resting[i].set(pipeline_.resting_udp_ports(static_cast<MediaPortIndex>(i), now_));
    }
}

}  // namespace sallyport::media::dpdk
