#include "signaling/rpc/channel.h"

#include "control/tls/channel.h"

namespace sallyport::rpc {
namespace {

constexpr int message_bytes = 256 << 20;  // a snapshot of some hundred thousand trunks

}  // namespace

Result<std::shared_ptr<grpc::Channel>, std::string> make_channel(const RpcPeer& peer, Duration keep_alive) {
    grpc::ChannelArguments arguments;
    arguments.SetMaxReceiveMessageSize(message_bytes);
    arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);  // clients of one server do not share a connection
    if (keep_alive > Duration::zero()) {
        const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(keep_alive).count();
        arguments.SetInt(GRPC_ARG_KEEPALIVE_TIME_MS, static_cast<int>(ms));
        arguments.SetInt(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, static_cast<int>(ms / 2));
        // Small messages: to measure how much the line could carry would cost pings, and nobody would use it.
        arguments.SetInt(GRPC_ARG_HTTP2_BDP_PROBE, 0);
    }
    return tls::make_channel(peer.target, {peer.certificate, peer.key, peer.ca}, peer.tls_name, arguments);
}

}  // namespace sallyport::rpc
