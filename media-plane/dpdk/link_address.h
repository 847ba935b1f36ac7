// Ethernet (EUI-48) addresses as plain values. IEEE 802; multicast mappings of RFC 1112 and RFC 2464.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "control/base/endpoint.h"

namespace sallyport::media::dpdk {

struct LinkAddress {
    std::array<std::uint8_t, 6> bytes{};

    static constexpr LinkAddress broadcast() { return {{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}}; }
    // RFC 2464 section 7: 33:33 and the last four bytes of the group.
    static LinkAddress of_multicast(const IpAddress& v6_group);
    static LinkAddress from(const std::uint8_t* six);
    static std::optional<LinkAddress> parse(std::string_view text);  // "02:00:5e:10:00:01"

    bool is_group() const { return (bytes[0] & 1) != 0; }  // multicast or broadcast
    bool is_zero() const { return bytes == std::array<std::uint8_t, 6>{}; }
    std::string to_string() const;

    friend bool operator==(const LinkAddress&, const LinkAddress&) = default;
};

}  // namespace sallyport::media::dpdk
