// The Via reader on a cursor: the message parser reads the first value of a list without splitting it. Private.
#pragma once

#include "signaling/sip/fields.h"
#include "signaling/sip/scan.h"

namespace sallyport::sip {

// Stops at the end or before a comma. Any version passes: a request of another one is answered, too (505).
std::optional<FieldErrc> scan_via(scan::Cursor& cursor, Via& out);

}  // namespace sallyport::sip
