// Passwords and hashes in the API's messages: what must be out before a message leaves a trace, and whether two say the
// same. Keeps nothing.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "control/base/random.h"
#include "control/config/model.h"
#include "google/protobuf/message.h"
#include "sallyport/provisioning/v1/provisioning.pb.h"

namespace sallyport::wire {

namespace pb = sallyport::provisioning::v1;

// Empties password, ha1_md5 and ha1_sha256 wherever they are in the message.
void clear_secrets(google::protobuf::Message& message);

// A password of 160 random bits, 32 characters that nobody takes for one another.
std::string new_password(RandomSource& random);

// Puts a new password into each of `which` of the trunk's credentials that `stored` (nullptr: there is none) has no
// hash for; the others keep theirs. The passwords, to be told once and kept by nobody.
std::vector<pb::GeneratedSecret> generate_secrets(config::Trunk& trunk, const std::vector<std::size_t>& which,
                                                  const config::Trunk* stored, RandomSource& random);
// A new password for one user name and realm, whatever was there before.
pb::GeneratedSecret renew_secret(config::Trunk& trunk, const std::string& username, const std::string& digest_realm,
                                 RandomSource& random);

// Every hash that is given for a username and realm that the stored trunk has too is the stored one.
bool same_secrets(const config::Trunk& given, const config::Trunk& stored);

}  // namespace sallyport::wire
