// Two legs' descriptions in a test's hand: their lines, our ports, and the state between them.
#pragma once

#include <catch2/catch.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "signaling/b2bua/sdp_bridge.h"
#include "signaling/b2bua/srtp_keys.h"

namespace sallyport::b2bua {

inline const std::string key_a = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", key_b(40, 'B');

inline std::string sdp_text(std::string_view media, std::string_view address = "198.51.100.10") {
    return "v=0\r\no=- 1 1 IN IP4 " + std::string(address) + "\r\ns=-\r\nc=IN IP4 " + std::string(address) +
           "\r\nt=0 0\r\n" + std::string(media);
}
inline std::string crypto(std::string_view key, std::string_view rest = "", int tag = 1,
                          std::string_view suite = "AES_CM_128_HMAC_SHA1_80") {
    return "a=crypto:" + std::to_string(tag) + " " + std::string(suite) + " inline:" + std::string(key) +
           std::string(rest) + "\r\n";
}
inline std::vector<MediaLocal> ports(std::uint32_t streams = 1) {
    std::vector<MediaLocal> out;
    for (std::uint32_t s = 0; s < streams; ++s) {
        const auto at = [&](std::uint8_t host, std::uint16_t port) {
            return Endpoint{IpAddress::v4(10, 0, 0, host), port};
        };
        const auto base = static_cast<std::uint16_t>(40000 + 4 * s);
        out.push_back({s, Side::a, at(1, base), at(1, static_cast<std::uint16_t>(base + 1))});
        out.push_back({s, Side::b, at(2, base), at(2, static_cast<std::uint16_t>(base + 1))});
    }
    return out;
}
inline SdpBridge bridge(bool srtp_a, bool srtp_b) {
    SdpBridge b;
    b.set_profile(Side::a, {.srtp = srtp_a, .family = Family::v4});
    b.set_profile(Side::b, {.srtp = srtp_b, .family = Family::v4});
    b.begin(Side::a, 1);
    b.begin(Side::b, 2);
    return b;
}
inline sdp::StreamView view(std::string_view text, std::size_t index = 0) {
    auto parsed = sdp::parse(text);
    REQUIRE(parsed.has_value());
    return sdp::view_stream(*parsed, index);
}
inline BridgeErrc refusal(SdpBridge b, std::string_view sdp) {
    const auto heard = b.hear_offer(Side::a, sdp);
    REQUIRE(heard.has_error());
    return heard.error();
}

}  // namespace sallyport::b2bua
