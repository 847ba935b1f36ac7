// Readers of fields where they stand: the message parser uses them, the public view_* and parse_* functions wrap them.
// What they leave behind after an error is not meant to be read. Private to the room.
#pragma once

#include "signaling/sip/fields.h"
#include "signaling/sip/scan.h"

namespace sallyport::sip {

// Stops at the end or before a comma. Any version passes: a request of another one is answered, too (505).
std::optional<FieldErrc> read_via(scan::Cursor& cursor, ViaView& out);
std::optional<FieldErrc> read_name_addr(std::string_view value, NameAddrView& out);
std::optional<FieldErrc> read_cseq(std::string_view value, CSeq& out);

}  // namespace sallyport::sip
