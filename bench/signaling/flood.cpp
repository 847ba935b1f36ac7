// INVITEs of somebody nobody knows over UDP, a fixed number under way, each acknowledged when it is finally answered:
// more than a node can take, from less than one processor. For each line on standard input it says, as JSON, how many
// it has sent, how many were refused with 503 and how many were answered otherwise. Ends with standard input.
//
// Usage: sip_flood FROM-ADDRESS FROM-PORT TO-ADDRESS TO-PORT UNDER-WAY
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "bench/signaling/generator.h"

namespace {

using generator::address, generator::between, generator::fail;

constexpr std::size_t at_once = 64;
constexpr int patience_ms = 200;  // what was lost is replaced then, or the flood would dry up

class Flood {
public:
    Flood(int fd, std::string from) : fd_(fd), from_(std::move(from)) {}

    void begin(std::size_t count) {
        for (std::size_t i = 0; i < count; ++i) invite();
        send();
    }
    // Everything that waits.
    void take_answers() {
        std::array<std::array<char, 2048>, at_once> room;
        std::array<iovec, at_once> slices;
        std::array<mmsghdr, at_once> headers{};
        for (std::size_t i = 0; i < at_once; ++i) {
            slices[i] = {room[i].data(), room[i].size()};
            headers[i].msg_hdr.msg_iov = &slices[i];
            headers[i].msg_hdr.msg_iovlen = 1;
        }
        const int count = recvmmsg(fd_, headers.data(), at_once, MSG_DONTWAIT, nullptr);
        for (int i = 0; i < count; ++i)
            answer({room[static_cast<std::size_t>(i)].data(), headers[static_cast<std::size_t>(i)].msg_len});
        send();
    }
    void report() const {
        std::printf("{\"sent\": %lu, \"refused\": %lu, \"others\": %lu}\n", sent_, refused_, others_);
        std::fflush(stdout);
    }

private:
    void answer(std::string_view text) {
        const auto status = between(text, "SIP/2.0 ", " ");
        if (status.size() != 3 || status[0] == '1') return;
        ++(status == "503" ? refused_ : others_);
        const auto to = between(text, "\r\nTo: ", "\r");
        const auto tag = between(to, ";tag=", ";");
        const auto call_id = between(text, "\r\nCall-ID: ", "\r");
        if (!tag.empty() && !call_id.empty()) message("ACK", std::string(call_id), std::string(";tag=").append(tag));
        invite();
    }
    void invite() { message("INVITE", std::to_string(++sent_), {}); }

    void message(const char* method, const std::string& number, const std::string& tag) {
        std::string& out = batch_.emplace_back();
        out.append(method)
            .append(" sip:+4989777001@sip.sallyport.example;user=phone SIP/2.0\r\nVia: SIP/2.0/UDP ")
            .append(from_);
        out.append(";branch=z9hG4bKflood").append(number).append(";rport\r\nMax-Forwards: 70\r\n");
        out.append("From: <sip:+4930100@sip.sallyport.example>;tag=f\r\nTo: <sip:+4989777001@sip.sallyport.example>");
        out.append(tag).append("\r\nCall-ID: ").append(number).append("\r\nCSeq: 1 ").append(method);
        out.append("\r\nContact: <sip:").append(from_).append(">\r\nContent-Length: 0\r\n\r\n");
    }
    void send() {
        for (std::size_t at = 0; at < batch_.size(); at += at_once) {
            std::array<iovec, at_once> slices;
            std::array<mmsghdr, at_once> headers{};
            const std::size_t count = std::min(at_once, batch_.size() - at);
            for (std::size_t i = 0; i < count; ++i) {
                slices[i] = {batch_[at + i].data(), batch_[at + i].size()};
                headers[i].msg_hdr.msg_iov = &slices[i];
                headers[i].msg_hdr.msg_iovlen = 1;
            }
            sendmmsg(fd_, headers.data(), static_cast<unsigned>(count), 0);  // what is lost is replaced
        }
        batch_.clear();
    }

    int fd_;
    std::string from_;
    std::vector<std::string> batch_;
    unsigned long sent_ = 0, refused_ = 0, others_ = 0;
};

}  // namespace

int main(int argc, char** argv) {
    if (argc != 6) fail("usage: sip_flood FROM-ADDRESS FROM-PORT TO-ADDRESS TO-PORT UNDER-WAY");
    const sockaddr_in local = address(argv[1], std::strtoul(argv[2], nullptr, 10)),
                      remote = address(argv[3], std::strtoul(argv[4], nullptr, 10));
    const int fd = socket(AF_INET, SOCK_DGRAM, 0);
    const int room = 8 << 20;
    setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof room);
    if (bind(fd, reinterpret_cast<const sockaddr*>(&local), sizeof local) != 0) fail("cannot bind");
    if (connect(fd, reinterpret_cast<const sockaddr*>(&remote), sizeof remote) != 0) fail("cannot connect");
    const std::size_t under_way = std::strtoul(argv[5], nullptr, 10);
    Flood flood(fd, std::string(argv[1]) + ':' + argv[2]);
    flood.begin(under_way);
    for (;;) {
        pollfd watched[2] = {{fd, POLLIN, 0}, {STDIN_FILENO, POLLIN, 0}};
        if (poll(watched, 2, patience_ms) == 0) flood.begin(under_way);
        if ((watched[0].revents & (POLLIN | POLLERR)) != 0) flood.take_answers();
        if ((watched[1].revents & (POLLIN | POLLHUP)) == 0) continue;
        std::array<char, 64> asked;
        const auto count = read(STDIN_FILENO, asked.data(), asked.size());
        if (count <= 0) return 0;
        for (ssize_t i = 0; i < count; ++i)
            if (asked[static_cast<std::size_t>(i)] == '\n') flood.report();
    }
}
