// HA1 of HTTP Digest, RFC 7616 3.4.2: what is stored instead of a password. Keeps nothing.
#pragma once

#include <string>
#include <string_view>

namespace sallyport::wire {

// H(username ":" realm ":" password) in lower-case hex.
std::string ha1_md5(std::string_view username, std::string_view realm, std::string_view password);
std::string ha1_sha256(std::string_view username, std::string_view realm, std::string_view password);

}  // namespace sallyport::wire
