// The secrets of what is provisioned: trunks have them, other resources have none.
#pragma once

#include <cstddef>
#include <vector>

#include "control/config/snapshot.h"
#include "sallyport/provisioning/v1/provisioning.pb.h"

namespace sallyport::api {

// Whether a resource as given has the credentials that are stored by now; one that is gone has none to differ from.
bool same_as_stored(const config::Snapshot& present, const config::Trunk& given);
template <class Resource>
bool same_as_stored(const config::Snapshot&, const Resource&) {
    return true;
}

// Draws the passwords of these of its credentials.
std::vector<provisioning::v1::GeneratedSecret> generate(config::Trunk& trunk, const std::vector<std::size_t>& which,
                                                        const config::Snapshot& base);
template <class Resource>
std::vector<provisioning::v1::GeneratedSecret> generate(Resource&, const std::vector<std::size_t>&,
                                                        const config::Snapshot&) {
    return {};
}

// Puts what was drawn into the answer, the only place where it is ever told.
void tell(const std::vector<provisioning::v1::GeneratedSecret>& secrets, provisioning::v1::Trunk& trunk);
inline void tell(const std::vector<provisioning::v1::GeneratedSecret>&, google::protobuf::Message&) {}

}  // namespace sallyport::api
