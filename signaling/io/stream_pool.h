// The TCP and TLS connections that one shard owns: those it was given by an acceptor and those it opened. Finds, opens
// and closes them; what they carry is the sink's.
#pragma once

#include <boost/asio/io_context.hpp>
#include <compare>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "signaling/io/connection_limits.h"
#include "signaling/io/proven_connections.h"
#include "signaling/io/stream_listener.h"
#include "signaling/io/stream_session.h"
#include "signaling/io/tls_context.h"
#include "signaling/io/tls_ocsp_client.h"
#include "signaling/registrar/proven_connections.h"

namespace sallyport::io {

// A connection's number says which shard owns it.
inline constexpr std::uint32_t max_shards = 256;
inline std::uint32_t shard_of_connection(std::uint64_t connection) {
    return static_cast<std::uint32_t>(connection % max_shards);
}

// What makes two wishes for a connection the same one.
struct Peer {
    Transport transport = Transport::tcp;
    RealmIndex realm = 0;
    Endpoint remote;
    std::string tls_name;
    friend auto operator<=>(const Peer&, const Peer&) = default;
    std::string text() const;
};

class StreamSink {
public:
    virtual ~StreamSink() = default;
    virtual bool on_stream_message(const Flow& flow, std::string_view bytes) = 0;  // false: not now
    virtual void on_batch_end() = 0;
    virtual bool is_in_use(const Flow& flow) = 0;
    virtual bool calls_for_help(std::string_view bytes) = 0;
    virtual bool is_known(const Flow& flow) = 0;  // whose it is: a registered PBX's, a peer's by its address or proof
    // For every shard: a connection that carried messages, or (connection 0) one that could not be had.
    virtual void on_flow_closed(const Flow& flow, const std::string& reason) = 0;
    virtual void on_refused_connection(const Flow& flow, CloseReason reason, const std::string& detail) = 0;
    virtual void on_remark(const Flow& flow, const std::string& text) {
        static_cast<void>(flow), static_cast<void>(text);
    }
};

class StreamPool final : private StreamOwner {
public:
    struct Environment {  // of the node; outlives the pool
        const RealmTable& realms;
        const std::vector<std::uint8_t>& dscp;  // one per realm
        const TlsRealms& tls;
        const StreamLimits& limits;
        ConnectionLimits& quota;
        ProvenConnections& proven;
        OcspClient* ocsp = nullptr;                                      // nothing: nobody's status can be known
        const registrar::ProvenConnections* proven_by_digest = nullptr;  // nothing: nobody can prove himself so
    };
    StreamPool(asio::io_context& context, std::uint32_t shard, const Environment& environment, StreamSink& sink,
               IoStatistics& statistics);

    void adopt(AcceptedSocket accepted);
    // False: the connection it names is gone.
    bool transmit(const transaction::Transmit& transmit);
    // A connection that the peer has opened and proven, by its certificate where one is demanded of it, else by Digest,
    // which this may take instead of a new one.
    std::optional<std::uint64_t> proven(const transaction::Transmit& transmit) const;
    void close(const Flow& flow);
    void close_all();
    // Closes what was opened under another trust than the peer has by now.
    void recheck_trust();
    std::size_t size() const { return entries_.size(); }

private:
    struct Entry {
        std::shared_ptr<StreamSession> session;
        std::optional<Peer> peer;  // we opened it
        TrustPtr trust;
        std::set<Endpoint> stood_for;  // places that it was used for instead of a connection of ours
        bool opened = false, known = false;
        bool reserved = false;  // of what is for calls for help
    };
    bool on_message(const Flow& flow, std::string_view bytes) override;
    void on_read_end() override { sink_.on_batch_end(); }
    bool is_in_use(const Flow& flow) override { return sink_.is_in_use(flow); }
    void ask_status(const StatusQuestion& question, std::function<void(const StatusAnswer&)> done) override;
    void on_open(StreamSession& session) override;
    void on_end(StreamSession& session, CloseReason reason, const std::string& detail) override;

    bool may_shake_hands(const Flow& flow, const TrustPtr& trust) const;
    void look_whose(const Flow& flow, Entry& entry);
    void end_opening(const Flow& flow, const Entry& entry);
    StreamSession* open(const Peer& peer);
    StreamSession& add(std::unique_ptr<ByteStream> stream, const Flow& flow, std::optional<Peer> peer, TrustPtr trust);
    bool has_failed_trial(StreamSession& session, std::string_view bytes);
    TrustPtr trust_now(const Flow& flow, const Entry& entry) const;
    Endpoint source_for(const Peer& peer) const;
    void count(Transport transport);

    asio::io_context& context_;
    std::uint32_t shard_;
    Environment environment_;
    StreamSink& sink_;
    IoStatistics& statistics_;
    StreamScratch scratch_;
    std::unordered_map<std::uint64_t, Entry> entries_;  // by connection
    std::map<Peer, std::uint64_t> opened_;
    std::unordered_map<IpAddress, std::size_t> shaking_of_;  // by source: handshakes with who connects to us
    std::size_t shaking_ = 0, connecting_ = 0, tcp_ = 0, tls_ = 0;
    std::uint64_t last_ = 0;
};

}  // namespace sallyport::io
