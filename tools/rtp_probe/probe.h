// One media endpoint: two UDP sockets, a 20 ms pace, the signal out and the judgement of what comes in. Ends when the
// whole signal went both ways or when time is up.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "tools/rtp_probe/options.h"
#include "tools/rtp_probe/receiver.h"
#include "tools/rtp_probe/srtp_session.h"

namespace rtp_probe {

struct Report {
    std::uint64_t frames_expected = 0;
    std::uint64_t frames_sent = 0, packets_sent = 0, rtcp_sent = 0;
    Reception reception;
    std::string source;   // where the last valid packet came from
    std::string failure;  // empty: everything as expected
};

class Probe {
public:
    // Binds; throws std::runtime_error with a sentence when it cannot.
    explicit Probe(const Options& options);
    ~Probe();
    Probe(const Probe&) = delete;
    Probe& operator=(const Probe&) = delete;

    std::string local() const;
    Report run();

private:
    struct Socket {
        int fd = -1;
        ~Socket();
    };
    void tick(Clock::time_point now);
    void receive(Clock::time_point now);
    void receive_rtp(Bytes packet, const SocketAddress& from, Clock::time_point now);
    void send_frame(const Frame& frame);
    void send_sender_report();
    bool finished(Clock::time_point now) const;
    std::string failure() const;

    Options options_;
    bool verify_;
    Signal signal_;
    Receiver receiver_;
    std::optional<SrtpSession> srtp_;
    Socket rtp_, rtcp_;
    std::optional<SocketAddress> remote_;
    std::string source_;
    std::uint32_t ssrc_;
    std::uint16_t sequence_;
    std::uint32_t timestamp_;
    std::size_t next_frame_ = 0;
    std::uint64_t packets_sent_ = 0, rtcp_sent_ = 0, ticks_ = 0;
    Clock::time_point started_, first_heard_, signal_ended_;
};

}  // namespace rtp_probe
