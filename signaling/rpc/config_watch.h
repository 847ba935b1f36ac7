// The configuration feed from control: receives whole snapshots, hands them on, reports what every shard has applied.
// Without control the last one stays, also across a restart (snapshot_cache). Runs on the node's own thread; converts
// on gRPC's, since that may take a while.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "control/base/counter.h"
#include "control/config/snapshot.h"
#include "sallyport/config/v1/config_feed.grpc.pb.h"
#include "signaling/b2bua/effects.h"
#include "signaling/rpc/bidi_stream.h"
#include "signaling/rpc/channel.h"
#include "signaling/rpc/snapshot_cache.h"

namespace sallyport::rpc {

namespace asio = boost::asio;
namespace feed_pb = sallyport::config::v1;

// Written by the node's thread.
struct ConfigWatchStatistics {
    Counter up;        // 0 or 1: control is there
    Counter revision;  // applied by every shard
    Counter received, refused, cache_failures;
};

class ConfigWatch {
public:
    using Applied = std::function<void()>;  // any thread, once every shard works with it
    using Apply = std::function<void(config::SnapshotPtr, Applied)>;
    using Log = std::function<void(const b2bua::LogFact&)>;

    // `node`: "edge-1/signaling".
    ConfigWatch(asio::io_context& context, std::shared_ptr<grpc::Channel> channel, std::string node,
                const std::string& cache_file, Apply apply, Log log);
    ~ConfigWatch();  // on the context's thread, or when it runs no more
    ConfigWatch(const ConfigWatch&) = delete;
    ConfigWatch& operator=(const ConfigWatch&) = delete;

    // Applies what the cache has, then asks control, again and again. On the context's thread.
    void start();

    const ConfigWatchStatistics& statistics() const { return statistics_; }

private:
    using Stream = BidiStream<feed_pb::Applied, feed_pb::Snapshot>;

    // Onto the node's thread; dropped when this object has gone by then.
    std::function<void(std::function<void()>)> poster() const;
    void load_cache();
    void open();
    void on_snapshot(std::uint64_t generation, config::SnapshotPtr snapshot);
    void on_refused(std::uint64_t generation, std::uint64_t revision, const std::string& why);
    void on_end(std::uint64_t generation, const std::string& why);
    void on_applied(std::uint64_t revision);
    void report(std::uint64_t revision, const std::string& error);
    void set_up(bool up, const std::string& why);
    void look_after(Duration time, void (ConfigWatch::*what)());
    void look();

    asio::io_context& context_;
    std::shared_ptr<grpc::Channel> channel_;
    std::unique_ptr<feed_pb::ConfigFeed::Stub> stub_;
    std::string node_;
    SnapshotCache cache_;
    Apply apply_;
    Log log_;
    ConfigWatchStatistics statistics_;
    asio::steady_timer timer_;
    BackOff back_off_;
    std::unique_ptr<Stream> stream_;
    std::vector<std::unique_ptr<Stream>> ended_;
    std::shared_ptr<const bool> alive_ = std::make_shared<const bool>(true);
    std::uint64_t generation_ = 0;
    std::uint64_t reported_ = 0;
    bool told_ = false;
};

}  // namespace sallyport::rpc
