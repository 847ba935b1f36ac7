// Sends RTP or SRTP at a steady rate to many relay ports from one socket, or counts what arrives at one. Packets are
// made and encrypted before the clock starts, so that the generator costs as little as it can. Judges nothing.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <srtp2/srtp.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <optional>
#include <string>
#include <vector>

namespace {

using Clock = std::chrono::steady_clock;
constexpr std::size_t header_bytes = 12;
constexpr std::uint8_t payload_byte = 0xD5;
constexpr std::size_t payload_bytes = 160;  // G.711, 20 ms
constexpr std::size_t packet_room = 200;    // header, payload and the longest SRTP trailer
constexpr unsigned burst = 32;              // read at once
constexpr unsigned send_burst =
    8;  // telephones do not speak in chorus: small, so that a relay that batches gets little help

struct Packet {
    std::uint16_t length = 0;
    std::uint8_t bytes[packet_room];
};

[[noreturn]] void fail(const std::string& what) {
    std::fprintf(stderr, "rtp_load: %s\n", what.c_str());
    std::exit(1);
}

sockaddr_in address(const std::string& host, unsigned port) {
    sockaddr_in out{};
    out.sin_family = AF_INET;
    out.sin_port = htons(static_cast<std::uint16_t>(port));
    if (inet_pton(AF_INET, host.c_str(), &out.sin_addr) != 1) fail(host + " is no IPv4 address");
    return out;
}

int open_socket(const sockaddr_in& local) {
    const int fd = socket(AF_INET, SOCK_DGRAM, 0);
    const int room = 64 << 20;
    setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof room);
    setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &room, sizeof room);
    if (bind(fd, reinterpret_cast<const sockaddr*>(&local), sizeof local) != 0) fail("cannot bind");
    return fd;
}

// The SDES key that every stream shares: their SSRCs differ, so their key streams do.
class Protector {
public:
    explicit Protector(const std::string& key_hex) {
        if (key_hex.size() != sizeof key_ * 2) fail("--key wants 60 hex digits");
        for (std::size_t i = 0; i < sizeof key_; ++i)
            key_[i] = static_cast<std::uint8_t>(std::stoul(key_hex.substr(2 * i, 2), nullptr, 16));
        srtp_init();
        srtp_policy_t policy{};
        srtp_crypto_policy_set_rtp_default(&policy.rtp);
        srtp_crypto_policy_set_rtcp_default(&policy.rtcp);
        policy.ssrc.type = ssrc_any_outbound;
        policy.key = key_;
        if (srtp_create(&context_, &policy) != srtp_err_status_ok) fail("libsrtp2 refuses the key");
    }
    void protect(Packet& packet) {
        int length = packet.length;
        if (srtp_protect(context_, packet.bytes, &length) != srtp_err_status_ok) fail("srtp_protect");
        packet.length = static_cast<std::uint16_t>(length);
    }

private:
    std::uint8_t key_[30];
    srtp_t context_ = nullptr;
};

void put(std::uint8_t* at, std::uint32_t value, int count) {
    for (int i = count - 1; i >= 0; --i, value >>= 8) at[i] = static_cast<std::uint8_t>(value);
}

std::vector<Packet> make_packets(std::size_t streams, std::size_t count, std::uint32_t first_sequence,
                                 std::optional<Protector>& protector) {
    std::vector<Packet> packets(count);
    for (std::size_t i = 0; i < count; ++i) {
        Packet& p = packets[i];
        const auto sequence = static_cast<std::uint32_t>(first_sequence + i / streams);
        p.bytes[0] = 0x80;
        p.bytes[1] = 8;
        put(p.bytes + 2, sequence, 2);
        put(p.bytes + 4, sequence * 160u, 4);
        put(p.bytes + 8, static_cast<std::uint32_t>(0x10000 + i % streams), 4);
        std::memset(p.bytes + header_bytes, payload_byte, payload_bytes);
        p.length = header_bytes + payload_bytes;
        if (protector) protector->protect(p);
    }
    return packets;
}

std::vector<sockaddr_in> read_destinations(const std::string& path) {
    std::ifstream file(path);
    std::vector<sockaddr_in> out;
    std::string host;
    for (unsigned port = 0; file >> host >> port;) out.push_back(address(host, port));
    if (out.empty()) fail(path + " names no destination (lines of ADDRESS PORT)");
    return out;
}

// Sleeps for most of the gap: the processor is shared with the kernel's side of the cable and with whoever counts.
void wait_until(Clock::time_point due) {
    constexpr auto nap = std::chrono::microseconds(60);
    if (const auto now = Clock::now(); due - now > nap) {
        const auto rest = std::chrono::duration_cast<std::chrono::nanoseconds>(due - now - nap / 2);
        const timespec request{rest.count() / 1'000'000'000, rest.count() % 1'000'000'000};
        clock_nanosleep(CLOCK_MONOTONIC, 0, &request, nullptr);
    }
    while (Clock::now() < due) {
    }
}

// Everything is made and the sockets are open; the clock starts when whoever measures has read his own.
void wait_for_go() {
    std::printf("{\"ready\":true}\n");
    std::fflush(stdout);
    for (int c = 0; c != '\n' && c != EOF;) c = std::getchar();
}

// Bursts go out on schedule; a burst that is late is not made up for faster than the socket takes it.
void send_all(int fd, std::vector<Packet>& packets, std::vector<sockaddr_in>& to, double rate) {
    mmsghdr messages[send_burst] = {};
    iovec parts[send_burst];
    const auto began = Clock::now();
    std::size_t sent = 0, refused = 0;
    while (sent < packets.size()) {
        const auto due = began + std::chrono::duration_cast<Clock::duration>(
                                     std::chrono::duration<double>(static_cast<double>(sent) / rate));
        wait_until(due);
        const auto count = static_cast<unsigned>(std::min<std::size_t>(send_burst, packets.size() - sent));
        for (unsigned i = 0; i < count; ++i) {
            Packet& p = packets[sent + i];
            parts[i] = {p.bytes, p.length};
            messages[i].msg_hdr.msg_iov = &parts[i];
            messages[i].msg_hdr.msg_iovlen = 1;
            messages[i].msg_hdr.msg_name = &to[(sent + i) % to.size()];
            messages[i].msg_hdr.msg_namelen = sizeof(sockaddr_in);
        }
        const int done = sendmmsg(fd, messages, count, 0);
        refused += count - static_cast<unsigned>(std::max(done, 0));
        sent += count;
    }
    const double seconds = std::chrono::duration<double>(Clock::now() - began).count();
    std::printf("{\"sent\":%zu,\"refused\":%zu,\"seconds\":%.4f}\n", sent - refused, refused, seconds);
}

// As it was made: a relay that passes encrypted media on as it is, or cuts it, has not done its work.
bool as_made(const Packet& packet, unsigned length) {
    return length == header_bytes + payload_bytes && packet.bytes[header_bytes] == payload_byte &&
           packet.bytes[length - 1] == payload_byte;
}

// Counts until nothing came for a second after the first packet, or for `patience` before it.
void count_all(int fd, double patience) {
    mmsghdr messages[burst] = {};
    iovec parts[burst];
    std::vector<Packet> room(burst);
    for (unsigned i = 0; i < burst; ++i) {
        parts[i] = {room[i].bytes, packet_room};
        messages[i].msg_hdr.msg_iov = &parts[i];
        messages[i].msg_hdr.msg_iovlen = 1;
    }
    std::printf("{\"ready\":true}\n");
    std::fflush(stdout);
    std::size_t received = 0, strange = 0;
    Clock::time_point first, last;
    while (true) {
        const double seconds = received + strange == 0 ? patience : 1.0;
        const timeval wait{static_cast<time_t>(seconds),
                           static_cast<suseconds_t>((seconds - static_cast<time_t>(seconds)) * 1e6)};
        setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof wait);
        const int got = recvmmsg(fd, messages, burst, MSG_WAITFORONE, nullptr);
        if (got <= 0) break;
        last = Clock::now();
        if (received + strange == 0) first = last;
        for (int i = 0; i < got; ++i) ++(as_made(room[i], messages[i].msg_len) ? received : strange);
    }
    std::printf("{\"received\":%zu,\"strange\":%zu,\"seconds\":%.4f}\n", received, strange,
                std::chrono::duration<double>(last - first).count());
}

}  // namespace

// rtp_load send LOCAL_ADDRESS PORT DESTINATIONS_FILE RATE SECONDS FIRST_SEQUENCE [KEY_HEX]: says that it is ready, then
//   waits for a line on standard input
// rtp_load count LOCAL_ADDRESS PORT PATIENCE_SECONDS
int main(int argc, char** argv) {
    const std::vector<std::string> words(argv + 1, argv + argc);
    if (words.size() >= 7 && words[0] == "send") {
        const int fd = open_socket(address(words[1], static_cast<unsigned>(std::stoul(words[2]))));
        auto to = read_destinations(words[3]);
        const double rate = std::stod(words[4]);
        std::optional<Protector> protector;
        if (words.size() > 7) protector.emplace(words[7]);
        const auto count = static_cast<std::size_t>(rate * std::stod(words[5]));
        auto packets = make_packets(to.size(), count, static_cast<std::uint32_t>(std::stoul(words[6])), protector);
        prctl(PR_SET_TIMERSLACK, 1000);  // nanoseconds
        wait_for_go();
        send_all(fd, packets, to, rate);
        close(fd);
    } else if (words.size() == 4 && words[0] == "count") {
        const int fd = open_socket(address(words[1], static_cast<unsigned>(std::stoul(words[2]))));
        count_all(fd, std::stod(words[3]));
        close(fd);
    } else {
        std::fprintf(stderr,
                     "usage: rtp_load send ADDRESS PORT DESTINATIONS RATE SECONDS FIRST_SEQUENCE [KEY_HEX]\n"
                     "       rtp_load count ADDRESS PORT PATIENCE\n");
        return 2;
    }
    return 0;
}
