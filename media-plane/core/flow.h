// What a packet of RTP touches of the session it belongs to: two cache lines for one direction of a stream, that of the
// leg it arrives on, in the place of its UDP port (leg_table.h). A line from memory costs more than all that is done
// with it, so whatever only some packets need is in the leg, and what can be derived is not kept.
#pragma once

#include "control/base/endpoint.h"
#include "media-plane/core/pace.h"
#include "media-plane/core/packet.h"
#include "media-plane/core/policer.h"
#include "media-plane/core/reception.h"
#include "media-plane/core/service.h"

namespace sallyport::media {

struct Leg;

inline constexpr std::uint32_t default_clock_rate = 8000;

struct LastPacket {  // RTP that has arrived
    std::uint16_t length = 0;
    std::uint8_t type = 0;  // of its payload
    std::uint8_t sent_as = look_up;
    static constexpr std::uint8_t look_up = 0xff;  // the leg's map says as what
};

enum class FlowState : std::uint8_t {
    closed,  // its packets go through the stages, which look at the legs
    // Plain RTP from `from` goes to `to` as it is, but for its payload type: nothing has to be decrypted, learnt, held
    // back or told to anybody.
    open,
    waits,  // open, but a packet of this burst has to go through the stages, and none overtakes it
};

struct alignas(64) Flow {
    // The first line: whence and whither. All but `leg`, `police` and `sent_ssrc` is boiled down by Leg::settle_flow().
    Leg* leg = nullptr;  // that receives here; null: nobody does
    Policer police;      // of the peer
    Endpoint from;       // where the leg has latched
    Endpoint to;
    std::uint16_t source_port = 0;  // ours, to send from
    MediaPortIndex out_port = 0;
    FlowState state = FlowState::closed;
    std::uint32_t sent_ssrc = 0;  // of the last RTP packet that the other leg has sent, if there was one

    // The second: what was counted. What the other leg has sent is `packets` and `bytes`, less Leg::kept_back.
    std::uint64_t packets = 0, bytes = 0;  // RTP with its header, after unprotect
    TimePoint last{};                      // RTP or RTCP; meaningful once something was received
    Arrivals arrivals;
    // One word of these three. 20 bits are more than the highest clock rate there may be (leg_change.cpp).
    std::uint32_t clock_rate : 20 = default_clock_rate;
    std::uint32_t service_bits : 4 = 0;  // of what is received here, where it is sent
    std::uint32_t pace_code : 8 = 0;
    LastPacket last_packet;

    Service service() const { return static_cast<Service>(service_bits); }
    void set_service(Service service) { service_bits = static_cast<std::uint8_t>(service) & 0xfu; }
    std::uint8_t pace() const { return pace_code & 0xffu; }
    void set_pace(Pace pace) { pace_code = pace.code(); }
    void set_clock_rate(std::uint32_t hertz) { clock_rate = hertz & 0xfffffu; }
};
static_assert(sizeof(Flow) == 128);

}  // namespace sallyport::media
