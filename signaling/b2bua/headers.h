// Which header fields of one leg's message cross to the other. A field crosses unless it belongs to a hop, a dialog, a
// body, an authentication, an identity or a place: those are this node's own on each leg.
#pragma once

#include "signaling/sip/compose.h"
#include "signaling/sip/message.h"

namespace sallyport::b2bua {

// Whether the sender must stay unknown to whoever is told (RFC 3323 4.1): then nothing crosses that a user says of
// himself or that this node does not know.
enum class Sender : std::uint8_t { known, hidden };
bool crosses(const sip::Field& field, Sender sender = Sender::known);
// Copies every field that crosses, in order.
void copy_crossing(const sip::Message& from, sip::Composer& to, Sender sender = Sender::known);

}  // namespace sallyport::b2bua
