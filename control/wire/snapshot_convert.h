// The config feed's snapshot: message to model and back, hashes included. Used by control to send and by the planes
// to receive.
#pragma once

#include <string>

#include "control/base/result.h"
#include "control/config/snapshot.h"
#include "sallyport/config/v1/config_feed.pb.h"

namespace sallyport::wire {

sallyport::config::v1::Snapshot to_proto(const config::Snapshot& snapshot);

struct SnapshotError {
    std::string sentence;  // names the resource and the field
};
// Indexes built, ready to be shared. Refuses a snapshot of which any part cannot be converted: half a configuration
// is worse than the one before.
Result<config::SnapshotPtr, SnapshotError> from_proto(const sallyport::config::v1::Snapshot& message);

}  // namespace sallyport::wire
