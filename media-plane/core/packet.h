// One UDP payload on its way through the pipeline, in a buffer that the driver owns. No DPDK type in here.
#pragma once

#include <cstdint>

#include "control/base/endpoint.h"
#include "media-plane/core/drop.h"
#include "media-plane/core/service.h"

namespace sallyport::media {

struct Flow;
struct Leg;

using MediaPortIndex = std::uint8_t;  // which media port (DPDK port with addresses), by order of configuration

struct Packet {
    // Set by the driver before Pipeline::process().
    std::uint8_t* data = nullptr;  // first byte of the UDP payload; SRTP may grow it in place up to `capacity`
    std::uint16_t length = 0;      // bytes of payload
    std::uint16_t capacity = 0;    // bytes from `data` to the end of the buffer; at least length + 32 on arrival
    MediaPortIndex port = 0;       // received on
    Endpoint from;                 // source address and UDP port
    std::uint16_t local_port = 0;  // destination UDP port
    // RFC 1071 sum of the payload, if the driver knows it; 0: unknown, as after any change of it.
    std::uint16_t payload_sum = 0;
    void* buffer = nullptr;  // the driver's own (an mbuf); the core never touches it

    // Set by the stages.
    Flow* flow = nullptr;  // of the UDP port, whether or not a leg listens there
    Leg* leg = nullptr;    // received on
    Leg* out = nullptr;    // to be sent from; not set of a packet that was relayed at once
    bool rtcp = false;
    bool relayed = false;  // at once: the stages have nothing to do with it
    bool leaves = false;   // RTCP with the BYE of the source that its peer hears
    Drop drop = Drop::none;
    std::uint16_t counted = 0;  // bytes that were counted as received RTP

    // Valid when drop == none after process(): where the driver sends it.
    MediaPortIndex out_port = 0;
    Service service = Service::voice;
    Endpoint to;
    Endpoint source;  // our address and UDP port on out_port

    bool done() const { return relayed || drop != Drop::none; }  // the stages leave it alone
    bool is_of_session() const { return relayed || out != nullptr; }
};

}  // namespace sallyport::media
