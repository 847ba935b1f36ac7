// Every limit of the SIP grammar: a name, a reason, one home.
#pragma once

#include <cstddef>

namespace sallyport::sip::limits {

inline constexpr std::size_t message_bytes = 65'535;     // RFC 3261 18.1.1, the UDP ceiling, for streams as well
inline constexpr std::size_t datagram_bytes = 65'507;    // UDP over IPv4: what is larger needs a stream
inline constexpr std::size_t header_fields = 256;        // fields in one message, after that 400
inline constexpr std::size_t field_bytes = 16'384;       // one field value; Identity and History-Info can be long
inline constexpr std::size_t name_bytes = 128;           // a header name or a method; the longest registered has 37
inline constexpr std::size_t list_values = 128;          // comma-separated values of one header name
inline constexpr std::size_t parameters = 64;            // of one value or URI
inline constexpr std::size_t max_forwards = 70;          // RFC 3261 8.1.1.6
inline constexpr std::size_t udp_request_bytes = 1'300;  // RFC 3261 18.1.1: larger requests want a stream
static_assert(header_fields * 4 < message_bytes);        // the shortest field is "a:\r\n"

}  // namespace sallyport::sip::limits
