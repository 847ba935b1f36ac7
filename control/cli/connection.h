// How the command line reaches control: address and certificates from options, environment or a file, and the stubs
// over them. Refusals become sentences here, and nowhere does a status code reach the operator.
#pragma once

#include <grpcpp/grpcpp.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "sallyport/operations/v1/operations.grpc.pb.h"
#include "sallyport/provisioning/v1/provisioning.grpc.pb.h"

namespace sallyport::cli {

namespace ov1 = sallyport::operations::v1;
namespace pv1 = sallyport::provisioning::v1;

struct Connection {
    std::string server;  // "127.0.0.1:7443"
    std::string ca, cert, key;
    std::string server_name;      // what the certificate names, where it is not what we connect to
    double timeout_seconds = 30;  // of one request to control

    // Fills what is empty: from SALLYPORT_SERVER, _CA, _CERT, _KEY, _SERVER_NAME, then from the first file of
    // $SALLYPORT_CLI_CONFIG, ~/.config/sallyport/cli.yaml, /etc/sallyport/cli.yaml. Throws Failure on a bad file.
    void complete();
};

// What ends a command with exit code 1: a sentence, and for each broken rule its field and text.
struct Failure {
    std::string sentence;
    std::vector<std::pair<std::string, std::string>> violations = {};
    bool may_pass = false;  // it is for want of control or of a plane: the same may do later
};

class Client {
public:
    explicit Client(Connection connection);

    pv1::Provisioning::Stub& provisioning() { return *provisioning_; }
    ov1::Operations::Stub& operations() { return *operations_; }

    // Calls with a deadline; throws Failure when control refuses or cannot be reached.
    template <class Stub, class Request, class Response>
    void call(Stub& stub, grpc::Status (Stub::*method)(grpc::ClientContext*, const Request&, Response*),
              const Request& request, Response& response) {
        grpc::ClientContext context;
        prepare(context);
        check((stub.*method)(&context, request, &response));
    }

    // Likewise for what comes as a stream, which may take `seconds` more; ends early where `take` returns false.
    template <class Stub, class Request, class Response, class Take>
    void read(Stub& stub,
              std::unique_ptr<grpc::ClientReader<Response>> (Stub::*method)(grpc::ClientContext*, const Request&),
              const Request& request, double seconds, Take&& take) {
        grpc::ClientContext context;
        prepare(context, seconds);
        const auto reader = (stub.*method)(&context, request);
        Response response;
        while (reader->Read(&response))
            if (!take(response)) context.TryCancel();
        check(reader->Finish());
    }

private:
    void prepare(grpc::ClientContext& context, double more_seconds = 0) const;
    void check(const grpc::Status& status) const;

    Connection connection_;
    std::unique_ptr<pv1::Provisioning::Stub> provisioning_;
    std::unique_ptr<ov1::Operations::Stub> operations_;
};

Failure to_failure(const grpc::Status& status, const std::string& server);

}  // namespace sallyport::cli
