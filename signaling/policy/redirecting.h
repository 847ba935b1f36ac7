// Who sent a call on to where it goes now, as its INVITE says: History-Info (RFC 7044), else Diversion (RFC 5806). For
// the record, and for whom a PBX may speak; decides nothing.
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

#include "signaling/sip/message.h"
#include "signaling/sip/uri.h"

namespace sallyport::policy {

// The last one that did. What does not parse is nothing.
std::optional<sip::Uri> redirecting_party(const sip::Message& invite);
// How often the call was sent on from that number (E.164) before.
std::size_t times_sent_on(const sip::Message& invite, std::string_view number);

}  // namespace sallyport::policy
