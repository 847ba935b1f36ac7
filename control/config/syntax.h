// The words that provisioning is made of: ids, E.164 numbers, hosts, SIP addresses of record. Only their form; whether
// a number is anybody's is the validator's question.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace sallyport::config {

bool is_id(std::string_view text);         // [a-z0-9-]{1,63}
bool is_e164(std::string_view text);       // "+", 2..15 digits, the first not 0
bool is_prefix(std::string_view text);     // "", or "+" and 1..15 digits, the first not 0
bool is_host_name(std::string_view text);  // RFC 3261 25.1 hostname: labels of letters, digits, "-"; no address
bool is_host(std::string_view text);       // a host name or an IP literal, IPv6 with or without brackets
bool is_token(std::string_view text);      // RFC 3261 25.1
bool is_hex(std::string_view text, std::size_t digits);  // lower case
bool is_printable(std::string_view text);                // no control character; bytes above 127 pass (UTF-8)

// "sip:user@host", nothing more: no password, port, parameter or header.
bool is_aor(std::string_view text);

// For error texts: the value in quotes, bounded, control characters as "?".
std::string quoted(std::string_view value);

}  // namespace sallyport::config
