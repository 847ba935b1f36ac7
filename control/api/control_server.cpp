#include "control/api/control_server.h"

#include <grpc/support/log.h>
#include <grpcpp/ext/proto_server_reflection_plugin.h>
#include <grpcpp/grpcpp.h>
#include <grpcpp/health_check_service_interface.h>
#include <sys/stat.h>

#include <atomic>
#include <mutex>
#include <stdexcept>

#include "control/api/config_feed_service.h"
#include "control/api/operations_service.h"
#include "control/api/plane_clients.h"
#include "control/api/provisioning_service.h"
#include "control/observe/log.h"
#include "control/records/consumer.h"
#include "control/tls/mutual_tls.h"

namespace sallyport::api {
namespace {

constexpr int request_bytes = 64 << 20;        // an Apply of ten thousand trunks
constexpr int concurrent_streams = 100;        // of one connection
constexpr std::size_t quota_bytes = 1u << 30;  // buffers of all connections together
constexpr int quota_threads = 64;
constexpr int grpc_lines_per_second = 10;

void bound(grpc::ServerBuilder& builder, const char* name) {
    grpc::ResourceQuota quota(name);
    quota.Resize(quota_bytes);
    quota.SetMaxThreads(quota_threads);
    builder.SetResourceQuota(quota);
    builder.SetMaxReceiveMessageSize(request_bytes);
    builder.AddChannelArgument(GRPC_ARG_MAX_CONCURRENT_STREAMS, concurrent_streams);
    builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIME_MS, 60'000);  // a client whose network is gone is let go
    builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, 20'000);
    builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);  // a second process must fail, not share
    builder.SetSyncServerOption(grpc::ServerBuilder::SyncServerOption::MAX_POLLERS, 4);
}

// The socket and its directory are for our user and group: what passes there holds digest hashes.
void prepare_socket(const std::string& listen) {
    const std::filesystem::path path = listen.substr(std::string_view("unix:").size());
    std::error_code error;
    if (std::filesystem::create_directories(path.parent_path(), error))
        std::filesystem::permissions(path.parent_path(), std::filesystem::perms(0750), error);
    if (error) throw std::runtime_error("cannot create " + path.parent_path().string() + ": " + error.message());
}

// gRPC's own log lines (a scanner's failed handshake, mostly) go where ours go: ten a second at most, the rest counted.
void log_grpc(gpr_log_func_args* line) {
    static std::atomic<std::int64_t> second{0};
    static std::atomic<int> lines{0};
    const auto now =
        std::chrono::floor<std::chrono::seconds>(std::chrono::steady_clock::now().time_since_epoch()).count();
    if (const auto before = second.exchange(now); before != now) {
        const int suppressed = lines.exchange(0) - grpc_lines_per_second;
        if (suppressed > 0) observe::log_warning("gRPC: more lines like these", {{"suppressed", suppressed}});
    }
    if (++lines <= grpc_lines_per_second) observe::log_warning("gRPC", {{"reason", line->message}});
}

}  // namespace

struct ControlServer::Impl {
    Impl(const ControlServerOptions& options, ConfigState& config)
        : authorization(options.default_role),
          planes(options.signaling, options.media),
          history(options.records),
          feed(config),
          provisioning(config, authorization, audit),
          operations(options.node, config, feed, planes, history, authorization, audit),
          state(config) {}

    void start_operators(const ControlServerOptions& options) {
        grpc::ServerBuilder builder;
        bound(builder, "operators");
        const auto credentials = tls::server_credentials(options.tls);
        if (!credentials) throw std::runtime_error("oss.tls: " + credentials.error());
        builder.AddListeningPort(options.listen, *credentials, &port);
        builder.RegisterService(&provisioning);
        builder.RegisterService(&operations);
        operators = builder.BuildAndStart();
        if (operators == nullptr || port == 0)
            throw std::runtime_error("cannot serve on " + options.listen +
                                     ": is the address this host's, and the port free?");
    }

    void start_feed(const ControlServerOptions& options) {
        prepare_socket(options.planes_listen);
        grpc::ServerBuilder builder;
        bound(builder, "planes");
        builder.AddListeningPort(options.planes_listen, grpc::InsecureServerCredentials());
        builder.RegisterService(&feed);
        const auto before = umask(0117);  // the socket is born 0660, there is no moment in which others may connect
        local = builder.BuildAndStart();
        umask(before);
        if (local == nullptr)
            throw std::runtime_error("cannot serve on " + options.planes_listen + ": is the directory writable?");
    }

    Authorization authorization;
    AuditTrail audit;
    PlaneClients planes;
    CallHistory history;
    ConfigFeedService feed;
    ProvisioningService provisioning;
    OperationsService operations;
    ConfigState& state;
    int port = 0;
    std::unique_ptr<grpc::Server> local, operators;
};

ControlServer::ControlServer(const ControlServerOptions& options, ConfigState& state) {
    static std::once_flag plugins;  // of the whole process, before the first server is built
    std::call_once(plugins, [] {
        gpr_set_log_function(log_grpc);
        grpc::EnableDefaultHealthCheckService(true);
        grpc::reflection::InitProtoReflectionServerBuilderPlugin();
    });
    impl_ = std::make_unique<Impl>(options, state);
    impl_->start_feed(options);
    impl_->start_operators(options);
    set_serving(true);
}

ControlServer::~ControlServer() { stop(std::chrono::milliseconds(0)); }

// grpc.health.v1, by service and as a whole.
void ControlServer::set_serving(bool serving) {
    const auto set = [&](grpc::Server* server, std::initializer_list<const char*> services) {
        auto* health = server != nullptr ? server->GetHealthCheckService() : nullptr;
        if (health == nullptr) return;
        for (const auto* name : services) health->SetServingStatus(name, serving);
        health->SetServingStatus(serving);
    };
    set(impl_->local.get(), {config::v1::ConfigFeed::service_full_name()});
    set(impl_->operators.get(), {pv1::Provisioning::service_full_name(), ov1::Operations::service_full_name()});
}

int ControlServer::port() const { return impl_->port; }

void ControlServer::stop(std::chrono::milliseconds patience) {
    const auto deadline = std::chrono::system_clock::now() + patience;
    set_serving(false);
    if (impl_->operators) impl_->operators->Shutdown(deadline);
    impl_->feed.close();
    if (impl_->local) impl_->local->Shutdown(deadline);
}

std::vector<observe::Metric> ControlServer::metrics() const {
    using observe::Sample;
    std::vector<Sample> up{{{{"daemon", "sallyport-control"}}, 1}}, applied, connected, waiting;
    for (const auto& state : impl_->planes.states())
        up.push_back({{{"daemon", state.name}}, state.reachable ? 1.0 : 0.0});
    for (const auto& plane : impl_->feed.planes()) {
        applied.push_back({{{"plane", plane.node}}, static_cast<double>(plane.revision)});
        connected.push_back({{{"plane", plane.node}}, plane.connected ? 1.0 : 0.0});
    }
    for (auto& backlog : records::backlogs(impl_->history.directory()))
        waiting.push_back({{{"consumer", std::move(backlog.consumer)}}, static_cast<double>(backlog.bytes)});
    const auto snapshot = impl_->state.snapshot();
    const auto count = [](std::size_t n) { return static_cast<double>(n); };
    return {
        observe::gauge("sallyport_daemon_up", "1 while the daemon answers, 0 while it does not.", std::move(up)),
        observe::gauge("sallyport_config_revision", "Newest provisioned revision.", count(snapshot->revision)),
        observe::gauge("sallyport_config_applied_revision", "Revision that the plane has applied.", std::move(applied)),
        observe::gauge("sallyport_config_feed_connected", "1 while the plane is connected to the configuration feed.",
                       std::move(connected)),
        observe::gauge("sallyport_config_resources", "Provisioned resources by kind.",
                       {{{{"kind", "trunk"}}, count(snapshot->trunks.size())},
                        {{{"kind", "carrier"}}, count(snapshot->carriers.size())},
                        {{{"kind", "route"}}, count(snapshot->routes.size())},
                        {{{"kind", "customer"}}, count(snapshot->customers.size())}}),
        observe::gauge("sallyport_record_spool_bytes", "Bytes of call records in the spool.",
                       static_cast<double>(impl_->history.bytes())),
        observe::gauge("sallyport_record_unacknowledged_bytes",
                       "Bytes of call records that the consumer has not acknowledged.", std::move(waiting)),
        impl_->audit.handled(),
    };
}

}  // namespace sallyport::api
