// One lcore's media plane without the NIC: sessions, legs, the stages in order. One writer: the lcore it lives on.
//
// The walk of a burst: classify -> police -> unprotect -> latch -> rewrite -> protect -> account. A dropped packet
// keeps its reason to the end, where account counts it once.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "control/base/random.h"
#include "media-plane/core/barred.h"
#include "media-plane/core/capture_ring.h"
#include "media-plane/core/commands.h"
#include "media-plane/core/leg_table.h"
#include "media-plane/core/packet.h"
#include "media-plane/core/statistics.h"
#include "media-plane/srtp/engine.h"

namespace sallyport::media {

struct MediaPortConfig {
    std::string name;                      // "access", "core"
    std::vector<IpAddress> addresses;      // at most one per family
    std::uint16_t first_udp_port = 16384;  // even; this lcore's own block of UDP ports on this media port
    std::uint16_t last_udp_port = 32767;   // odd
};
struct PipelineConfig {
    std::vector<MediaPortConfig> ports;  // index = MediaPortIndex
    std::size_t max_sessions = 20'000;
    // Beside those, for emergencies alone; and so many pairs of UDP ports of each media port are theirs, though never
    // more than an eighth of its block: who has few ports wants calls on them.
    std::size_t emergency_sessions = 0;
    // Per leg and RTP stream, with one second of burst, where signaling says no less of its codec; RTCP may have a
    // tenth of it. 0: no police.
    std::uint32_t max_packets_per_second = 500;
    srtp::EngineChoice srtp_engine = srtp::EngineChoice::fastest;
    std::vector<Network> forbidden_networks;  // no leg's media is sent there
    bool bars_own_ports = true;               // nor to addresses of other media ports; false: benches join ports
};

struct StartCapture {
    SessionKey key;
    bool decrypted = false;  // SRTP in clear; else as on the wire
    std::uint64_t packets = 0;
    Duration time{};
    std::shared_ptr<CaptureRing> ring;
};
struct StopCapture {
    std::shared_ptr<CaptureRing> ring;
};

class Pipeline {
public:
    Pipeline(PipelineConfig config, RandomSource& random);
    ~Pipeline();
    Pipeline(const Pipeline&) = delete;
    Pipeline& operator=(const Pipeline&) = delete;

    // After it every packet has either a drop reason (already counted) or out_port, to and source. A packet that has
    // a reason before it is only counted. At most 64 packets a burst. Never allocates; only the SRTP engine
    // does, once for each further authentic SSRC of a leg.
    void process(std::span<Packet> burst, TimePoint now);

    // A packet for that UDP port will be in the next burst: memory may begin to look for what it needs.
    void expect(MediaPortIndex port, std::uint16_t udp_port) const {
        if (const Flow* flow = tables_[port].flow(udp_port)) {
            __builtin_prefetch(flow, 1);
            __builtin_prefetch(reinterpret_cast<const std::uint8_t*>(flow) + 64, 1);
        }
    }

    // A packet that process() has let pass and the driver could not send: books it as dropped on the leg that was to
    // send it, which says so from its UDP port `source_port` on `port`; `length` as process() has left it. If the leg
    // is gone meanwhile, nothing.
    void not_sent(MediaPortIndex port, std::uint16_t source_port, std::uint16_t length, Drop why);

    // RTCP of our own, RFC 3550 6: reports to peers whose other side sends none, while their session lives, and BYE at
    // its end. Each packet of `room` comes with data, capacity (own_rtcp_bytes at least) and buffer; the first of them,
    // so many as is returned, are written: length, out_port, to, source, and `out`, which is null where the leg is
    // gone. What is left over stays due. Few are due at a time, because tick() finds a tenth of them.
    bool has_reports() const;
    std::size_t write_reports(std::span<Packet> room, TimePoint now);
    static constexpr std::size_t own_rtcp_bytes = 160;

    // Commands: idempotent per session key; nothing is half done when the code is not ok. A session that exists is
    // answered as it is, and a second release with no_session.
    Reply allocate(const Allocate& command, TimePoint now);
    Reply modify(const Modify& command, TimePoint now);
    Reply release(const Release& command, TimePoint now);

    // Copies a session's packets to the command's ring from now on, until its terms or the session end; the ring is
    // told.
    Reply start_capture(const StartCapture& command, TimePoint now);
    Reply stop_capture(const StopCapture& command);

    // Inactivity, silence and rate-limited events; call ten times a second or more often, so that each looks at fewer
    // sessions: every one is looked at once a second. Also delivers events noted by process().
    void tick(TimePoint now, std::vector<Event>& events);
    // An event of tick() could not be passed on. True if a later tick will tell it again, as things are then: what a
    // restart depends on is not lost.
    bool tell_again(Event event);

    // Copies of what is alive, in key order from behind `after`, at most `limit`.
    std::vector<SessionStatistics> list(const SessionKey& after, std::size_t limit, TimePoint now) const;

    std::size_t sessions() const;
    std::size_t free_udp_ports(MediaPortIndex port) const;      // pairs
    std::size_t reserved_udp_ports(MediaPortIndex port) const;  // pairs that only emergencies may have
    std::size_t total_udp_ports(MediaPortIndex port) const;
    std::size_t resting_udp_ports(MediaPortIndex port, TimePoint now);  // of those free, see port_pool.h
    const PipelineStatistics& statistics() const;

private:
    struct State;
    std::unique_ptr<State> state_;
    std::span<const LegTable> tables_;  // of *state_
};

}  // namespace sallyport::media
