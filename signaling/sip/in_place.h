// Readers that fill a value where it stands: the message parser uses them, the public parse_* functions wrap them. What
// they leave behind after an error is not meant to be read. Private to the room.
#pragma once

#include "signaling/sip/fields.h"
#include "signaling/sip/scan.h"

namespace sallyport::sip {

// Stops at the end or before a comma. Any version passes: a request of another one is answered, too (505).
std::optional<FieldErrc> read_via(scan::Cursor& cursor, Via& out);
std::optional<FieldErrc> read_name_addr(std::string_view value, NameAddr& out);
std::optional<FieldErrc> read_cseq(std::string_view value, CSeq& out);
std::optional<UriErrc> read_uri(std::string_view text, Uri& out);

}  // namespace sallyport::sip
