// The last configuration, kept in a file so that signaling starts without control. Holds HA1 values: mode 0600,
// replaced atomically, checked when read. Knows bytes, not what they mean.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "control/base/result.h"

namespace sallyport::rpc {

class SnapshotCache {
public:
    explicit SnapshotCache(std::string path) : path_(std::move(path)) {}  // empty: nothing is kept

    // A sentence when it could not be written.
    std::optional<std::string> store(std::string_view bytes) const;
    struct Loaded {
        std::optional<std::string> bytes;  // nothing: there is no file, or none that can be used:
        std::string problem;               // why not; empty when there is none
    };
    Loaded load() const;

private:
    std::string path_;
};

}  // namespace sallyport::rpc
