// Numbers as a peer writes them and as this node does: E.164 with "+" (SIPconnect 9, RFC 3966). Applies the peer's
// dial plan and translation tables; owns no number and knows no route.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "control/config/model.h"
#include "signaling/sip/uri.h"

namespace sallyport::policy {

// What the rule with the longest match makes of it; without one it stays as it is.
std::string translated(const config::NumberRules& rules, std::string_view number);

enum class NumberKind : std::uint8_t {
    global,      // E.164
    incomplete,  // digits that the dial plan makes nothing of
    none,        // no number at all
};
struct CalledNumber {
    NumberKind kind = NumberKind::none;
    std::string text;  // what it was read as, also when it is none
};
// Which emergency service a PBX calls, as it was dialled ("112", without the outside line) or named
// ("urn:service:sos.fire"); nothing: it is none. To be asked before anything is made of the number (SIPconnect 13).
std::optional<std::string> emergency_call(const sip::Uri& uri, const config::Trunk& trunk);
// What a peer in `domain` calls. A number in the context of another domain is none.
CalledNumber called_number(const sip::Uri& uri, const config::Numbering& numbering, std::string_view domain);
// The E.164 number of a caller as the peer writes it; codes and outside lines are only dialled.
std::optional<std::string> calling_number(const sip::Uri& uri, const config::Numbering& numbering,
                                          std::string_view domain = {});
// A user part of a SIP URI with a phone-context: a number, and no Enterprise Public Identity (SIPconnect 9).
bool has_phone_context(const sip::Uri& uri);

}  // namespace sallyport::policy
