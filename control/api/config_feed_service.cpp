#include "control/api/config_feed_service.h"

#include "control/base/handover.h"
#include "control/observe/log.h"
#include "control/wire/snapshot_convert.h"

namespace sallyport::api {
namespace {

constexpr std::size_t planes_kept = 64;
constexpr std::size_t streams_at_once = 64;
constexpr std::size_t text_bytes = 256;

}  // namespace

// One plane's stream. gRPC runs a stream's callbacks one after the other, but send() and close() come from elsewhere:
// the mutex guards what both touch. At most one write is on its way; what comes meanwhile replaces what waits.
class ConfigFeedService::Stream final
    : public grpc::ServerBidiReactor<sallyport::config::v1::Applied, sallyport::config::v1::Snapshot> {
public:
    explicit Stream(ConfigFeedService& feed) : feed_(feed) {
        const OneAfterTheOther first(this);
        StartRead(&applied_);
    }

    void send(Message message) {
        const std::lock_guard lock(mutex_);
        waiting_ = std::move(message);
        write_next();
    }

    void finish(const grpc::Status& status) {
        const std::lock_guard lock(mutex_);
        finish_locked(status);
    }

    void OnReadDone(bool ok) override {
        const OneAfterTheOther callback(this);
        if (!ok) return finish(grpc::Status::OK);
        if (applied_.node().empty() || applied_.node().size() > text_bytes || (greeted_ && applied_.node() != node_))
            return finish({grpc::INVALID_ARGUMENT,
                           "Applied.node must be 1 to 256 bytes and stay the same, e.g. \"edge-1/signaling\""});
        feed_.on_applied(applied_, !greeted_);
        const std::lock_guard lock(mutex_);
        node_ = applied_.node();
        greeted_ = true;
        write_next();
        if (!finished_) StartRead(&applied_);
    }

    void OnWriteDone(bool ok) override {
        const std::lock_guard lock(mutex_);
        writing_.reset();
        if (ok) write_next();
    }

    void OnCancel() override {
        take_over(this);  // may be the first that its thread sees of this
        finish(grpc::Status::CANCELLED);
    }

    void OnDone() override {
        take_over(this);
        feed_.on_gone(this, node_);
        delete this;
    }

private:
    void write_next() {
        if (!greeted_ || writing_ != nullptr || waiting_ == nullptr || finished_) return;  // greeted: it said who it is
        writing_ = std::move(waiting_);
        StartWrite(writing_.get());
    }
    void finish_locked(const grpc::Status& status) {
        if (finished_) return;
        finished_ = true;
        Finish(status);
    }

    ConfigFeedService& feed_;
    sallyport::config::v1::Applied applied_;
    std::mutex mutex_;
    std::string node_;
    Message waiting_, writing_;
    bool greeted_ = false;  // written by reads only
    bool finished_ = false;
};

ConfigFeedService::ConfigFeedService(ConfigState& state) : state_(state) {
    subscription_ = state_.subscribe([this](const config::SnapshotPtr& snapshot) { on_snapshot(snapshot); });
}

ConfigFeedService::~ConfigFeedService() { state_.unsubscribe(subscription_); }

grpc::ServerBidiReactor<sallyport::config::v1::Applied, sallyport::config::v1::Snapshot>* ConfigFeedService::Watch(
    grpc::CallbackServerContext*) {
    auto* stream = new Stream(*this);  // deletes itself in OnDone, as gRPC's reactors do
    const std::lock_guard lock(mutex_);
    if (closing_)
        stream->finish({grpc::UNAVAILABLE, "control is stopping"});
    else if (streams_.size() >= streams_at_once)
        stream->finish({grpc::RESOURCE_EXHAUSTED, "64 planes are connected already"});
    else if (newest_ != nullptr)
        stream->send(newest_);
    streams_.insert(stream);
    return stream;
}

void ConfigFeedService::on_snapshot(const config::SnapshotPtr& snapshot) {
    if (snapshot->revision == 0) return;
    auto message = std::make_shared<const sallyport::config::v1::Snapshot>(wire::to_proto(*snapshot));
    const std::lock_guard lock(mutex_);
    if (newest_ != nullptr && newest_->revision() == message->revision()) return;
    newest_ = message;
    for (auto* stream : streams_) stream->send(message);
}

void ConfigFeedService::on_applied(const sallyport::config::v1::Applied& applied, bool first) {
    const std::lock_guard lock(mutex_);
    if (!planes_.contains(applied.node()) && planes_.size() >= planes_kept) return;
    auto& [plane, streams] = planes_[applied.node()];
    if (first) ++streams;
    plane.node = applied.node();
    plane.revision = applied.revision();
    plane.error = applied.error().substr(0, text_bytes);
    plane.connected = true;
    if (first) observe::log_info("plane connected", {{"plane", plane.node}, {"revision", plane.revision}});
    if (!plane.error.empty())
        observe::log_error("plane refused the configuration",
                           {{"plane", plane.node}, {"revision", plane.revision}, {"reason", plane.error}});
    const auto ours = newest_ != nullptr ? newest_->revision() : 0;
    if (plane.revision > ours)
        observe::log_warning("plane has a newer configuration than the store: was the store restored?",
                             {{"plane", plane.node}, {"revision", plane.revision}, {"stored", ours}});
}

void ConfigFeedService::on_gone(Stream* stream, const std::string& node) {
    const std::lock_guard lock(mutex_);
    streams_.erase(stream);
    const auto plane = planes_.find(node);
    if (plane == planes_.end() || --plane->second.streams > 0) return;
    plane->second.state.connected = false;
    observe::log_warning("plane disconnected", {{"plane", node}});
}

std::vector<PlaneState> ConfigFeedService::planes() const {
    std::vector<PlaneState> out;
    const std::lock_guard lock(mutex_);
    for (const auto& [node, plane] : planes_) out.push_back(plane.state);
    return out;
}

void ConfigFeedService::close() {
    const std::lock_guard lock(mutex_);
    closing_ = true;
    for (auto* stream : streams_) stream->finish({grpc::UNAVAILABLE, "control is stopping"});
}

}  // namespace sallyport::api
