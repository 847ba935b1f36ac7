// An offer and its answer on their way from one leg to the other (RFC 3264, RFC 6337): there is one at a time. Plain
// values; what moves them on is in setup, answer, reinvite and early_offer.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "signaling/b2bua/context.h"
#include "signaling/b2bua/sdp_bridge.h"

namespace sallyport::b2bua {

// One INVITE carried across, the first or a later one.
struct Exchange {
    enum class Step : std::uint8_t { ports, sent, programming, settling, awaiting_answer, pausing };
    Side from = Side::a;
    Step step = Step::ports;
    bool initial = false;
    bool late = false;                     // no offer in the INVITE: it comes in the 2xx, the answer in the ACK
    bool update = false;                   // `from` asked by UPDATE, and waits for no user's decision
    TimePoint deadline{};                  // then: of the answer
    bool by_invite = false;                // the other leg cannot do it by UPDATE
    bool renewal = false;                  // of the other leg's session by us: it is told what it was told
    SdpBridge before;                      // to go back to
    std::string body;                      // of the 2xx for `from`
    std::optional<sip::Message> response;  // the 2xx of the other leg
    std::uint32_t tries = 0;
    std::uint32_t kbps_before = 0;  // that the call held: given back to if it comes to nothing
};
// An offer between the callee's answer and its 2xx.
struct EarlyExchange {
    Side from = Side::a;
    std::string remote_tag;        // of its fork
    transaction::ServerId server;  // the PRACK or UPDATE that brought it
    Flow flow;                     // and where it came from
    SdpBridge bridge;              // with it, until it is answered
    transaction::ClientId client;
    std::uint32_t kbps_before = 0;  // that the call held
};

}  // namespace sallyport::b2bua
