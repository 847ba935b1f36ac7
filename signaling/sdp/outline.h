// A session's media in a few words, for people who look at a call: "audio srtp sendonly PCMA,PCMU,te". Read off the
// lines without taking the description apart, since every message of every call is written down so and hardly one is
// looked at. Addresses and keys never get in.
#pragma once

#include <string>
#include <string_view>

namespace sallyport::sdp {

// "SDP?": it does not begin like a description, or an m-line says no port and protocol.
std::string outline(std::string_view text);

}  // namespace sallyport::sdp
