// Realms, their listeners, their TLS and how their packets are marked, as they stand in the file.
#pragma once

#include <cstdint>
#include <optional>
#include <utility>

#include "control/yaml/fields.h"
#include "signaling/io/tls_context.h"
#include "signaling/transaction/flow.h"

namespace sallyport::app {

// The list "realms" of the file; one entry of `tls` and of `dscp` per realm.
void read_realms(yaml::Fields& root, RealmTable& realms, std::vector<std::optional<io::TlsOptions>>& tls,
                 std::vector<std::uint8_t>& dscp);

}  // namespace sallyport::app
