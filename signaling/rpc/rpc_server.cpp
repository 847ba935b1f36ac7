#include "signaling/rpc/rpc_server.h"

#include <grpcpp/ext/proto_server_reflection_plugin.h>
#include <grpcpp/grpcpp.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>

namespace sallyport::rpc {
namespace {

constexpr int message_bytes = 32 << 20;  // a candidate to be explained; control tells what is larger
constexpr int streams_per_connection = 64;
constexpr std::size_t memory_bytes = 128u << 20;
constexpr int threads = 8;  // each may wait a second for the shards

std::string socket_path(const std::string& listen) { return listen.starts_with("unix:") ? listen.substr(5) : ""; }

bool somebody_answers(const std::string& path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.size() >= sizeof address.sun_path) return false;
    std::memcpy(address.sun_path, path.data(), path.size());
    const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) return false;
    const bool answered = connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
    close(fd);
    return answered;
}

void set_bounds(grpc::ServerBuilder& builder) {
    builder.SetMaxReceiveMessageSize(message_bytes);
    grpc::ResourceQuota quota("state");
    quota.Resize(memory_bytes);
    quota.SetMaxThreads(threads);
    builder.SetResourceQuota(quota);
    builder.AddChannelArgument(GRPC_ARG_MAX_CONCURRENT_STREAMS, streams_per_connection);
    builder.AddChannelArgument(GRPC_ARG_MAX_METADATA_SIZE, 16 * 1024);
    builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);
}

}  // namespace

RpcServer::RpcServer(StateSources sources) : service_(std::move(sources)) {}

Result<std::unique_ptr<RpcServer>, std::string> RpcServer::start(const std::string& listen, StateSources sources) {
    const std::string path = socket_path(listen);
    if (!path.empty()) {
        const auto directory = std::filesystem::path(path).parent_path();
        std::error_code error;
        if (!directory.empty() && !std::filesystem::is_directory(directory, error))
            return "grpc.listen: directory " + directory.string() + " does not exist";
        if (somebody_answers(path)) return "grpc.listen: another process listens on " + path;
    }
    static const bool plugins = [] {
        grpc::EnableDefaultHealthCheckService(true);
        grpc::reflection::InitProtoReflectionServerBuilderPlugin();
        return true;
    }();
    static_cast<void>(plugins);
    std::unique_ptr<RpcServer> server(new RpcServer(std::move(sources)));
    grpc::ServerBuilder builder;
    int port = 0;
    builder.AddListeningPort(listen, grpc::InsecureServerCredentials(), &port);
    builder.RegisterService(&server->service_);
    set_bounds(builder);
    const mode_t before = umask(0117);  // owner and group may connect: the socket is the permission
    server->server_ = builder.BuildAndStart();
    umask(before);
    if (!server->server_ || port == 0) return "grpc.listen: cannot listen on " + listen;
    server->set_serving(true);
    return server;
}

RpcServer::~RpcServer() {
    if (!server_) return;
    server_->GetHealthCheckService()->SetServingStatus(false);
    server_->Shutdown(std::chrono::system_clock::now() + std::chrono::seconds(1));
    server_->Wait();
}

void RpcServer::set_serving(bool serving) {
    server_->GetHealthCheckService()->SetServingStatus(operations_pb::SignalingState::service_full_name(), serving);
}

}  // namespace sallyport::rpc
