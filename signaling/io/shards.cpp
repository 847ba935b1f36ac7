#include "signaling/io/shards.h"

#include "control/base/check.h"
#include "signaling/io/socket_address.h"
#include "signaling/stack/shared.h"

namespace sallyport::io {

Shards::Shards(asio::io_context& context, const Clock& clock, const Options& options, const stack::StackConfig& base,
               stack::Shared& shared)
    : context_(context),
      clock_(clock),
      stream_limits_(options.streams),
      hash_(options.hash_key, options.count),
      limits_(options.connections),
      realms_(base.realms),
      dscp_(options.dscp) {
    SALLYPORT_CHECK(options.count >= 1 && options.count <= max_shards);
    dscp_.resize(realms_.size(), default_dscp);
    for (std::uint32_t i = 0; i < options.count; ++i) {
        stack::StackConfig config = base;
        config.shard = i;
        config.max_transaction_bytes = base.max_transaction_bytes / options.count;
        config.is_home = [this, i](std::string_view call_id) { return hash_.shard_of(call_id) == i; };
        const StreamPool::Environment streams{realms_, dscp_,   tls_,   stream_limits_,
                                              limits_, proven_, &ocsp_, &shared.proven};
        const Shard::Environment environment{clock_, hash_, neighbours_, streams};
        shards_.push_back(std::make_unique<Shard>(std::move(config), shared, environment));
        neighbours_.shards.push_back(shards_.back().get());
    }
}

Shards::~Shards() { stop(); }

std::optional<std::string> Shards::listen() {
    for (std::size_t realm = 0; realm < realms_.size(); ++realm) {
        for (const auto& listener : realms_[realm].listeners) {
            const auto index = static_cast<RealmIndex>(realm);
            auto wrong = listener.transport == Transport::udp ? listen_datagrams(index, listener)
                                                              : listen_streams(index, listener);
            if (wrong) return wrong;
        }
    }
    return std::nullopt;
}

std::optional<std::string> Shards::listen_datagrams(RealmIndex realm, const Listener& listener) {
    const bool share = shards_.size() > 1;
    if (share && is_udp_address_taken(listener.bind))
        return "udp " + listener.bind.to_string() + ": cannot bind: another process has this address";
    for (const auto& shard : shards_)
        if (auto wrong = shard->listen({realm, listener.bind, share, dscp_[realm]})) return wrong;
    return std::nullopt;
}

std::optional<std::string> Shards::listen_streams(RealmIndex realm, const Listener& listener) {
    AcceptSink& sink = *this;
    auto acceptor = StreamListener::open(context_, {listener.transport, realm, listener.bind, dscp_[realm]}, clock_,
                                         limits_, sink, accept_statistics_);
    if (!acceptor) return acceptor.error();
    acceptors_.push_back(std::move(*acceptor));
    return std::nullopt;
}

void Shards::start() {
    for (const auto& shard : shards_) shard->start();
    for (const auto& acceptor : acceptors_) acceptor->start();
}

void Shards::stop() {
    for (const auto& acceptor : acceptors_) acceptor->stop();
    for (const auto& shard : shards_) shard->stop();
}

void Shards::broadcast(const stack::Input& input) {
    for (const auto& shard : shards_) shard->post(input);
}

// Connections go round.
void Shards::on_accept(AcceptedSocket accepted) {
    next_ = (next_ + 1) % shards_.size();
    shards_[next_]->post(std::move(accepted));
}

}  // namespace sallyport::io
