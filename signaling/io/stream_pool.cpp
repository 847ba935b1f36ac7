#include "signaling/io/stream_pool.h"

#include <algorithm>
#include <string_view>
#include <vector>

#include "control/base/check.h"
#include "signaling/io/socket_address.h"
#include "signaling/io/tls_stream.h"

namespace sallyport::io {
namespace {

asio::ip::tcp protocol_of(const Endpoint& endpoint) {
    return endpoint.address.family == Family::v6 ? asio::ip::tcp::v6() : asio::ip::tcp::v4();
}

bool same(const TrustPtr& a, const TrustPtr& b) { return a == b || (a && b && a->options() == b->options()); }

TrustPtr trust_of_source(const TlsTrusts& trusts, const Flow& flow) {
    return trusts.by_source ? trusts.by_source(flow.realm, flow.remote.address) : nullptr;
}

}  // namespace

std::string Peer::text() const {
    return std::string(to_string(transport)) + ' ' + std::to_string(realm) + ' ' + remote.to_string() + ' ' + tls_name;
}

StreamPool::StreamPool(asio::io_context& context, std::uint32_t shard, const Environment& environment, StreamSink& sink,
                       IoStatistics& statistics)
    : context_(context), shard_(shard), environment_(environment), sink_(sink), statistics_(statistics) {
    SALLYPORT_CHECK(shard < max_shards);
}

void StreamPool::adopt(AcceptedSocket accepted) {
    const Flow flow{accepted.transport, accepted.realm, local_endpoint(accepted.socket.get()), accepted.remote, 0};
    auto context = flow.transport == Transport::tls ? environment_.tls.of(flow.realm) : nullptr;
    asio::ip::tcp::socket socket(context_);
    boost::system::error_code ec;
    auto trust = context ? trust_of_source(*environment_.tls.trusts(), flow) : nullptr;
    const bool refused = flow.transport == Transport::tls && (!context || !may_shake_hands(flow, trust));
    if (!refused) socket.assign(protocol_of(flow.remote), accepted.socket.get(), ec);
    if (refused || ec) {
        const auto reason = refused ? CloseReason::too_many : CloseReason::reset;
        statistics_.closes[reason].add();
        environment_.quota.release(flow.remote.address, accepted.on_trial);
        return sink_.on_refused_connection(flow, reason, ec ? ec.message() : std::string());
    }
    static_cast<void>(accepted.socket.release());
    // Inherited, unless net.ipv4.tcp_reflect_tos has the kernel answer with the peer's.
    set_dscp(socket.native_handle(), flow.remote.address.family, environment_.dscp[flow.realm]);
    statistics_.connections_accepted.add();
    auto stream = context ? make_tls_server_stream(std::move(socket), std::move(context), trust)
                          : make_tcp_stream(std::move(socket));
    StreamSession& session = add(std::move(stream), flow, std::nullopt, std::move(trust));
    if (accepted.on_trial) {
        entries_.at(session.flow().connection).reserved = true;
        session.put_on_trial();
    }
    session.accept();
}

// There was no room for it but what is kept for calls for help: its first message has to be one.
bool StreamPool::has_failed_trial(StreamSession& session, std::string_view bytes) {
    if (!session.on_trial()) return false;
    if (!sink_.calls_for_help(bytes)) {
        session.close(CloseReason::too_many);
        return true;
    }
    session.pass_trial();
    statistics_.connections_for_help.add();
    return false;
}

// TCP shakes no hands that somebody could leave hanging, and what others do not finish takes nothing from what we open.
bool StreamPool::may_shake_hands(const Flow& flow, const TrustPtr& trust) const {
    const std::size_t all = environment_.limits.handshakes;
    if (shaking_ >= all) return false;
    if (trust || environment_.quota.is_known(flow.realm, flow.remote.address)) return true;
    const auto found = shaking_of_.find(source_of(flow.remote.address));
    const std::size_t of_source = found == shaking_of_.end() ? 0 : found->second;
    return shaking_ < all - all / 8 && of_source < std::max<std::size_t>(all / 8, 1);
}

// A peer by its address or certificate is known at once, a registered PBX once it has registered.
void StreamPool::look_whose(const Flow& flow, Entry& entry) {
    if (entry.known || entry.peer || !sink_.is_known(flow)) return;
    entry.known = true;
    environment_.quota.vouch(flow.remote.address);
}

bool StreamPool::on_message(const Flow& flow, std::string_view bytes) {
    Entry& entry = entries_.at(flow.connection);
    const auto session = entry.session;  // it may end
    if (has_failed_trial(*session, bytes)) return true;
    look_whose(flow, entry);
    return sink_.on_stream_message(flow, bytes);
}

void StreamPool::end_opening(const Flow& flow, const Entry& entry) {
    if (entry.peer) {
        --connecting_;
        return;
    }
    if (flow.transport != Transport::tls) return;
    --shaking_;
    const auto of_source = shaking_of_.find(source_of(flow.remote.address));
    if (--of_source->second == 0) shaking_of_.erase(of_source);
}

StreamSession& StreamPool::add(std::unique_ptr<ByteStream> stream, const Flow& flow, std::optional<Peer> peer,
                               TrustPtr trust) {
    Flow numbered = flow;
    numbered.connection = ++last_ * max_shards + shard_;
    StreamOwner& owner = *this;  // a private base: make_shared cannot see it
    auto session =
        std::make_shared<StreamSession>(std::move(stream), numbered, environment_.limits, owner, scratch_, statistics_);
    StreamSession& result = *session;
    if (peer) {
        opened_.emplace(*peer, numbered.connection);
        ++connecting_;
    } else if (flow.transport == Transport::tls) {
        ++shaking_;
        ++shaking_of_[source_of(flow.remote.address)];
    }
    entries_.emplace(numbered.connection, Entry{std::move(session), std::move(peer), std::move(trust), {}});
    ++(flow.transport == Transport::tls ? tls_ : tcp_);
    count(flow.transport);
    return result;
}

void StreamPool::count(Transport transport) {
    if (transport == Transport::tls) return statistics_.tls_connections.set(tls_);
    statistics_.tcp_connections.set(tcp_);
}

bool StreamPool::transmit(const transaction::Transmit& transmit) {
    if (transmit.flow.connection != 0) {
        const auto found = entries_.find(transmit.flow.connection);
        if (found == entries_.end()) return false;
        const auto session = found->second.session;  // send() may end it
        if (transmit.flow.remote != session->flow().remote) found->second.stood_for.insert(transmit.flow.remote);
        session->send(transmit.bytes);
        return true;
    }
    const Peer peer{transmit.flow.transport, transmit.flow.realm, transmit.flow.remote, transmit.tls_name};
    const auto found = opened_.find(peer);
    StreamSession* session = found != opened_.end() ? entries_.at(found->second).session.get() : open(peer);
    if (session == nullptr) return false;
    session->send(transmit.bytes);
    return true;
}

std::optional<std::uint64_t> StreamPool::proven(const transaction::Transmit& transmit) const {
    const Flow& flow = transmit.flow;
    const auto found = environment_.tls.trusts()->of_target(flow.realm, transmit.tls_name, flow.remote.address);
    if (found.trust && found.trust->options().client_certificate)
        return environment_.proven.find(found.trust->options().party, flow.remote.address);
    constexpr std::string_view trunks = "trunks/";
    if (environment_.proven_by_digest == nullptr || !found.party.starts_with(trunks)) return std::nullopt;
    return environment_.proven_by_digest->find(flow, std::string_view(found.party).substr(trunks.size()));
}

// RFC 3261 18.1.1. nullptr: not possible now.
StreamSession* StreamPool::open(const Peer& peer) {
    auto context = peer.transport == Transport::tls ? environment_.tls.of(peer.realm) : nullptr;
    if ((peer.transport == Transport::tls && context == nullptr) || peer.remote.empty()) return nullptr;
    if (connecting_ >= environment_.limits.handshakes) {
        statistics_.closes[CloseReason::too_many].add();
        return nullptr;
    }
    const Flow flow{peer.transport, peer.realm, {}, peer.remote, 0};
    TlsTrusts::Found found;
    if (context) found = environment_.tls.trusts()->of_target(peer.realm, peer.tls_name, peer.remote.address);
    if (found.ambiguous || (found.trust && found.trust->options().never_dial)) {
        const auto reason = found.ambiguous ? CloseReason::certificate : CloseReason::peer_connects;
        statistics_.closes[reason].add();
        sink_.on_refused_connection(flow, reason,
                                    found.ambiguous ? "peers reached as " + peer.tls_name + " are trusted differently"
                                                    : found.trust->options().party);
        return nullptr;
    }
    asio::ip::tcp::socket socket(context_);
    boost::system::error_code ec;
    socket.open(protocol_of(peer.remote), ec);
    if (ec) {
        statistics_.closes[CloseReason::connect_failed].add();
        return nullptr;
    }
    set_dscp(socket.native_handle(), peer.remote.address.family, environment_.dscp[peer.realm]);
    auto stream = context ? make_tls_client_stream(std::move(socket), std::move(context), peer.tls_name, found.trust)
                          : make_tcp_stream(std::move(socket));
    StreamSession& session = add(std::move(stream), flow, peer, std::move(found.trust));
    session.connect(source_for(peer));
    return &session;
}

// Packets leave with the realm's own address: peers know us by it.
Endpoint StreamPool::source_for(const Peer& peer) const {
    const Realm& realm = environment_.realms[peer.realm];
    const Family family = peer.remote.address.family;
    for (const auto transport : {peer.transport, Transport::tls, Transport::tcp, Transport::udp})
        if (const Listener* l = realm.listener(transport, family))
            return l->bind.address.is_unspecified() ? Endpoint{} : Endpoint{l->bind.address, 0};
    return {};
}

void StreamPool::close(const Flow& flow) {
    const auto found = entries_.find(flow.connection);
    if (found == entries_.end()) return;
    const auto session = found->second.session;
    session->close(CloseReason::asked);
}

void StreamPool::close_all() {
    std::vector<std::shared_ptr<StreamSession>> sessions;
    sessions.reserve(entries_.size());
    for (const auto& [connection, entry] : entries_) sessions.push_back(entry.session);
    for (const auto& session : sessions) session->close(CloseReason::shutdown);
}

void StreamPool::ask_status(const StatusQuestion& question, std::function<void(const StatusAnswer&)> done) {
    if (environment_.ocsp == nullptr) return done({CertificateStatus::unknown, "nobody here asks for it", 0});
    environment_.ocsp->ask(question,
                           [done = std::move(done)](const StatusAnswer& answer, const std::string&) { done(answer); });
}

TrustPtr StreamPool::trust_now(const Flow& flow, const Entry& entry) const {
    const auto trusts = environment_.tls.trusts();
    if (!entry.peer) return trust_of_source(*trusts, flow);
    return trusts->of_target(entry.peer->realm, entry.peer->tls_name, entry.peer->remote.address).trust;
}

void StreamPool::recheck_trust() {
    std::vector<std::shared_ptr<StreamSession>> changed;
    for (const auto& [connection, entry] : entries_) {
        const Flow& flow = entry.session->flow();
        if (flow.transport == Transport::tls && !same(entry.trust, trust_now(flow, entry)))
            changed.push_back(entry.session);
    }
    for (const auto& session : changed) session->close(CloseReason::asked, "the peer's TLS settings have changed");
}

void StreamPool::on_open(StreamSession& session) {
    Entry& entry = entries_.at(session.flow().connection);
    entry.opened = true;
    end_opening(session.flow(), entry);
    if (entry.peer)
        statistics_.connections_opened.add();
    else if (entry.trust && entry.trust->options().client_certificate)
        environment_.proven.add(entry.trust->options().party, session.flow().remote.address, session.flow().connection);
    look_whose(session.flow(), entry);
    if (const auto remark = session.remark(); !remark.empty()) sink_.on_remark(session.flow(), remark);
}

void StreamPool::on_end(StreamSession& session, CloseReason reason, const std::string& detail) {
    const auto found = entries_.find(session.flow().connection);
    SALLYPORT_CHECK(found != entries_.end());
    const Flow flow = session.flow();
    look_whose(flow, found->second);
    const Entry entry = std::move(found->second);
    entries_.erase(found);
    if (!entry.opened) end_opening(flow, entry);
    --(flow.transport == Transport::tls ? tls_ : tcp_);
    count(flow.transport);
    std::string why(to_string(reason));
    if (!detail.empty()) why += ": " + detail;
    if (entry.peer) {
        opened_.erase(*entry.peer);
        if (entry.opened) sink_.on_flow_closed(flow, why);
        // Whoever sent to "this peer, by whichever connection" has lost it too.
        sink_.on_flow_closed({flow.transport, flow.realm, {}, flow.remote, 0}, why);
    } else {
        environment_.quota.release(flow.remote.address, entry.reserved);
        if (entry.trust && entry.trust->options().client_certificate)
            environment_.proven.remove(entry.trust->options().party, flow.remote.address, flow.connection);
        if (session.heard() || !entry.stood_for.empty()) sink_.on_flow_closed(flow, why);
        for (const Endpoint& place : entry.stood_for) {
            Flow there = flow;
            there.remote = place;
            sink_.on_flow_closed(there, why);
        }
    }
    if (!entry.opened) sink_.on_refused_connection(flow, reason, detail);
    sink_.on_batch_end();
}

}  // namespace sallyport::io
