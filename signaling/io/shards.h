// All shards of the node with what they share: the rule that assigns calls to them, the clock, the limits, the
// listeners.
#pragma once

#include <boost/asio/io_context.hpp>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "signaling/io/shard.h"

namespace sallyport::io {

class Shards final : private AcceptSink {
public:
    struct Options {
        std::uint32_t count = 1;  // 1..max_shards
        StreamLimits streams;
        ConnectionQuota connections;
        HashKey hash_key{};                   // unpredictable
        std::vector<std::uint8_t> dscp = {};  // of SIP, one per realm; default_dscp where there is none
    };
    // `base`: the same for every shard but for its number and its Call-IDs. Acceptors run on `context`.
    Shards(asio::io_context& context, const Clock& clock, const Options& options, const stack::StackConfig& base,
           stack::Shared& shared);
    ~Shards() override;

    // Binds every listener of the realms; a sentence about the first that cannot be had.
    std::optional<std::string> listen();
    void start();
    void stop();

    std::uint32_t size() const { return static_cast<std::uint32_t>(shards_.size()); }
    Shard& at(std::uint32_t i) { return *shards_[i]; }
    const Shard& at(std::uint32_t i) const { return *shards_[i]; }
    void broadcast(const stack::Input& input);

    TlsRealms& tls() { return tls_; }
    const TlsRealms& tls() const { return tls_; }
    OcspClient& ocsp() { return ocsp_; }
    const OcspClient& ocsp() const { return ocsp_; }
    ConnectionLimits& connections() { return limits_; }
    const ConnectionLimits& connections() const { return limits_; }
    const AcceptStatistics& accept_statistics() const { return accept_statistics_; }

private:
    void on_accept(AcceptedSocket accepted) override;
    std::optional<std::string> listen_datagrams(RealmIndex realm, const Listener& listener);
    std::optional<std::string> listen_streams(RealmIndex realm, const Listener& listener);

    asio::io_context& context_;
    const Clock& clock_;
    StreamLimits stream_limits_;
    CallIdHash hash_;
    ConnectionLimits limits_;
    TlsRealms tls_;
    ProvenConnections proven_;
    RealmTable realms_;
    std::vector<std::uint8_t> dscp_;  // one per realm
    AcceptStatistics accept_statistics_;
    Shard::Neighbours neighbours_;
    std::vector<std::unique_ptr<Shard>> shards_;
    std::vector<std::unique_ptr<StreamListener>> acceptors_;
    OcspClient ocsp_;  // after the shards, whose connections its thread answers
    std::size_t next_ = 0;
};

}  // namespace sallyport::io
