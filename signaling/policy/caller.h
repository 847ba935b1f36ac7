// Who a PBX says is calling, held against the numbers of its trunk (SIPconnect 10.2.3 to 10.2.6). Says what is whose;
// writes no header field.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "control/config/model.h"
#include "signaling/sip/message.h"

namespace sallyport::policy {

// RFC 3323 5: a kind of privacy that is critical to whoever asks for it is unknown here. Such a request, of any method,
// is not passed on but refused with this status.
bool asks_for_unknown_privacy(const sip::Message& request);
inline constexpr std::uint16_t privacy_not_possible_status = 500;
inline constexpr std::string_view privacy_not_possible_text =
    "a kind of privacy that is critical to the caller is unknown here";
// RFC 3323 4.1.1.3: a host that ends in ".invalid", or nobody in particular.
bool is_anonymous(const sip::Uri& uri);
// The trunk's number that a URI of its PBX names, or nothing.
std::optional<std::string> own_number(const sip::Uri& uri, const config::Trunk& trunk);
// The trunk's number that has sent the call on, as its PBX says in History-Info or Diversion (SIPconnect 11.1): then
// the caller in From is somebody else's.
std::optional<std::string> forwarding_number(const sip::Message& invite, const config::Trunk& trunk);
// The trunk's number that its PBX asserts, prefers or shows as the caller, or as who sends the call on; nothing where
// it names none.
std::optional<std::string> named_caller(const sip::Message& invite, const config::Trunk& trunk);
// The trunk's number whose call it is: what its PBX asserts, prefers or shows as the caller, where that is one; else
// the one that sends the call on, else the default. Empty only if the trunk has none.
std::string own_caller(const sip::Message& invite, const config::Trunk& trunk);
// From and P-Asserted-Identity, where they name somebody, name a number of the trunk.
bool calls_as_itself(const sip::Message& invite, const config::Trunk& trunk);
// The number that is asserted and shown when the PBX names none of its own; empty only if the trunk has none.
std::string default_number(const config::Trunk& trunk);

}  // namespace sallyport::policy
