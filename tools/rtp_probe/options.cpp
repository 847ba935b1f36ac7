#include "tools/rtp_probe/options.h"

#include <arpa/inet.h>
#include <getopt.h>

#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace rtp_probe {

namespace {

constexpr const char* usage =
    R"(usage: rtp_probe --local ADDR:PORT [--remote ADDR:PORT] [options]
An RTP or SRTP endpoint that sends a known signal and verifies, bit by bit, the one that another rtp_probe sends.
  --local ADDR:PORT       RTP here, RTCP on the next port ([v6]:PORT for IPv6)
  --remote ADDR:PORT      where to send; without it: to the source of the first valid packet
  --remote-rtcp ADDR:PORT where RTCP goes (default: the port after --remote's)
  --srtp-send-key B64     SDES inline key of what we send; with --srtp-recv-key
  --srtp-recv-key B64     SDES inline key of what we receive
  --suite NAME            SDES suite (default AES_CM_128_HMAC_SHA1_80)
  --duration SECONDS      length of the verified signal (default 2)
  --wait SECONDS          how long the other side may take to be heard (default 10)
  --payload-type N        default 8 (PCMA)
  --sequence N            first sequence number (default: random, below 32768)
  --tone HZ               send a plain tone and verify nothing: for talking to a telephone
  --record FILE           write what was received as a WAV file
  --no-rtcp               send no sender reports
  --json                  one JSON object per line: {"event":"ready"}, then {"event":"result"}
Exit status: 0 the whole signal arrived intact, 1 it did not, 2 wrong usage.
)";

[[noreturn]] void refuse(const std::string& what) {
    std::fprintf(stderr, "rtp_probe: %s\n%s", what.c_str(), usage);
    std::exit(2);
}

SocketAddress address_option(const char* name, const char* text) {
    if (auto address = SocketAddress::parse(text)) return *address;
    refuse(std::string(name) + ": '" + text + "' is not ADDR:PORT");
}

double number_option(const char* name, const char* text, double low, double high) {
    double value = 0;
    const auto [end, error] = std::from_chars(text, text + std::strlen(text), value);
    if (error != std::errc{} || *end != '\0' || value < low || value > high)
        refuse(std::string(name) + ": '" + text + "' is not a number from " + std::to_string(low) + " to " +
               std::to_string(high));
    return value;
}

std::chrono::milliseconds seconds_option(const char* name, const char* text) {
    return std::chrono::milliseconds(static_cast<long>(number_option(name, text, 0.02, 86'400) * 1'000));
}

enum Key {
    local,
    remote,
    remote_rtcp,
    send_key,
    receive_key,
    suite,
    duration,
    wait,
    type,
    sequence,
    tone,
    record,
    no_rtcp,
    json,
    help
};

void take(Options& options, int key, const char* value) {
    switch (static_cast<Key>(key)) {
        case local: options.local = address_option("--local", value); break;
        case remote: options.remote = address_option("--remote", value); break;
        case remote_rtcp: options.remote_rtcp = address_option("--remote-rtcp", value); break;
        case send_key: options.send_key = value; break;
        case receive_key: options.receive_key = value; break;
        case suite: options.suite = value; break;
        case duration: options.duration = seconds_option("--duration", value); break;
        case wait: options.wait = seconds_option("--wait", value); break;
        case type:
            options.payload_type = static_cast<std::uint8_t>(number_option("--payload-type", value, 0, 127));
            break;
        case sequence:
            options.sequence = static_cast<std::uint16_t>(number_option("--sequence", value, 0, 65'535));
            break;
        case tone: options.tone_hz = number_option("--tone", value, 50, 3'800); break;
        case record: options.record = value; break;
        case no_rtcp: options.rtcp = false; break;
        case json: options.json = true; break;
        case help: std::printf("%s", usage); std::exit(0);
    }
}

}  // namespace

std::optional<SocketAddress> SocketAddress::parse(const std::string& text) {
    const auto colon = text.rfind(':');
    if (colon == std::string::npos || colon == 0) return std::nullopt;
    unsigned port = 0;
    const char* end = text.data() + text.size();
    const auto [stop, error] = std::from_chars(text.data() + colon + 1, end, port);
    if (error != std::errc{} || stop != end || port > 65'535) return std::nullopt;
    SocketAddress address;
    if (text.front() == '[' && text[colon - 1] == ']') {
        auto* v6 = reinterpret_cast<sockaddr_in6*>(&address.storage);
        v6->sin6_family = AF_INET6;
        if (inet_pton(AF_INET6, text.substr(1, colon - 2).c_str(), &v6->sin6_addr) != 1) return std::nullopt;
        address.size = sizeof *v6;
    } else {
        auto* v4 = reinterpret_cast<sockaddr_in*>(&address.storage);
        v4->sin_family = AF_INET;
        if (inet_pton(AF_INET, text.substr(0, colon).c_str(), &v4->sin_addr) != 1) return std::nullopt;
        address.size = sizeof *v4;
    }
    return address.with_port(static_cast<std::uint16_t>(port));
}

std::uint16_t SocketAddress::port() const {
    if (storage.ss_family == AF_INET6) return ntohs(reinterpret_cast<const sockaddr_in6*>(&storage)->sin6_port);
    return ntohs(reinterpret_cast<const sockaddr_in*>(&storage)->sin_port);
}

SocketAddress SocketAddress::with_port(std::uint16_t port) const {
    SocketAddress other = *this;
    if (storage.ss_family == AF_INET6) {
        reinterpret_cast<sockaddr_in6*>(&other.storage)->sin6_port = htons(port);
    } else {
        reinterpret_cast<sockaddr_in*>(&other.storage)->sin_port = htons(port);
    }
    return other;
}

std::string SocketAddress::to_string() const {
    char text[INET6_ADDRSTRLEN] = "?";
    if (storage.ss_family == AF_INET6) {
        inet_ntop(AF_INET6, &reinterpret_cast<const sockaddr_in6*>(&storage)->sin6_addr, text, sizeof text);
        return "[" + std::string(text) + "]:" + std::to_string(port());
    }
    inet_ntop(AF_INET, &reinterpret_cast<const sockaddr_in*>(&storage)->sin_addr, text, sizeof text);
    return std::string(text) + ":" + std::to_string(port());
}

Options parse_options(int argc, char** argv) {
    static constexpr option known[] = {{"local", required_argument, nullptr, local},
                                       {"remote", required_argument, nullptr, remote},
                                       {"remote-rtcp", required_argument, nullptr, remote_rtcp},
                                       {"srtp-send-key", required_argument, nullptr, send_key},
                                       {"srtp-recv-key", required_argument, nullptr, receive_key},
                                       {"suite", required_argument, nullptr, suite},
                                       {"duration", required_argument, nullptr, duration},
                                       {"wait", required_argument, nullptr, wait},
                                       {"payload-type", required_argument, nullptr, type},
                                       {"sequence", required_argument, nullptr, sequence},
                                       {"tone", required_argument, nullptr, tone},
                                       {"record", required_argument, nullptr, record},
                                       {"no-rtcp", no_argument, nullptr, no_rtcp},
                                       {"json", no_argument, nullptr, json},
                                       {"help", no_argument, nullptr, help},
                                       {nullptr, 0, nullptr, 0}};
    Options options;
    for (int key = 0; (key = getopt_long(argc, argv, "", known, nullptr)) != -1;) {
        if (key == '?') refuse("unknown or incomplete option");
        take(options, key, optarg);
    }
    if (optind != argc) refuse(std::string("unexpected '") + argv[optind] + "'");
    if (options.local.size == 0) refuse("--local is needed");
    if (options.send_key.empty() != options.receive_key.empty())
        refuse("--srtp-send-key and --srtp-recv-key come together");
    return options;
}

}  // namespace rtp_probe
