// The gRPC server of the signaling process: SignalingState, health (grpc.health.v1) and reflection on a local socket.
#pragma once

#include <memory>
#include <string>

#include "control/base/result.h"
#include "signaling/rpc/state_service.h"

namespace grpc {
class Server;
}

namespace sallyport::rpc {

class RpcServer {
public:
    // `listen`: "unix:/run/sallyport/signaling.sock" or "127.0.0.1:7445". The error is a sentence.
    static Result<std::unique_ptr<RpcServer>, std::string> start(const std::string& listen, StateSources sources);
    ~RpcServer();
    RpcServer(const RpcServer&) = delete;
    RpcServer& operator=(const RpcServer&) = delete;

    // Liveness is that it answers at all; `serving` is readiness: new calls are welcome.
    void set_serving(bool serving);

private:
    explicit RpcServer(StateSources sources);

    StateService service_;
    std::unique_ptr<grpc::Server> server_;
};

}  // namespace sallyport::rpc
