// Three parsers on the same INVITE: ours, osip2 and sofia-sip. Each takes the message and its session description apart
// and hands out the same fields; that they are the same is compared before anything is measured.
#pragma once

#include <string>

namespace sallyport::invite_rivals {

// Ends the program, and says which field differs, unless all three have read the same.
void check_that_all_say_the_same(const std::string& invite);

// "invite/NAME", with the session description, and "invite-without-sdp/NAME".
void add(const std::string& invite);

}  // namespace sallyport::invite_rivals
