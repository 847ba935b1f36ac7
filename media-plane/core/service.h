// What kind of service a packet gets on its way: each kind has a mark of its own on the wire, by media port.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace sallyport::media {

enum class Service : std::uint8_t {
    voice,  // and all that is nothing else: fax, text
    video,
    rtcp,
    emergency,  // whatever is sent for a session of somebody who calls for help, RTCP included
};
inline constexpr std::size_t service_count = 4;
inline constexpr std::array<std::string_view, service_count> service_names{"voice", "video", "rtcp", "emergency"};

// DSCP (RFC 2474) by service.
using Marks = std::array<std::uint8_t, service_count>;
constexpr Marks all_marked(std::uint8_t dscp) { return {dscp, dscp, dscp, dscp}; }

// RTCP of a stream whose RTP has that service.
inline Service rtcp_beside(Service rtp) { return rtp == Service::emergency ? rtp : Service::rtcp; }

}  // namespace sallyport::media
