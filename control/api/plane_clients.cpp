#include "control/api/plane_clients.h"

#include <stdexcept>
#include <utility>

#include "control/observe/log.h"
#include "control/tls/channel.h"

namespace sallyport::api {
namespace {

constexpr std::chrono::milliseconds patience{1'000};
constexpr std::chrono::milliseconds interval{1'000};
constexpr int message_bytes = 64 << 20;  // a page of a thousand media sessions with many streams

std::shared_ptr<grpc::Channel> channel_to(const PlanePeer& peer) {
    grpc::ChannelArguments arguments;
    arguments.SetMaxReceiveMessageSize(message_bytes);
    auto channel = tls::make_channel(peer.target, peer.files, peer.tls_name, arguments);
    if (!channel) throw std::runtime_error("planes.media_tls: " + channel.error());
    return *channel;
}

}  // namespace

void set_short_deadline(grpc::ClientContext& context) {
    context.set_deadline(std::chrono::system_clock::now() + patience);
}

PlaneClients::PlaneClients(std::string signaling, const PlanePeer& media)
    : targets_{std::move(signaling), media.target},
      signaling_(operations::v1::SignalingState::NewStub(channel_to({targets_[0], {}, {}}))),
      media_(media::v1::Media::NewStub(channel_to(media))) {
    const auto now = std::chrono::steady_clock::now();
    states_[0] = {"sallyport-signaling", false, "not asked yet", now};
    states_[1] = {"sallyport-media", false, "not asked yet", now};
    watcher_ = std::thread([this] { run(); });
}

PlaneClients::~PlaneClients() {
    {
        const std::lock_guard lock(mutex_);
        stopping_ = true;
    }
    wake_.notify_all();
    watcher_.join();
}

std::vector<DaemonState> PlaneClients::states() const {
    const std::lock_guard lock(mutex_);
    return {states_[0], states_[1]};
}

// gRPC's own words hold the cause at their end: "failed to connect to all addresses; last error: UNKNOWN: ...: cause".
std::string PlaneClients::explain(std::size_t daemon, const grpc::Status& status) const {
    const std::string name = daemon == 0 ? "sallyport-signaling" : "sallyport-media";
    if (status.error_code() == grpc::DEADLINE_EXCEEDED) return name + " does not answer at " + targets_[daemon];
    if (status.error_code() != grpc::UNAVAILABLE) return name + " says: " + status.error_message();
    const auto& text = status.error_message();
    const auto cause = text.rfind(": ");
    return name + " is not reachable at " + targets_[daemon] + ": " +
           (cause == text.npos ? text : text.substr(cause + 2));
}

void PlaneClients::run() {
    std::unique_lock lock(mutex_);
    while (!stopping_) {
        lock.unlock();
        ask_signaling();
        ask_media();
        lock.lock();
        wake_.wait_for(lock, interval, [this] { return stopping_; });
    }
}

std::optional<operations::v1::SignalingStatus> PlaneClients::ask_signaling() {
    grpc::ClientContext context;
    set_short_deadline(context);
    operations::v1::SignalingStatus reply;
    const auto status = signaling_->GetSignalingStatus(&context, {}, &reply);
    note(0, status.ok(), status.ok() ? reply.version() : explain(0, status));
    if (!status.ok()) return std::nullopt;
    return reply;
}

std::optional<media::v1::Statistics> PlaneClients::ask_media() {
    grpc::ClientContext context;
    set_short_deadline(context);
    media::v1::Statistics reply;
    const auto status = media_->GetStatistics(&context, {}, &reply);
    note(1, status.ok(), status.ok() ? reply.version() : explain(1, status));
    if (!status.ok()) return std::nullopt;
    return reply;
}

void PlaneClients::note(std::size_t daemon, bool reachable, std::string detail) {
    const std::lock_guard lock(mutex_);
    auto& state = states_[daemon];
    state.detail = std::move(detail);
    if (state.reachable == reachable) return;
    state.reachable = reachable;
    state.since = std::chrono::steady_clock::now();
    if (reachable)
        observe::log_info("daemon is up", {{"peer", state.name}, {"version", state.detail}});
    else
        observe::log_warning("daemon is down", {{"peer", state.name}, {"reason", state.detail}});
}

}  // namespace sallyport::api
