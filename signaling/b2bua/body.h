// The body of an INVITE as the other leg gets it: this node's session description in place of its sender's, and every
// other part as it came (RFC 5621, SIPconnect 13.1).
#pragma once

#include <string>

#include "signaling/b2bua/headers.h"
#include "signaling/sip/compose.h"
#include "signaling/sip/content.h"
#include "signaling/sip/message.h"

namespace sallyport::b2bua {

inline bool has_sdp(const sip::Message& message) { return !sip::session_description(message).empty(); }

struct Body {
    std::string type, disposition, text;
    std::string mime_version = {};                     // as its sender states it, who wrote the parts
    std::string finish(sip::Composer& message) const;  // ends it with this body
};
// `description`: empty if none is offered. The parts of a sender who must not be known may name him: they stay here.
Body body_across(const sip::Message& from, std::string description, Sender sender);

}  // namespace sallyport::b2bua
