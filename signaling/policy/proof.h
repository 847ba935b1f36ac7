// Whether a request of an identified PBX has to carry Digest credentials before anything else is made of it (SIPconnect
// 16.6.1, 17.2). Checks none.
#pragma once

#include <string_view>

#include "control/config/model.h"
#include "signaling/policy/identify.h"

namespace sallyport::policy {

// `proof`: how the network tells whose the request is. `proven`: the trunk has proved itself on this connection before.
// ACK and CANCEL cannot be asked for (RFC 3261 22.1) and are not to come here.
bool must_prove(const config::Trunk& trunk, Transport transport, std::string_view method, Proof proof, bool proven);

}  // namespace sallyport::policy
