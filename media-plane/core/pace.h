// How fast a stream may come: as many packets and bytes a second as its codec needs, signaling says, and what one
// packet takes of that. Both are rounded up to one of fifteen steps, each the 1.41 of the one before, so that a flow
// keeps them in one octet (flow.h).
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>

#include "control/base/time.h"

namespace sallyport::media {

class Pace {
public:
    static constexpr std::size_t steps = 16;  // of either; the first is "not said"
    static constexpr std::size_t codes = steps * steps;

    Pace() = default;  // nothing said: the node's limit alone
    // 0: not said, as is what is beyond the last step (6,400 packets, 512,000 bytes of RTP with its header).
    static constexpr Pace of(std::uint32_t packets_per_second, std::uint32_t bytes_per_second) {
        return from_code(static_cast<std::uint8_t>(step_of(packets_per_second, least_packets) * steps +
                                                   step_of(bytes_per_second, least_bytes)));
    }
    static constexpr Pace from_code(std::uint8_t code) {
        Pace pace;
        pace.code_ = code;
        return pace;
    }
    constexpr std::uint8_t code() const { return code_; }
    // 0: not said.
    constexpr std::uint32_t packets_per_second() const { return rate_of(code_ / steps, least_packets); }
    constexpr std::uint32_t bytes_per_second() const { return rate_of(code_ % steps, least_bytes); }

    friend bool operator==(Pace, Pace) = default;

private:
    static constexpr std::uint32_t least_packets = 50, least_bytes = 4'000;

    static constexpr std::uint32_t rate_of(std::size_t step, std::uint32_t least) {
        if (step == 0) return 0;
        const std::uint32_t whole = least << ((step - 1) / 2);
        return step % 2 == 0 ? whole + whole * 414 / 1'000 : whole;
    }
    static constexpr std::size_t step_of(std::uint32_t rate, std::uint32_t least) {
        if (rate == 0) return 0;
        for (std::size_t step = 1; step < steps; ++step)
            if (rate <= rate_of(step, least)) return step;
        return 0;
    }

    std::uint8_t code_ = 0;
};

// What a packet costs the bucket of its stream (policer.h): the time until the next one is due at the permitted rate,
// by its number or by its bytes, whichever is longer.
struct Toll {
    std::uint32_t of_packet = 0, of_byte = 0;  // nanoseconds
    Duration of(std::uint16_t bytes) const {
        return Duration{std::max<std::uint64_t>(of_packet, std::uint64_t{of_byte} * bytes)};
    }
};

// By the code of a pace.
using Tolls = std::array<Toll, Pace::codes>;

// `limit`: packets a second that no stream may exceed, whatever signaling says; 0 permits everything.
inline Tolls tolls_under(std::uint32_t limit) {
    constexpr std::uint32_t second = 1'000'000'000;
    Tolls tolls{};
    if (limit == 0) return tolls;
    for (std::size_t code = 0; code < tolls.size(); ++code) {
        const Pace pace = Pace::from_code(static_cast<std::uint8_t>(code));
        const std::uint32_t packets =
            pace.packets_per_second() == 0 ? limit : std::min(limit, pace.packets_per_second());
        tolls[code].of_packet = second / packets;
        if (pace.bytes_per_second() != 0) tolls[code].of_byte = second / pace.bytes_per_second();
    }
    return tolls;
}

}  // namespace sallyport::media
