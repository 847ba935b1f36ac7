#include "signaling/rpc/channel.h"

#include "control/tls/mutual_tls.h"

namespace sallyport::rpc {
namespace {

constexpr int message_bytes = 256 << 20;  // a snapshot of some hundred thousand trunks
constexpr int reconnect_from_ms = 100, reconnect_to_ms = 2'000;

}  // namespace

Result<std::shared_ptr<grpc::Channel>, std::string> make_channel(const RpcPeer& peer, Duration keep_alive) {
    grpc::ChannelArguments arguments;
    arguments.SetMaxReceiveMessageSize(message_bytes);
    arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, reconnect_from_ms);
    arguments.SetInt(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, reconnect_from_ms);
    arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, reconnect_to_ms);
    arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);  // clients of one server do not share a connection
    arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
    if (keep_alive > Duration::zero()) {
        const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(keep_alive).count();
        arguments.SetInt(GRPC_ARG_KEEPALIVE_TIME_MS, static_cast<int>(ms));
        arguments.SetInt(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, static_cast<int>(ms / 2));
        // Small messages: to measure how much the line could carry would cost pings, and nobody would use it.
        arguments.SetInt(GRPC_ARG_HTTP2_BDP_PROBE, 0);
    }
    if (peer.certificate.empty())
        return grpc::CreateCustomChannel(peer.target, grpc::InsecureChannelCredentials(), arguments);
    auto credentials = tls::channel_credentials({peer.certificate, peer.key, peer.ca});
    if (!credentials) return credentials.error();
    if (!peer.tls_name.empty()) arguments.SetSslTargetNameOverride(peer.tls_name);
    return grpc::CreateCustomChannel(peer.target, *credentials, arguments);
}

}  // namespace sallyport::rpc
