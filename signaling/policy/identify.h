// Who sent a request, as far as the network tells: a registered flow, a static trunk's source, a carrier's source. What
// Digest tells is added by whoever challenged. Believes no header.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>

#include "control/base/time.h"
#include "control/config/snapshot.h"
#include "signaling/registrar/location_store.h"
#include "signaling/transaction/flow.h"

namespace sallyport::policy {

enum class PartyKind : std::uint8_t { unknown, trunk, carrier };
enum class Proof : std::uint8_t { none, registered_flow, source_address, digest };

struct Party {
    PartyKind kind = PartyKind::unknown;
    std::string id;  // of the trunk or carrier
    Proof proof = Proof::none;
    bool known() const { return kind != PartyKind::unknown; }
};

// Addresses that the names of carriers' targets stood for when they were last resolved, and the ids of the carriers
// that claim each: requests from there are theirs. What two carriers of a realm claim identifies neither.
using LearnedSources = std::map<IpAddress, std::set<std::string>>;

Party identify(const config::Snapshot& config, const Realm& realm, const Flow& flow,
               const registrar::LocationStore& locations, const LearnedSources& learned, TimePoint now);

// A trunk has one IP version for signalling and media (SIPconnect 15).
bool is_of_family(const config::Trunk& trunk, const Flow& flow);
config::Transport to_config(Transport transport);

}  // namespace sallyport::policy
