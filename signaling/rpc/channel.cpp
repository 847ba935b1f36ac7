#include "signaling/rpc/channel.h"

#include <cerrno>
#include <fstream>
#include <iterator>
#include <system_error>
#include <utility>

namespace sallyport::rpc {
namespace {

constexpr int message_bytes = 256 << 20;  // a snapshot of some hundred thousand trunks
constexpr int reconnect_from_ms = 100, reconnect_to_ms = 2'000;

// The error is a sentence, or empty.
std::string read_file(const std::string& path, std::string& text) {
    std::ifstream file(path, std::ios::binary);
    if (!file) return path + ": " + std::system_category().message(errno);
    text.assign(std::istreambuf_iterator<char>(file), {});
    return {};
}

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
    }
    if (peer.certificate.empty())
        return grpc::CreateCustomChannel(peer.target, grpc::InsecureChannelCredentials(), arguments);
    grpc::SslCredentialsOptions options;
    for (const auto& [path, text] :
         {std::pair{&peer.certificate, &options.pem_cert_chain}, std::pair{&peer.key, &options.pem_private_key},
          std::pair{&peer.ca, &options.pem_root_certs}})
        if (auto wrong = read_file(*path, *text); !wrong.empty()) return wrong;
    if (!peer.tls_name.empty()) arguments.SetSslTargetNameOverride(peer.tls_name);
    return grpc::CreateCustomChannel(peer.target, grpc::SslCredentials(options), arguments);
}

}  // namespace sallyport::rpc
