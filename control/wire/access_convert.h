// How a peer reaches this node and proves itself, between the API's messages and the model: Digest, TLS, the network in
// between. Checks and copies.
#pragma once

#include <string>
#include <string_view>

#include "control/config/model.h"
#include "control/config/validate.h"
#include "control/wire/config_convert.h"

namespace sallyport::wire {

config::Authentication authentication_from(const pb::TrunkAuthentication& message, config::FieldErrors& errors);
void authentication_to(const config::Authentication& authentication, pb::TrunkAuthentication& message);
config::PeerTls tls_from(const pb::PeerTls& message, config::FieldErrors& errors);
pb::PeerTls tls_to(const config::PeerTls& tls);
// Unless it says otherwise: of a PBX that registers over connections alone, the end of those is noticed without probes.
bool is_probed(const config::Trunk& trunk);
config::TrunkNetwork network_from(const pb::TrunkNetwork& message, bool probed, config::FieldErrors& errors);
void network_to(const config::Trunk& trunk, pb::TrunkNetwork& message);

// "trunks/acme-hq" -> "acme-hq"; an empty name is the caller's to fill (Create gives the id beside the resource).
std::string id_from(const std::string& name, std::string_view collection, config::FieldErrors& errors);
// "targets[2]"
inline std::string at(std::string_view list, int index) {
    return std::string(list) + '[' + std::to_string(index) + ']';
}

}  // namespace sallyport::wire
