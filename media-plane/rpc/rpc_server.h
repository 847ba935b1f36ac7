// The daemon's gRPC server: the media service, grpc.health.v1 and reflection on one address. Shows no gRPC outside.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "control/base/result.h"
#include "media-plane/rpc/capture_note.h"
#include "media-plane/rpc/dispatcher.h"

namespace sallyport::media::rpc {

// Mutual TLS, for signaling and control on other hosts.
struct ServerTls {
    std::string certificate, key, ca;          // PEM files
    std::vector<std::string> clients;          // names in the certificates of those that may call; never empty
    std::vector<std::string> decrypt_clients;  // of them, those that may have in clear what SRTP hides
};

struct ServerConfig {
    std::string listen = "unix:/run/sallyport/media.sock";  // or "host:port"
    std::string version;
    std::optional<ServerTls> tls;
    // On a Unix socket, which its permissions keep, a capture may be in clear; over TLS for tls.decrypt_clients; at a
    // port of this host without TLS, which every process here may call, for nobody.
    CaptureLog capture_log;
};

struct ServerStatistics {
    std::uint64_t streams_opened = 0, streams_refused = 0, streams_fenced = 0, events_lost = 0, invalid_commands = 0;
    std::uint64_t captures = 0, captures_running = 0, captured_packets = 0, capture_misses = 0;
};

class RpcServer {
public:
    // The error is a sentence. A socket file on which somebody still answers is not taken away from him.
    static Result<std::unique_ptr<RpcServer>, std::string> start(const ServerConfig& config, Dispatcher& dispatcher,
                                                                 const DispatcherConfig& identity);
    ~RpcServer();

    // What is wrong with the PEM files; empty: nothing.
    static std::string fault_of(const ServerTls& tls);

    // What grpc.health.v1 says, of the server and of the service.
    void set_serving(bool serving);
    // Health says NOT_SERVING, then streams are closed and calls are given a second to end.
    void stop();
    ServerStatistics statistics() const;

private:
    struct State;
    explicit RpcServer(std::unique_ptr<State> state);
    std::unique_ptr<State> state_;
};

}  // namespace sallyport::media::rpc
