// RDATA of the records that RFC 3263 asks for: A, AAAA (RFC 1035, 3596), SRV (RFC 2782), NAPTR (RFC 3403).
// Uncompressed, as a resolver hands it out; pure. Names that could be no host name are refused.
#pragma once

#include <string>

#include "control/base/bytes.h"
#include "control/base/result.h"
#include "signaling/locate/locator.h"

namespace sallyport::io {

enum class RdataErrc : std::uint8_t { wrong_length, truncated, compressed, bad_label, name_too_long, trailing_bytes };
std::string_view to_string(RdataErrc e);

Result<IpAddress, RdataErrc> decode_a(ByteView rdata);
Result<IpAddress, RdataErrc> decode_aaaa(ByteView rdata);
// Names come out lower case and without the trailing dot; the root is the empty string.
Result<locate::SrvRecord, RdataErrc> decode_srv(ByteView rdata);
Result<locate::NaptrRecord, RdataErrc> decode_naptr(ByteView rdata);

// Adds the record to the list of the answer that its type belongs to.
Result<void, RdataErrc> decode_into(locate::Answer& answer, locate::RecordType type, ByteView rdata);

}  // namespace sallyport::io
