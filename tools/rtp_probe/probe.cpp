#include "tools/rtp_probe/probe.h"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <random>
#include <stdexcept>

namespace rtp_probe {

namespace {

using namespace std::chrono_literals;
constexpr auto frame_time = 20ms;
constexpr auto linger = 2'000ms;    // for the rest of the other side's signal after the end of ours
constexpr auto last_words = 200ms;  // keep telling a slower side that we hear it
constexpr std::uint64_t report_every = 50, first_report = 10;  // ticks

std::size_t frames_of(const Options& options) { return static_cast<std::size_t>(options.duration / frame_time); }

int open_udp(const SocketAddress& address) {
    const int fd = socket(address.storage.ss_family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0 || bind(fd, address.get(), address.size) != 0) {
        const std::string why = std::strerror(errno);
        if (fd >= 0) close(fd);
        throw std::runtime_error("cannot bind " + address.to_string() + ": " + why);
    }
    return fd;
}

SocketAddress bound_to(int fd) {
    SocketAddress address;
    address.size = sizeof address.storage;
    getsockname(fd, reinterpret_cast<sockaddr*>(&address.storage), &address.size);
    return address;
}

void put(Bytes& bytes, std::uint32_t value, int count) {
    for (int i = count - 1; i >= 0; --i) bytes.push_back(static_cast<std::uint8_t>(value >> (8 * i)));
}

bool looks_like_rtcp(const Bytes& packet) {  // RFC 5761 4
    return packet.size() >= 2 && packet[1] >= 192 && packet[1] <= 223;
}

}  // namespace

Probe::Socket::~Socket() {
    if (fd >= 0) close(fd);
}

Probe::Probe(const Options& options)
    : options_(options),
      verify_(options.tone_hz == 0),
      signal_(verify_ ? frames_of(options) : 0),
      receiver_(signal_, options.payload_type, verify_, !options.record.empty()),
      remote_(options.remote) {
    if (options.srtp()) srtp_.emplace(options.suite, options.send_key, options.receive_key);
    rtp_.fd = open_udp(options.local);
    const auto local = bound_to(rtp_.fd);
    if (options.rtcp) rtcp_.fd = open_udp(local.with_port(static_cast<std::uint16_t>(local.port() + 1)));
    std::random_device random;
    ssrc_ = random();
    // RFC 3711 3.3.1: below 2^15
    sequence_ = options.sequence.value_or(static_cast<std::uint16_t>(random() & 0x7FFF));
    timestamp_ = random();
}

Probe::~Probe() = default;

std::string Probe::local() const { return bound_to(rtp_.fd).to_string(); }

Report Probe::run() {
    started_ = Clock::now();
    auto next_tick = started_;
    while (true) {
        auto now = Clock::now();
        while (now >= next_tick) {
            tick(now);
            next_tick += frame_time;
        }
        if (finished(now)) break;
        pollfd sockets[2] = {{rtp_.fd, POLLIN, 0}, {rtcp_.fd, POLLIN, 0}};
        const auto left = std::chrono::ceil<std::chrono::milliseconds>(next_tick - Clock::now()).count();
        poll(sockets, options_.rtcp ? 2 : 1, static_cast<int>(std::max<long>(0, left)));
        receive(Clock::now());
    }
    Report report{signal_.size(), next_frame_, packets_sent_, rtcp_sent_, receiver_.reception(), source_, failure()};
    if (!options_.record.empty() && !write_wav(options_.record, receiver_.samples()))
        report.failure = "cannot write " + options_.record;
    return report;
}

void Probe::tick(Clock::time_point now) {
    if (!remote_) return;
    const auto& reception = receiver_.reception();
    if (reception.calling && first_heard_ == Clock::time_point{}) first_heard_ = now;
    if (!verify_) {
        send_frame(tone_frame(options_.tone_hz, next_frame_++));
    } else if (!reception.calling) {
        send_frame(silence(calling));
    } else if (!reception.heard || next_frame_ == signal_.size()) {
        send_frame(silence(heard));
    } else {
        send_frame(signal_[next_frame_++]);
        if (next_frame_ == signal_.size()) signal_ended_ = now;
    }
    if (++ticks_ % report_every == first_report && options_.rtcp) send_sender_report();
}

bool Probe::finished(Clock::time_point now) const {
    if (first_heard_ == Clock::time_point{}) return now - started_ > options_.wait;
    if (!verify_) return now - first_heard_ > options_.duration;
    if (signal_ended_ == Clock::time_point{}) return now - started_ > options_.wait + options_.duration;
    return now - signal_ended_ > (receiver_.complete() ? std::chrono::milliseconds(last_words) : linger);
}

std::string Probe::failure() const {
    const auto& r = receiver_.reception();
    if (!r.calling && r.auth_failed > 0) return "nothing that arrived could be authenticated";
    if (!r.calling) return "the other side was not heard";
    if (!verify_) return "";
    if (!r.heard) return "the other side does not hear us";
    if (r.corrupt > 0) return std::to_string(r.corrupt) + " frames were changed on the way";
    if (r.frames < signal_.size()) return std::to_string(signal_.size() - r.frames) + " frames are missing";
    return "";
}

void Probe::receive(Clock::time_point now) {
    for (const bool rtcp : {false, true}) {
        if (rtcp && !options_.rtcp) continue;
        while (true) {
            Bytes packet(2'048);
            SocketAddress from;
            from.size = sizeof from.storage;
            const auto n = recvfrom(rtcp ? rtcp_.fd : rtp_.fd, packet.data(), packet.size(), 0,
                                    reinterpret_cast<sockaddr*>(&from.storage), &from.size);
            if (n < 0) break;
            packet.resize(static_cast<std::size_t>(n));
            if (!rtcp && !looks_like_rtcp(packet)) {
                receive_rtp(std::move(packet), from, now);
            } else if (srtp_ && srtp_->unprotect(packet, true) != Verdict::valid) {
                ++receiver_.reception().rtcp_invalid;
            } else {
                receiver_.rtcp(packet);
            }
        }
    }
}

void Probe::receive_rtp(Bytes packet, const SocketAddress& from, Clock::time_point now) {
    auto& reception = receiver_.reception();
    if (srtp_) {
        switch (srtp_->unprotect(packet, false)) {
            case Verdict::valid: break;
            case Verdict::auth_failed: ++reception.auth_failed; return;
            case Verdict::replayed: ++reception.replayed; return;
            case Verdict::malformed: ++reception.malformed; return;
        }
    }
    if (!receiver_.rtp(packet, now)) return;
    source_ = from.to_string();
    if (!remote_) remote_ = from;
}

void Probe::send_frame(const Frame& frame) {
    Bytes packet{0x80, options_.payload_type};
    put(packet, sequence_++, 2);
    put(packet, timestamp_, 4);
    put(packet, ssrc_, 4);
    timestamp_ += frame_samples;
    packet.insert(packet.end(), frame.begin(), frame.end());
    if (srtp_ && !srtp_->protect(packet, false)) return;
    if (sendto(rtp_.fd, packet.data(), packet.size(), 0, remote_->get(), remote_->size) >= 0) ++packets_sent_;
}

// RFC 3550 6.4.1, 6.5: SR and SDES with a CNAME, as a compound packet begins.
void Probe::send_sender_report() {
    Bytes packet{0x80, 200};
    put(packet, 6, 2);
    put(packet, ssrc_, 4);
    const auto ntp = std::chrono::system_clock::now().time_since_epoch() + 2'208'988'800s;
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(ntp);
    put(packet, static_cast<std::uint32_t>(seconds.count()), 4);
    put(packet, static_cast<std::uint32_t>(std::chrono::duration<double>(ntp - seconds).count() * 4'294'967'296.0), 4);
    put(packet, timestamp_, 4);
    put(packet, static_cast<std::uint32_t>(packets_sent_), 4);
    put(packet, static_cast<std::uint32_t>(packets_sent_ * frame_samples), 4);
    constexpr std::string_view cname = "rtp_probe";
    packet.insert(packet.end(), {0x81, 202, 0, 4});
    put(packet, ssrc_, 4);
    packet.insert(packet.end(), {1, static_cast<std::uint8_t>(cname.size())});
    packet.insert(packet.end(), cname.begin(), cname.end());
    packet.insert(packet.end(), 1, 0);  // the end of the chunk, on a 32-bit boundary
    if (srtp_ && !srtp_->protect(packet, true)) return;
    const auto to = options_.remote_rtcp.value_or(remote_->with_port(static_cast<std::uint16_t>(remote_->port() + 1)));
    if (sendto(rtcp_.fd, packet.data(), packet.size(), 0, to.get(), to.size) >= 0) ++rtcp_sent_;
}

}  // namespace rtp_probe
