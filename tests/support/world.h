// The small world that whole-stack tests play in: one node between a PBX side and a core side, who lives at which
// address, what is provisioned. Addresses are those reserved for documentation.
#pragma once

#include <string>

#include "control/config/snapshot.h"
#include "signaling/stack/stack.h"

namespace sallyport::test {

inline constexpr RealmIndex access_realm = 0, core_realm = 1;
inline const std::string edge_access = "192.0.2.1", edge_core = "203.0.113.1";
inline const std::string media_access = "192.0.2.10", media_core = "203.0.113.10";

stack::StackConfig world_node();
// Trunk "acme-hq" (registers in bulk, TLS and SRTP only, +4930123400 to 499), trunk "globex" (static, UDP, RTP,
// +4989555000 to 099), carrier "one" with two targets, every number routed to it.
config::Snapshot world_config();

// Who sends and receives: `connection` 0 for UDP.
Flow peer_flow(RealmIndex realm, Transport transport, const std::string& address, std::uint16_t port,
               std::uint64_t connection = 0);

}  // namespace sallyport::test
