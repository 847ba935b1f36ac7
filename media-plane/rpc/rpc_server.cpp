#include "media-plane/rpc/rpc_server.h"

#include <google/protobuf/stubs/logging.h>
#include <grpcpp/ext/proto_server_reflection_plugin.h>
#include <grpcpp/grpcpp.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>

#include "control/tls/mutual_tls.h"
#include "media-plane/rpc/call_loop.h"
#include "media-plane/rpc/health_service.h"
#include "media-plane/rpc/media_service.h"

namespace sallyport::media::rpc {
namespace {

constexpr int message_bytes = 1 << 20;
constexpr int streams_per_connection = 64;
constexpr std::size_t memory_bytes = 256u << 20;
constexpr int threads = 64;  // of questions; then they are answered with RESOURCE_EXHAUSTED

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
    grpc::ResourceQuota quota("media");
    quota.Resize(memory_bytes);
    quota.SetMaxThreads(threads);
    builder.SetResourceQuota(quota);
    builder.AddChannelArgument(GRPC_ARG_MAX_CONCURRENT_STREAMS, streams_per_connection);
    builder.AddChannelArgument(GRPC_ARG_MAX_METADATA_SIZE, 16 * 1024);
    // A client that vanished without a word is noticed, and its lease begins, within 15 seconds.
    builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIME_MS, 10'000);
    builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, 5'000);
    builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1);
    builder.AddChannelArgument(GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS, 5'000);
    builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);
    builder.AddChannelArgument(GRPC_ARG_HTTP2_BDP_PROBE, 0);  // commands are small: its pings would be for nothing
}

Result<std::shared_ptr<grpc::ServerCredentials>, std::string> credentials_of(const ServerConfig& config) {
    if (!config.tls) return grpc::InsecureServerCredentials();
    if (config.tls->clients.empty()) return "no client is named: every certificate of the CA could command the plane";
    return tls::server_credentials({config.tls->certificate, config.tls->key, config.tls->ca}, config.tls->clients);
}

}  // namespace

struct RpcServer::State {
    State(Dispatcher& dispatcher, const DispatcherConfig& identity, const ServerConfig& config)
        : service(dispatcher, identity, config.version, dispatcher.plane().now(),
                  {.local = !socket_path(config.listen).empty(),
                   .decrypt_clients = config.tls ? config.tls->decrypt_clients : std::vector<std::string>{},
                   .log = config.capture_log}) {}
    MediaService service;
    HealthService health{pb::Media::service_full_name()};
    std::unique_ptr<CallLoop> loop;
    std::unique_ptr<grpc::Server> server;
};

Result<std::unique_ptr<RpcServer>, std::string> RpcServer::start(const ServerConfig& config, Dispatcher& dispatcher,
                                                                 const DispatcherConfig& identity) {
    const std::string path = socket_path(config.listen);
    if (!path.empty()) {
        const auto directory = std::filesystem::path(path).parent_path();
        std::error_code error;
        if (!directory.empty() && !std::filesystem::is_directory(directory, error))
            return "grpc.listen: directory " + directory.string() + " does not exist";
        if (somebody_answers(path)) return "grpc.listen: another process listens on " + path;
    }
    static const bool plugins = [] {
        grpc::reflection::InitProtoReflectionServerBuilderPlugin();
        google::protobuf::SetLogHandler(nullptr);  // it writes a line to standard error for each malformed message
        return true;
    }();
    static_cast<void>(plugins);
    const auto credentials = credentials_of(config);
    if (!credentials) return "grpc.tls: " + credentials.error();
    auto state = std::make_unique<State>(dispatcher, identity, config);
    grpc::ServerBuilder builder;
    int port = 0;
    builder.AddListeningPort(config.listen, *credentials, &port);
    builder.RegisterService(&state->service);
    builder.RegisterService(&state->health);
    set_bounds(builder);
    // The only queue that waits for connections: gRPC has those of the questions not do it where there is such a one.
    state->loop = std::make_unique<CallLoop>(dispatcher.plane(), builder.AddCompletionQueue());
    const mode_t before = umask(0117);  // owner and group may connect: the socket is the permission
    state->server = builder.BuildAndStart();
    umask(before);
    if (!state->server || port == 0) return "grpc.listen: cannot listen on " + config.listen;
    state->health.set_serving(true);
    state->service.serve(*state->loop);
    state->loop->start();
    return std::unique_ptr<RpcServer>(new RpcServer(std::move(state)));
}

std::string RpcServer::fault_of(const ServerTls& tls) { return tls::fault_of({tls.certificate, tls.key, tls.ca}); }

RpcServer::RpcServer(std::unique_ptr<State> state) : state_(std::move(state)) {}
RpcServer::~RpcServer() { stop(); }

void RpcServer::set_serving(bool serving) { state_->health.set_serving(serving); }

void RpcServer::stop() {
    if (!state_->server) return;
    state_->health.stop();
    state_->server->Shutdown(std::chrono::system_clock::now() + std::chrono::seconds(1));
    state_->server->Wait();
    state_->loop->stop();
    state_->server.reset();
}

ServerStatistics RpcServer::statistics() const {
    const StreamStatistics& s = state_->service.statistics();
    const CaptureStatistics& c = state_->service.capture_statistics();
    return {s.opened.load(std::memory_order_relaxed),
            s.refused.load(std::memory_order_relaxed),
            s.fenced.load(std::memory_order_relaxed),
            s.events_lost.load(std::memory_order_relaxed),
            s.invalid_commands.load(std::memory_order_relaxed),
            c.started.load(std::memory_order_relaxed),
            c.running.load(std::memory_order_relaxed),
            c.packets.load(std::memory_order_relaxed),
            c.missed.load(std::memory_order_relaxed)};
}

}  // namespace sallyport::media::rpc
