// What every UAS looks at before anything else (RFC 3261 8.2.1 to 8.2.3): method, Request-URI scheme, Require, content.
// Knows nothing of who sent the request.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "signaling/sip/header_name.h"
#include "signaling/sip/message.h"

namespace sallyport::stack {

struct Refusal {
    std::uint16_t status = 400;
    std::string_view why;
    std::vector<std::pair<sip::HeaderName, std::string>> fields;  // Allow, Unsupported, Accept ...
};

// A request outside of dialogs.
std::optional<Refusal> inspect(const sip::Message& request);
// The body of an INVITE, or its parts beside the session description: one that has to be understood and is not known
// here (RFC 5621 8.3, RFC 3204 6).
std::optional<Refusal> inspect_parts(const sip::Message& invite);
// A request within a dialog: its method is judged by the call.
std::optional<Refusal> inspect_in_dialog(const sip::Message& request);

// In a realm that has no registrar those of a dialog are all there is.
inline constexpr std::string_view methods_allowed =
    "INVITE, ACK, CANCEL, BYE, OPTIONS, UPDATE, PRACK, REGISTER, SUBSCRIBE";

}  // namespace sallyport::stack
