// Passwords and hashes in the API's messages: what must be out before a message leaves a trace, and whether two say the
// same. Keeps nothing.
#pragma once

#include "control/config/model.h"
#include "google/protobuf/message.h"

namespace sallyport::wire {

// Empties password, ha1_md5 and ha1_sha256 wherever they are in the message.
void clear_secrets(google::protobuf::Message& message);

// Every hash that is given for a username and realm that the stored trunk has too is the stored one.
bool same_secrets(const config::Trunk& given, const config::Trunk& stored);

}  // namespace sallyport::wire
