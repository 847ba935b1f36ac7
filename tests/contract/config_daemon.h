// sallyport-control as its clients meet it: the real daemon in a directory of its own, with a development CA made for
// the occasion, started, stopped and killed by tests.
#pragma once

#include <grpcpp/grpcpp.h>
#include <sys/types.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "sallyport/operations/v1/operations.grpc.pb.h"
#include "sallyport/provisioning/v1/provisioning.grpc.pb.h"
#include "sallyport/provisioning/v1/violations.pb.h"

namespace sallyport::test {

namespace pv1 = sallyport::provisioning::v1;
namespace ov1 = sallyport::operations::v1;

bool wait_until(const std::function<bool()>& condition, int seconds = 10);
std::string read_file(const std::string& path);
void write_file(const std::string& path, std::string_view text);

class ControlDaemon {
public:
    ControlDaemon();   // makes directory and certificates, starts
    ~ControlDaemon();  // kills what still runs, removes the directory

    void start();
    int stop(int signal);  // exit code, or -signal
    void signal(int number) const;
    // Runs the daemon with other arguments or another node file, to its end: exit code.
    int run_to_end(const std::vector<std::string>& arguments);

    std::string path(const std::string& name) const { return directory_ + '/' + name; }
    std::string log() const { return read_file(path("log")); }
    std::string node_file() const;
    std::uint16_t port() const { return port_; }
    std::uint16_t metrics_port() const { return metrics_port_; }
    std::string server() const { return "127.0.0.1:" + std::to_string(port_); }
    std::string scrape() const;
    // The value of a series, e.g. `sallyport_daemon_up{daemon="sallyport-media"}`; -1 when it is not there.
    double metric(const std::string& series) const;

    // client: "oss" (provisioner), "noc" (viewer), "billing", "stranger" (of another CA), "" (no certificate).
    std::shared_ptr<grpc::Channel> channel(const std::string& client = "oss") const;
    std::shared_ptr<grpc::Channel> local_channel() const;
    std::unique_ptr<pv1::Provisioning::Stub> provisioning(const std::string& client = "oss") const {
        return pv1::Provisioning::NewStub(channel(client));
    }
    std::unique_ptr<ov1::Operations::Stub> operations(const std::string& client = "oss") const {
        return ov1::Operations::NewStub(channel(client));
    }

private:
    void make_certificates() const;
    std::string directory_;
    pid_t pid_ = -1;
    std::uint16_t port_ = 0, metrics_port_ = 0;
};

pv1::Trunk sample_trunk(const std::string& id = "acme-hq", const std::string& first = "+4930123400",
                        const std::string& last = "+4930123499");
pv1::Carrier sample_carrier();
pv1::Route sample_route();

std::vector<std::string> violated_fields(const grpc::Status& status);

// A unary call with a deadline: CHECK(call(*stub, &Stub::GetTrunk, request, response).ok())
template <class Stub, class Request, class Response>
grpc::Status call(Stub& stub, grpc::Status (Stub::*method)(grpc::ClientContext*, const Request&, Response*),
                  const std::type_identity_t<Request>& request, Response& response) {
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(10));
    return (stub.*method)(&context, request, &response);
}

}  // namespace sallyport::test
