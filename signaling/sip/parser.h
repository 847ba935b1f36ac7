// Bytes -> Message, or what was wrong with them (RFC 3261 7, 25). Total: any input ends in one of the two.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "control/base/result.h"
#include "signaling/sip/message.h"

namespace sallyport::sip {

enum class ParseErrc : std::uint8_t {
    empty,    // nothing, or only CRLF: a keep-alive
    not_sip,  // no start line of SIP in sight: dropped, never answered
    bad_start_line,
    unknown_method,    // and one that CSeq does not repeat: 501 (RFC 4475 3.1.2.18)
    bad_version,       // a request of another SIP version: 505
    bad_header,        // a line that is no field
    missing_header,    // one of To, From, CSeq, Call-ID, Via (and Max-Forwards is optional: RFC 2543 peers)
    duplicate_header,  // a header that may stand only once stands twice with different values
    bad_value,         // a mandatory header that does not parse
    too_many_fields,
    too_large,  // 513
    bad_content_length,
    truncated_body,  // datagram shorter than Content-Length says
};
std::string_view to_string(ParseErrc e);

struct ParseError {
    ParseErrc code = ParseErrc::empty;
    std::string detail;  // e.g. "CSeq: number above 2^31-1"
    // When the broken text is a request whose Via, From, To, Call-ID and CSeq can be copied (RFC 3261 8.2.6), the
    // complete 4xx/5xx to send back; nothing otherwise, and never for an ACK or a response.
    std::optional<std::string> response;
    std::string response_via;  // top Via of that response, for routing it; parse_via() always reads it
};

enum class Framing : std::uint8_t { datagram, stream };

class Parser {
public:
    // `bytes` is exactly one message. On a datagram, bytes beyond Content-Length are cut off (RFC 3261 18.3).
    // With `source`, the top Via of an error response says where the request came from (received, rport).
    static Result<Message, ParseError> parse(std::string_view bytes, Framing framing = Framing::datagram,
                                             const Endpoint* source = nullptr);

private:
    class Run;  // one message being read
};

}  // namespace sallyport::sip
