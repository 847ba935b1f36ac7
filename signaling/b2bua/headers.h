// Which header fields of one leg's message cross to the other. A field crosses unless it belongs to a hop, a dialog, a
// body, an authentication, an identity or a place: those are this node's own on each leg.
#pragma once

#include <vector>

#include "signaling/policy/header_rules.h"
#include "signaling/sip/compose.h"
#include "signaling/sip/message.h"

namespace sallyport::b2bua {

// Whether the sender must stay unknown to whoever is told (RFC 3323 4.1): then nothing crosses that a user says of
// himself or that this node does not know.
enum class Sender : std::uint8_t { known, hidden };
bool crosses(const sip::Field& field, Sender sender = Sender::known);
// Whether P-Early-Media crosses (RFC 5009): not where the media that it announces is not let through.
enum class EarlyMediaTold : std::uint8_t { yes, no };
// Copies every field that crosses, in order.
void copy_crossing(const sip::Message& from, sip::Composer& to, Sender sender = Sender::known,
                   EarlyMediaTold told = EarlyMediaTold::yes);
// The same fields, for rules to work on.
std::vector<policy::HeaderField> crossing_fields(const sip::Message& from, Sender sender);
// What may be left when rules that know who is calling have been through the fields of one who must stay unknown.
void keep_impersonal(std::vector<policy::HeaderField>& fields);

}  // namespace sallyport::b2bua
