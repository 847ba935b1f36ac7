// The scanner of ";name=value" that Via, name-addr and the rest share. Private to the room.
#pragma once

#include <optional>

#include "signaling/sip/fields.h"
#include "signaling/sip/scan.h"

namespace sallyport::sip {

// Reads header parameters (RFC 3261 25.1 generic-param) until the end or a comma. LWS around ";" and "=" is legal.
// An empty parameter (";;") and a name that stands twice are errors: two readers could disagree about them.
std::optional<FieldErrc> scan_parameters(scan::Cursor& cursor, Parameters& out);
// A string inside double quotes, with escapes.
void append_quoted(std::string& out, std::string_view text);

}  // namespace sallyport::sip
