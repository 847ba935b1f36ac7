// Where no media is sent, whoever names it: a c= line may name what only this node can reach. Beside what no unicast
// address is (leg_change.cpp): addresses of our other media ports, and networks that the operator forbids.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "control/base/endpoint.h"
#include "media-plane/core/packet.h"

namespace sallyport::media {

struct Network {
    IpAddress address;
    std::uint8_t prefix_length = 0;  // 0 to 32 or 128

    bool holds(const IpAddress& other) const {
        if (other.family != address.family) return false;
        const std::size_t whole = prefix_length / 8;
        if (!std::equal(address.bytes.begin(), address.bytes.begin() + static_cast<std::ptrdiff_t>(whole),
                        other.bytes.begin()))
            return false;
        const auto mask = static_cast<std::uint8_t>(0xff00u >> (prefix_length % 8));
        return mask == 0 || ((other.bytes[whole] ^ address.bytes[whole]) & mask) == 0;
    }
    std::string to_string() const { return address.to_string() + "/" + std::to_string(prefix_length); }
};

struct Barred {
    std::vector<Network> networks;
    std::vector<std::array<IpAddress, 3>> own;  // by media port and family

    // For a leg on that media port; its own address it may be: two calls of this node may be joined outside.
    std::optional<std::string> why_not(const IpAddress& to, MediaPortIndex port) const {
        const auto family = static_cast<std::size_t>(to.family);
        if (port < own.size() && own[port][family] == to) return std::nullopt;
        for (const auto& addresses : own)
            if (addresses[family] == to) return to.to_string() + " is an address of another media port";
        for (const Network& network : networks)
            if (network.holds(to)) return to.to_string() + " is in a forbidden network, " + network.to_string();
        return std::nullopt;
    }
};

}  // namespace sallyport::media
