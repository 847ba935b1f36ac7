#include "control/tls/channel.h"

#include "control/tls/mutual_tls.h"

namespace sallyport::tls {

Result<std::shared_ptr<grpc::Channel>, std::string> make_channel(const std::string& target, const TlsFiles& files,
                                                                 const std::string& tls_name,
                                                                 grpc::ChannelArguments arguments) {
    arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, 100);
    arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, 1'000);  // a daemon that is back is seen to be back
    // Whatever its name says, gRPC takes it as the least time that one attempt gets: TCP, the handshake and the
    // server's first frame. Over a long line, or beside a busy server, a shorter one never ends well.
    arguments.SetInt(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, 10'000);
    arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
    if (files.certificate.empty())
        return grpc::CreateCustomChannel(target, grpc::InsecureChannelCredentials(), arguments);
    auto credentials = channel_credentials(files);
    if (!credentials) return credentials.error();
    if (!tls_name.empty()) arguments.SetSslTargetNameOverride(tls_name);
    return grpc::CreateCustomChannel(target, *credentials, arguments);
}

}  // namespace sallyport::tls
