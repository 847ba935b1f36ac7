// Which leg listens on a UDP port of one media port: an array over this lcore's block of ports, one flow a pair. Memory
// that no leg has used yet is not touched, so that it costs nothing.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <memory>

#include "control/base/check.h"
#include "media-plane/core/flow.h"

namespace sallyport::media {

class LegTable {
public:
    LegTable(std::uint16_t first_udp_port, std::uint16_t last_udp_port)
        : first_(first_udp_port),
          pairs_((std::size_t{last_udp_port} + 1 - first_udp_port) / 2),
          memory_(std::calloc(pairs_ + 1, sizeof(Flow))) {
        SALLYPORT_CHECK(memory_ != nullptr);
        void* at = memory_.get();
        std::size_t room = (pairs_ + 1) * sizeof(Flow);
        flows_ = static_cast<Flow*>(std::align(alignof(Flow), pairs_ * sizeof(Flow), at, room));
    }

    // By the port of RTP or of RTCP; nothing for a port outside the block. Its leg is null where nobody listens.
    Flow* flow(std::uint16_t udp_port) const {
        const std::uint32_t pair = (std::uint32_t{udp_port} - first_) >> 1;  // below first_: far too large
        return pair < pairs_ ? flows_ + pair : nullptr;
    }
    Leg* find(std::uint16_t udp_port) const {
        const Flow* found = flow(udp_port);
        return found ? found->leg : nullptr;
    }
    // A flow of its own, with nothing counted.
    Flow& open(std::uint16_t rtp_port, Leg& leg) {
        Flow* flow_of_leg = flow(rtp_port);
        SALLYPORT_CHECK(flow_of_leg != nullptr);
        *flow_of_leg = Flow{};
        flow_of_leg->leg = &leg;
        return *flow_of_leg;
    }
    void close(std::uint16_t rtp_port) {
        Flow* closed = flow(rtp_port);
        SALLYPORT_CHECK(closed != nullptr);
        *closed = Flow{};
    }

private:
    struct Free {
        void operator()(void* memory) const { std::free(memory); }
    };
    std::uint32_t first_;
    std::size_t pairs_;
    std::unique_ptr<void, Free> memory_;
    Flow* flows_ = nullptr;
};

}  // namespace sallyport::media
