// sallyport.config.v1: pushes the newest snapshot to the planes and remembers what each has applied. Served on a local
// socket only, since snapshots hold digest hashes.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "control/api/config_state.h"
#include "sallyport/config/v1/config_feed.grpc.pb.h"

namespace sallyport::api {

struct PlaneState {
    std::string node;  // "edge-1/signaling"
    std::uint64_t revision = 0;
    std::string error;  // why it refused the newest; empty: applied
    bool connected = false;
};

class ConfigFeedService final : public sallyport::config::v1::ConfigFeed::CallbackService {
public:
    explicit ConfigFeedService(ConfigState& state);
    ~ConfigFeedService() override;

    grpc::ServerBidiReactor<sallyport::config::v1::Applied, sallyport::config::v1::Snapshot>* Watch(
        grpc::CallbackServerContext* context) override;

    std::vector<PlaneState> planes() const;
    // Ends every stream, so that the server can shut down at once.
    void close();

private:
    using Message = std::shared_ptr<const sallyport::config::v1::Snapshot>;
    class Stream;

    void on_snapshot(const config::SnapshotPtr& snapshot);
    void on_applied(const sallyport::config::v1::Applied& applied, bool first);  // first: of its stream
    void on_gone(Stream* stream, const std::string& node);

    ConfigState& state_;
    mutable std::mutex mutex_;
    Message newest_;  // nothing while nothing is provisioned: an empty store never empties a plane
    std::set<Stream*> streams_;
    struct Plane {
        PlaneState state;
        int streams = 0;  // two for a moment when a plane comes back before its old stream is gone
    };
    std::map<std::string, Plane> planes_;
    bool closing_ = false;
    std::uint64_t subscription_;
};

}  // namespace sallyport::api
