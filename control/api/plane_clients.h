// The other daemons as control asks them: stubs with short deadlines, and a watch that knows since when each is up or
// down. Remembers no answer but that.
#pragma once

#include <grpcpp/grpcpp.h>

#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "control/api/plane_peer.h"
#include "sallyport/media/v1/media.grpc.pb.h"
#include "sallyport/operations/v1/operations.grpc.pb.h"

namespace sallyport::api {

struct DaemonState {
    std::string name;  // "sallyport-media"
    bool reachable = false;
    std::string detail;  // its version, or why it cannot be reached
    std::chrono::steady_clock::time_point since;
};

class PlaneClients {
public:
    // Throws std::runtime_error with one sentence when a PEM file is not usable.
    PlaneClients(std::string signaling, const PlanePeer& media);
    ~PlaneClients();
    PlaneClients(const PlaneClients&) = delete;
    PlaneClients& operator=(const PlaneClients&) = delete;

    operations::v1::SignalingState::Stub& signaling() { return *signaling_; }
    media::v1::Media::Stub& media() { return *media_; }

    // What the daemon says of itself, or nothing when it is away; either way states() knows it afterwards.
    std::optional<operations::v1::SignalingStatus> ask_signaling();
    std::optional<media::v1::Statistics> ask_media();
    std::vector<DaemonState> states() const;

    // "sallyport-signaling is not reachable at unix:...: No such file or directory"
    std::string explain_signaling(const grpc::Status& status) const { return explain(0, status); }
    std::string explain_media(const grpc::Status& status) const { return explain(1, status); }

private:
    std::string explain(std::size_t daemon, const grpc::Status& status) const;
    void run();
    void note(std::size_t daemon, bool reachable, std::string detail);

    std::string targets_[2];
    std::unique_ptr<operations::v1::SignalingState::Stub> signaling_;
    std::unique_ptr<media::v1::Media::Stub> media_;

    mutable std::mutex mutex_;
    std::condition_variable wake_;
    DaemonState states_[2];
    bool stopping_ = false;
    std::thread watcher_;
};

// How long a daemon on the same host may take to answer.
void set_short_deadline(grpc::ClientContext& context);

}  // namespace sallyport::api
