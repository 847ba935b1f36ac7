// What rtp_probe is asked to do: its command line as values. Opens nothing.
#pragma once

#include <netinet/in.h>
#include <sys/socket.h>

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

namespace rtp_probe {

struct SocketAddress {
    sockaddr_storage storage{};
    socklen_t size = 0;

    static std::optional<SocketAddress> parse(const std::string& text);  // "192.0.2.1:4000", "[2001:db8::1]:4000"
    std::string to_string() const;
    std::uint16_t port() const;
    SocketAddress with_port(std::uint16_t port) const;
    const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&storage); }
    friend bool operator==(const SocketAddress& a, const SocketAddress& b) { return a.to_string() == b.to_string(); }
};

struct Options {
    SocketAddress local;
    std::optional<SocketAddress> remote;       // absent: the source of the first valid packet
    std::optional<SocketAddress> remote_rtcp;  // absent: remote's port + 1
    std::string suite = "AES_CM_128_HMAC_SHA1_80";
    std::string send_key, receive_key;  // base64 as in SDES; both empty: plain RTP
    std::chrono::milliseconds duration{2'000};
    std::chrono::milliseconds wait{10'000};  // for the other side to be heard
    std::uint8_t payload_type = 8;           // PCMA
    std::optional<std::uint16_t> sequence;   // of the first packet; absent: random
    double tone_hz = 0;                      // not 0: a plain tone for a telephone, instead of the verified signal
    std::string record;                      // WAV file for what was received
    bool rtcp = true;
    bool json = false;

    bool srtp() const { return !send_key.empty(); }
};

// Prints usage or what is wrong to standard error and ends the process with 2; --help ends it with 0.
Options parse_options(int argc, char** argv);

}  // namespace rtp_probe
