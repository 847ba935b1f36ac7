// Which header fields of one leg's message cross to the other. A field crosses unless it belongs to a hop, a dialog, a
// body, an authentication, an identity or a place: those are this node's own on each leg.
#pragma once

#include "signaling/sip/compose.h"
#include "signaling/sip/message.h"

namespace sallyport::b2bua {

bool crosses(const sip::Field& field);
// Copies every field that crosses, in order.
void copy_crossing(const sip::Message& from, sip::Composer& to);

}  // namespace sallyport::b2bua
