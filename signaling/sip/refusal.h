// What to answer to a request that does not parse. Private to the room.
#pragma once

#include "signaling/sip/parser.h"

namespace sallyport::sip {

struct Fault {
    ParseErrc code;
    std::string detail;  // our own words only: it goes back over the wire
};
ParseError refuse(std::string_view bytes, Fault fault, const Endpoint* source);

// The first Via field for a response: `received` and `rport` set on its top value (RFC 3261 18.2.1, RFC 3581 4), the
// other values behind it. Nothing if the top value does not parse.
std::optional<std::string> answered_via(std::string_view field_value, const Endpoint* source);
// The same where the top value, which stands in it, has been taken apart already.
std::string answered_via(const ViaView& top, std::string_view field_value, const Endpoint* source);

// A To value with our tag; one that is there but empty is filled in.
std::string tagged(std::string_view to_value, const NameAddrView& to, std::string_view tag);

}  // namespace sallyport::sip
