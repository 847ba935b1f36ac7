#include "signaling/rpc/config_watch.h"

#include <boost/asio/post.hpp>

#include "control/wire/snapshot_convert.h"

namespace sallyport::rpc {
namespace {

constexpr Duration look_interval = 500ms;  // whether the connection stands

}  // namespace

ConfigWatch::ConfigWatch(asio::io_context& context, std::shared_ptr<grpc::Channel> channel, std::string node,
                         const std::string& cache_file, Apply apply, Log log)
    : context_(context),
      channel_(std::move(channel)),
      stub_(feed_pb::ConfigFeed::NewStub(channel_)),
      node_(std::move(node)),
      cache_(cache_file),
      apply_(std::move(apply)),
      log_(std::move(log)),
      timer_(context) {}

ConfigWatch::~ConfigWatch() {
    stream_.reset();  // their events come to what is left of this
    ended_.clear();
}

void ConfigWatch::start() {
    load_cache();
    open();
}

std::function<void(std::function<void()>)> ConfigWatch::poster() const {
    return [&context = context_, alive = std::weak_ptr(alive_)](std::function<void()> work) {
        asio::post(context, [alive, work = std::move(work)] {
            if (!alive.expired()) work();
        });
    };
}

void ConfigWatch::load_cache() {
    const auto cached = cache_.load();
    if (!cached.problem.empty())
        log_({b2bua::Severity::warning, "config-cache", {}, {}, "cached configuration not used: " + cached.problem});
    if (!cached.bytes) return;
    feed_pb::Snapshot message;
    const bool parsed = message.ParseFromString(*cached.bytes);
    auto snapshot = parsed ? wire::from_proto(message) : wire::SnapshotError{"it cannot be parsed"};
    if (!snapshot) {
        const std::string why = "cached configuration not used: " + snapshot.error().sentence;
        return log_({b2bua::Severity::warning, "config-cache", {}, {}, why});
    }
    log_({b2bua::Severity::info,
          "config-cache",
          {},
          {},
          "starting with cached configuration, revision " + std::to_string((*snapshot)->revision)});
    on_snapshot(generation_, std::move(*snapshot));
}

void ConfigWatch::open() {
    const std::uint64_t generation = ++generation_;
    Stream::Events events;
    events.message = [this, generation, post = poster()](feed_pb::Snapshot& message) {
        auto snapshot = wire::from_proto(message);
        if (!snapshot) {
            return post([this, generation, revision = message.revision(), why = snapshot.error().sentence] {
                on_refused(generation, revision, why);
            });
        }
        if (const auto wrong = cache_.store(message.SerializeAsString())) {
            post([this, why = *wrong] {
                statistics_.cache_failures.add();
                log_({b2bua::Severity::warning, "config-cache", {}, {}, "configuration not cached: " + why});
            });
        }
        post([this, generation, s = std::move(*snapshot)] { on_snapshot(generation, s); });
    };
    events.end = [this, generation, post = poster()](const grpc::Status& status) {
        post([this, generation, why = status.error_message()] { on_end(generation, why); });
    };
    const auto prepare = [this](grpc::ClientContext* call, grpc::CompletionQueue* queue) {
        return stub_->PrepareAsyncWatch(call, queue);
    };
    stream_ = std::make_unique<Stream>(prepare, std::move(events));
    report(reported_, {});
    look_after(look_interval, &ConfigWatch::look);
}

void ConfigWatch::on_snapshot(std::uint64_t generation, config::SnapshotPtr snapshot) {
    if (generation != generation_) return;
    statistics_.received.add();
    const std::uint64_t revision = snapshot->revision;
    apply_(std::move(snapshot),
           [this, revision, post = poster()] { post([this, revision] { on_applied(revision); }); });
}

void ConfigWatch::on_refused(std::uint64_t generation, std::uint64_t revision, const std::string& why) {
    if (generation != generation_) return;
    statistics_.refused.add();
    log_({b2bua::Severity::error, "config-refused", {}, {}, "revision " + std::to_string(revision) + ": " + why});
    report(revision, why);
}

void ConfigWatch::on_applied(std::uint64_t revision) {
    statistics_.revision.set(revision);
    reported_ = revision;
    log_({b2bua::Severity::info, "config-applied", {}, {}, "revision " + std::to_string(revision)});
    report(revision, {});
}

void ConfigWatch::report(std::uint64_t revision, const std::string& error) {
    if (!stream_) return;
    feed_pb::Applied applied;
    applied.set_node(node_);
    applied.set_revision(revision);
    applied.set_error(error);
    stream_->write(std::move(applied));
}

void ConfigWatch::on_end(std::uint64_t generation, const std::string& why) {
    if (generation != generation_ || !stream_) return;
    std::erase_if(ended_, [](const auto& stream) { return stream->done(); });
    ended_.push_back(std::move(stream_));
    set_up(false, why);
    look_after(back_off_.next(), &ConfigWatch::open);
}

void ConfigWatch::set_up(bool up, const std::string& why) {
    const bool was = statistics_.up.read() != 0;
    statistics_.up.set(up ? 1 : 0);
    if (up) back_off_.reset();
    if (up && !was) log_({b2bua::Severity::info, "control-up", {}, {}, "control is there"});
    if (!up && !told_)
        log_({b2bua::Severity::warning, "control-away", {}, {}, "control is away, the configuration stays: " + why});
    told_ = !up;
}

void ConfigWatch::look_after(Duration time, void (ConfigWatch::*what)()) {
    timer_.expires_after(time);
    timer_.async_wait([this, what](boost::system::error_code ec) {
        if (!ec) (this->*what)();
    });
}

// The feed is silent while nothing changes: whether control is there is the channel's to say.
void ConfigWatch::look() {
    if (stream_ && channel_->GetState(false) == GRPC_CHANNEL_READY) set_up(true, {});
    if (stream_) look_after(look_interval, &ConfigWatch::look);
}

}  // namespace sallyport::rpc
