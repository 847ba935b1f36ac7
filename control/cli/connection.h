// How the command line reaches sallyport-control: address and certificates from flags, the environment or a file, and
// statuses of calls turned into sentences.
#pragma once

#include <grpcpp/grpcpp.h>

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "control/cli/failure.h"

namespace sallyport::cli {

struct ConnectionOptions {
    std::string server;       // HOST:PORT; empty: from the file, else 127.0.0.1:7443
    std::string server_name;  // in its certificate, when that is not HOST
    std::string ca, cert, key;
    std::string file;  // of defaults; empty: the usual places
    int timeout_seconds = 10;
};
// Fills what is empty from the file: --config, else ~/.config/sallyport/cli.yaml, else /etc/sallyport/cli.yaml.
void complete_from_file(ConnectionOptions& options);

struct FieldProblem {
    std::string field, text;
};
// Of an INVALID_ARGUMENT status: the google.rpc.BadRequest in its details.
std::vector<FieldProblem> field_problems(const grpc::Status& status);

class Connection {
public:
    // Throws Failure when a certificate file is missing or unreadable.
    explicit Connection(ConnectionOptions options);

    template <class Stub>
    auto stub() const {
        return Stub::NewStub(channel_);
    }
    // `call` is given a context with deadline; throws Failure unless the status is OK.
    template <class Call>
    void run(Call&& call) const {
        grpc::ClientContext context;
        prepare(context);
        const grpc::Status status = call(context);
        if (!status.ok()) throw failure(status);
    }
    void prepare(grpc::ClientContext& context) const;
    Failure failure(const grpc::Status& status) const;

private:
    ConnectionOptions options_;
    std::shared_ptr<grpc::Channel> channel_;
};

}  // namespace sallyport::cli
