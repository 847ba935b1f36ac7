// The config feed against a scripted control: snapshots applied and reported, control away, the cache.
#include "signaling/rpc/config_watch.h"

#include <condition_variable>
#include <fstream>
#include <mutex>

#include "control/wire/snapshot_convert.h"
#include "signaling_rpc_bench.h"

using namespace sallyport;
using namespace sallyport::rpc;
using namespace contract;

namespace {

feed_pb::Snapshot snapshot_of(std::uint64_t revision, const std::string& carrier) {
    config::Snapshot snapshot;
    snapshot.revision = revision;
    config::Carrier c;
    c.id = carrier;
    c.realm = "core";
    c.targets.push_back({"192.0.2.20", 5060, config::Transport::udp, 0, 0});
    snapshot.carriers.emplace(carrier, c);
    return wire::to_proto(snapshot);
}

class ScriptedControl final : public feed_pb::ConfigFeed::Service {
public:
    grpc::Status Watch(grpc::ServerContext* context,
                       grpc::ServerReaderWriter<feed_pb::Snapshot, feed_pb::Applied>* stream) override {
        feed_pb::Applied applied;
        if (!stream->Read(&applied)) return grpc::Status::OK;
        note(applied);
        std::uint64_t sent = 0;
        std::thread reader([&] {
            feed_pb::Applied more;
            while (stream->Read(&more)) note(more);
            changed_.notify_all();
        });
        std::unique_lock lock(mutex_);
        while (!context->IsCancelled()) {
            if (snapshot_.revision() > std::max(sent, applied.revision())) {
                sent = snapshot_.revision();
                stream->Write(snapshot_);
            }
            changed_.wait_for(lock, 20ms);
        }
        lock.unlock();
        reader.join();
        return grpc::Status::CANCELLED;
    }
    void publish(feed_pb::Snapshot snapshot) {
        const std::lock_guard lock(mutex_);
        snapshot_ = std::move(snapshot);
        changed_.notify_all();
    }
    std::vector<feed_pb::Applied> reports() {
        const std::lock_guard lock(mutex_);
        return reports_;
    }

private:
    void note(const feed_pb::Applied& applied) {
        const std::lock_guard lock(mutex_);
        reports_.push_back(applied);
    }
    std::mutex mutex_;
    std::condition_variable changed_;
    feed_pb::Snapshot snapshot_;
    std::vector<feed_pb::Applied> reports_;
};

struct Bench {
    Bench() { restart(); }
    ~Bench() { watch.reset(); }
    void restart() {
        watch.reset();
        RpcPeer peer;
        peer.target = folder.socket();
        auto channel = make_channel(peer, {});
        REQUIRE(channel.has_value());
        watch = std::make_unique<ConfigWatch>(
            context, *channel, "edge-1/signaling", folder.file("cache"),
            [this](config::SnapshotPtr s, ConfigWatch::Applied done) {
                applied.push_back(std::move(s));
                if (hold) {
                    held.push_back(std::move(done));
                } else {
                    done();
                }
            },
            [this](const b2bua::LogFact& fact) { facts.push_back(fact.event + ": " + fact.text); });
    }
    template <class Condition>
    bool until(Condition&& done) {
        return run_until(context, std::forward<Condition>(done));
    }
    bool until_revision(std::uint64_t revision) {
        return until([&] { return watch->statistics().revision.read() == revision; });
    }
    Folder folder;
    asio::io_context context{1};
    std::vector<config::SnapshotPtr> applied;
    std::vector<std::string> facts;
    bool hold = false;
    std::vector<ConfigWatch::Applied> held;
    std::unique_ptr<ConfigWatch> watch;
};

}  // namespace

TEST_CASE("snapshots arrive whole and are reported only when every shard has them") {
    ScriptedControl control;
    Bench b;
    b.hold = true;
    const Server server(b.folder.socket(), control);
    b.watch->start();
    control.publish(snapshot_of(5, "core-a"));
    REQUIRE(b.until([&] { return b.applied.size() == 1; }));
    CHECK(b.applied[0]->carriers.contains("core-a"));
    CHECK(b.watch->statistics().revision.read() == 0);
    CHECK(b.watch->statistics().up.read() <= 1);
    b.held.at(0)();
    REQUIRE(b.until_revision(5));
    REQUIRE(b.until([&] { return control.reports().size() == 2; }));
    const auto reports = control.reports();
    CHECK(reports[0].node() == "edge-1/signaling");
    CHECK(reports[0].revision() == 0);
    CHECK(reports[1].revision() == 5);
    CHECK(reports[1].error().empty());
}

TEST_CASE("control that goes away is told, the configuration stays, and the feed goes on when it is back") {
    ScriptedControl control;
    Bench b;
    Server server(b.folder.socket(), control);
    b.watch->start();
    control.publish(snapshot_of(5, "core-a"));
    REQUIRE(b.until_revision(5));
    REQUIRE(b.until([&] { return b.watch->statistics().up.read() == 1; }));
    server.stop();
    REQUIRE(b.until([&] { return b.watch->statistics().up.read() == 0; }));
    CHECK(b.watch->statistics().revision.read() == 5);
    control.publish(snapshot_of(6, "core-b"));
    server.start();
    REQUIRE(b.until_revision(6));
    CHECK(b.applied.back()->carriers.contains("core-b"));
    REQUIRE(b.until([&] { return b.watch->statistics().up.read() == 1; }));
    CHECK(std::count_if(b.facts.begin(), b.facts.end(), [](const auto& f) { return f.starts_with("control-away"); }) ==
          1);
}

TEST_CASE("without control a restarted process begins with the cached configuration") {
    ScriptedControl control;
    Bench b;
    {
        const Server server(b.folder.socket(), control);
        b.watch->start();
        control.publish(snapshot_of(9, "core-a"));
        REQUIRE(b.until_revision(9));
    }
    b.restart();
    b.applied.clear();
    b.watch->start();
    REQUIRE(b.until_revision(9));
    REQUIRE(b.applied.size() == 1);
    CHECK(b.applied[0]->carriers.contains("core-a"));
}

TEST_CASE("a damaged cache is told and ignored") {
    Bench b;
    std::ofstream(b.folder.file("cache")) << "no snapshot";
    b.watch->start();
    CHECK(b.applied.empty());
    REQUIRE_FALSE(b.facts.empty());
    CHECK(b.facts[0].starts_with("config-cache: cached configuration not used: "));
}

TEST_CASE("a watch that goes as soon as it has begun takes its channel along, again and again") {
    Bench b;
    for (int i = 0; i < 300; ++i) {
        b.watch->start();
        b.restart();
    }
    CHECK(b.applied.empty());
}

TEST_CASE("a snapshot that cannot be converted is refused with the reason, and the one before stays") {
    ScriptedControl control;
    Bench b;
    const Server server(b.folder.socket(), control);
    b.watch->start();
    control.publish(snapshot_of(5, "core-a"));
    REQUIRE(b.until_revision(5));
    auto broken = snapshot_of(6, "core-b");
    broken.mutable_carriers(0)->add_sources("not an address");
    control.publish(broken);
    REQUIRE(b.until([&] { return b.watch->statistics().refused.read() == 1; }));
    CHECK(b.applied.size() == 1);
    REQUIRE(b.until([&] { return control.reports().back().revision() == 6; }));
    CHECK_FALSE(control.reports().back().error().empty());
    control.publish(snapshot_of(7, "core-c"));
    CHECK(b.until_revision(7));
}
