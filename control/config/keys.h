// When two spellings are the same thing: keys for comparing addresses of record and credentials.
#pragma once

#include <string>
#include <string_view>

#include "control/config/model.h"

namespace sallyport::config {

// RFC 3261 19.1.4: the user with case, after unescaping; the host without.
std::string aor_key(std::string_view user, std::string_view host);
std::string credential_key(std::string_view username, std::string_view digest_realm);
// The realm its hashes are made for.
std::string_view effective_realm(const Trunk& trunk, const Credential& credential);

}  // namespace sallyport::config
