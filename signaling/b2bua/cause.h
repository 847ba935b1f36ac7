// From SIP status to Q.850 cause and what one leg's refusal means on the other (RFC 3398 8.2.6, RFC 3326). Numbers
// only.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "signaling/sip/message.h"

namespace sallyport::b2bua {

inline constexpr std::uint16_t normal_clearing = 16;  // Q.850

std::uint16_t q850_of_status(std::uint16_t status);

// A final response of leg B, as leg A is told it. Challenges, extensions and dialog states of one leg mean nothing on
// the other; redirections are not passed on (SIPconnect 11.2); 403 would tell a PBX to register again (16.4.2).
std::uint16_t relayed_status(std::uint16_t status, bool towards_pbx);

std::string q850_reason(std::uint16_t cause);  // a Reason value: Q.850;cause=16
// The Reason values of a message that may cross to the other leg: SIP and Q.850 causes, without free text.
std::string relayed_reason(const sip::Message& message);
// The Q.850 cause a message names, 0 if none.
std::uint16_t q850_of(const sip::Message& message);

}  // namespace sallyport::b2bua
