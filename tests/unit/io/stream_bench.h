// A pool of streams with its listener on loopback, and a sink that writes down what it is told.
#pragma once

#include <catch2/catch.hpp>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "loopback.h"
#include "signaling/io/stream_listener.h"
#include "signaling/io/stream_pool.h"

namespace loopback {

using namespace sallyport;
using namespace sallyport::io;

struct StreamsHeard final : StreamSink {
    std::vector<std::pair<Flow, std::string>> messages;
    std::vector<std::pair<Flow, std::string>> closed;
    std::vector<CloseReason> refused;
    bool room = true, in_use = false, known = false;
    int refusals = 0;
    std::function<void(const Flow&)> then = [](const Flow&) {};

    bool on_stream_message(const Flow& flow, std::string_view bytes) override {
        if (!room) return ++refusals, false;
        messages.emplace_back(flow, bytes);
        then(flow);
        return true;
    }
    void on_batch_end() override {}
    bool is_in_use(const Flow&) override { return in_use; }
    bool calls_for_help(std::string_view bytes) override { return bytes.starts_with("INVITE urn:service:sos"); }
    bool is_known(const Flow&) override { return known; }
    void on_flow_closed(const Flow& flow, const std::string& why) override { closed.emplace_back(flow, why); }
    void on_refused_connection(const Flow&, CloseReason reason, const std::string&) override {
        refused.push_back(reason);
    }
};

inline StreamLimits quick_limits() {
    StreamLimits limits;
    limits.linger = 200ms;
    return limits;
}

struct StreamBench final : AcceptSink {
    explicit StreamBench(StreamLimits l = quick_limits(), Transport transport = Transport::tcp,
                         std::shared_ptr<const TlsContext> context_of_realm = nullptr, ConnectionQuota quota_ = {})
        : limits(l), quota(quota_) {
        tls.exchange({std::move(context_of_realm)});
        realms[0].listeners.push_back({transport, any_port(), {}, 0});
        auto opened = StreamListener::open(context, {transport, 0, any_port()}, clock, quota, *this, accepts);
        REQUIRE(opened.has_value());
        listener = std::move(*opened);
        listener->start();
    }
    ~StreamBench() override {
        pool.close_all();
        listener->stop();
        context.restart();
        context.poll();
    }
    void on_accept(AcceptedSocket accepted) override { pool.adopt(std::move(accepted)); }

    Socket connect() { return Socket::connected(listener->local()); }
    template <class Condition>
    bool until(Condition&& done) {
        return run_until(context, std::forward<Condition>(done));
    }
    bool until_messages(std::size_t n) {
        return until([&] { return heard.messages.size() >= n; });
    }
    bool until_closed(CloseReason reason) {
        return until([&] { return statistics.closes[reason].read() > 0; });
    }
    transaction::Transmit to(const Flow& flow, std::string text, std::string name = {}) const {
        return {flow, std::make_shared<const std::string>(std::move(text)), std::move(name)};
    }
    Flow outbound(Transport transport, const Endpoint& remote) const { return {transport, 0, {}, remote, 0}; }

    asio::io_context context{1};
    Clock clock;
    StreamLimits limits;
    ConnectionLimits quota;
    AcceptStatistics accepts;
    RealmTable realms{Realm{.name = "access"}};
    TlsRealms tls;
    ProvenConnections proven;
    registrar::ProvenConnections proven_by_digest;
    StreamsHeard heard;
    IoStatistics statistics;
    const std::vector<std::uint8_t> dscp = std::vector<std::uint8_t>(realms.size(), default_dscp);
    StreamPool pool{
        context, 5, {realms, dscp, tls, limits, quota, proven, nullptr, &proven_by_digest}, heard, statistics};
    std::unique_ptr<StreamListener> listener;
};

}  // namespace loopback
