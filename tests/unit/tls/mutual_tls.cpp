// A gRPC server and its clients with certificates made by openssl(1): who is heard, and what a renewed file changes.
#include "control/tls/mutual_tls.h"

#include <grpc/support/log.h>
#include <grpcpp/generic/async_generic_service.h>
#include <grpcpp/generic/generic_stub.h>
#include <catch2/catch.hpp>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <future>
#include <memory>
#include <string>
#include <vector>

#include "control/tls/channel.h"
#include "tests/support/eventually.h"

using namespace sallyport;
using namespace sallyport::tls;
using namespace std::chrono_literals;

namespace {

constexpr const char* make_certificates = R"(set -e
cd "$1"
new_key="-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes"
openssl req -x509 $new_key -days 2 -subj "/CN=test CA" -keyout ca.key -out ca.pem
leaf() {
  openssl req $new_key -subj "$2" -keyout $1.key -out $1.csr
  echo "$3" > $1.ext
  openssl x509 -req -in $1.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -out $1.pem -extfile $1.ext
}
leaf server "/CN=server" "subjectAltName=IP:127.0.0.1"
leaf renewed "/CN=server" "subjectAltName=DNS:renewed.example"
leaf node "/CN=node" "subjectAltName=DNS:edge-1.example"
leaf nameless "/CN=edge-1.example" "extendedKeyUsage=clientAuth"
leaf other "/CN=edge-1.example" "subjectAltName=DNS:viewer.example"
)";

class Folder {
public:
    Folder() {
        std::string name = (std::filesystem::temp_directory_path() / "sallyport-tls-XXXXXX").string();
        REQUIRE(mkdtemp(name.data()) != nullptr);
        path_ = name;
        std::ofstream(path_ / "make") << make_certificates;
        REQUIRE(std::system(("bash " + file("make") + " " + name + " >" + file("log") + " 2>&1").c_str()) == 0);
    }
    ~Folder() { std::filesystem::remove_all(path_); }
    std::string file(const std::string& name) const { return (path_ / name).string(); }
    TlsFiles of(const std::string& name) const { return {file(name + ".pem"), file(name + ".key"), file("ca.pem")}; }

private:
    std::filesystem::path path_;
};

const Folder& folder() {
    static const Folder made;
    return made;
}

// Answers every call with UNIMPLEMENTED: what comes instead was decided before.
class Server {
public:
    explicit Server(std::shared_ptr<grpc::ServerCredentials> credentials) {
        gpr_set_log_function([](gpr_log_func_args*) {});  // each handshake that is to fail would have its line
        grpc::ServerBuilder builder;
        builder.AddListeningPort("127.0.0.1:0", std::move(credentials), &port_);
        builder.RegisterCallbackGenericService(&service_);
        server_ = builder.BuildAndStart();
        REQUIRE(server_ != nullptr);
    }
    ~Server() { server_->Shutdown(std::chrono::system_clock::now()); }

    grpc::StatusCode call(const TlsFiles& as, const std::string& expected_name = "") const {
        grpc::ChannelArguments arguments;
        arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
        const auto channel = make_channel("127.0.0.1:" + std::to_string(port_), as, expected_name, arguments);
        REQUIRE(channel.has_value());
        grpc::GenericStub stub(*channel);
        grpc::ClientContext context;
        context.set_deadline(std::chrono::system_clock::now() + 20s);
        const grpc::Slice nothing("");
        const grpc::ByteBuffer request(&nothing, 1);
        grpc::ByteBuffer response;
        std::promise<grpc::Status> ended;
        stub.UnaryCall(&context, "/test/Call", {}, &request, &response,
                       [&](grpc::Status status) { ended.set_value(std::move(status)); });
        return ended.get_future().get().error_code();
    }

private:
    grpc::CallbackGenericService service_;
    int port_ = 0;
    std::unique_ptr<grpc::Server> server_;
};

std::shared_ptr<grpc::ServerCredentials> server_of(const TlsFiles& files, std::vector<std::string> clients = {},
                                                   std::chrono::seconds interval = looks_every) {
    auto credentials = server_credentials(files, std::move(clients), interval);
    REQUIRE(credentials.has_value());
    return *credentials;
}

std::string said_of(const TlsFiles& files) {
    const auto refused = channel_credentials(files);
    REQUIRE_FALSE(refused.has_value());
    CHECK(server_credentials(files).error() == refused.error());
    return refused.error();
}

}  // namespace

TEST_CASE("a client is heard when its certificate has one of the names: a SAN, or the CN where there is no SAN") {
    const Server server(server_of(folder().of("server"), {"edge-1.example", "edge-2.example"}));
    CHECK(server.call(folder().of("node")) == grpc::UNIMPLEMENTED);
    CHECK(server.call(folder().of("nameless")) == grpc::UNIMPLEMENTED);
    CHECK(server.call(folder().of("other")) == grpc::PERMISSION_DENIED);  // its CN is no name beside a SAN
}

TEST_CASE("without names every certificate of the authority will do") {
    const Server server(server_of(folder().of("server")));
    CHECK(server.call(folder().of("other")) == grpc::UNIMPLEMENTED);
}

TEST_CASE("a client wants the server to be who it called") {
    const Server server(server_of(folder().of("server")));
    CHECK(server.call(folder().of("node"), "edge-9.example") == grpc::UNAVAILABLE);
}

TEST_CASE("a renewed certificate is taken without a restart") {
    const TlsFiles shown{folder().file("shown.pem"), folder().file("shown.key"), folder().file("ca.pem")};
    const auto show = [&](const std::string& name) {
        for (const auto* kind : {".pem", ".key"})
            std::filesystem::copy_file(folder().file(name + kind), folder().file(std::string("shown") + kind),
                                       std::filesystem::copy_options::overwrite_existing);
    };
    show("server");
    const Server server(server_of(shown, {}, 1s));
    REQUIRE(server.call(folder().of("node")) == grpc::UNIMPLEMENTED);
    show("renewed");
    CHECK(test::eventually([&] { return server.call(folder().of("node"), "renewed.example") == grpc::UNIMPLEMENTED; }));
}

TEST_CASE("a file that is of no use is named, with what is wrong") {
    const TlsFiles good = folder().of("node");
    TlsFiles files = good;
    files.certificate = "/nowhere/node.pem";
    CHECK(said_of(files) == "/nowhere/node.pem: No such file or directory");
    files = good;
    files.certificate = files.key;
    CHECK(said_of(files).find("node.key: is no certificate; a PEM file is expected") != std::string::npos);
    files = good;
    files.key = files.certificate;
    CHECK(said_of(files).find("node.pem: is no private key without password") != std::string::npos);
    files = good;
    files.key = folder().file("server.key");
    CHECK(said_of(files) == files.key + ": is not the key of " + files.certificate);
    files = good;
    files.ca = "/etc";
    CHECK(said_of(files).starts_with("/etc: "));
    CHECK(fault_of(good).empty());
}
