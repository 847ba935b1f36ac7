// SignalingState over its socket, with real shards behind it: status, lists, pages, a shard that does not answer,
// garbage.
#include <grpcpp/grpcpp.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>
#include <future>

#include "signaling/rpc/rpc_server.h"
#include "signaling/stack/shared.h"
#include "signaling_rpc_bench.h"

using namespace sallyport;
using namespace sallyport::rpc;
using namespace contract;
namespace pb = sallyport::operations::v1;

namespace {

struct Node {
    Node() {
        base.node = "edge-1";
        base.realms = {Realm{.name = "access", .media_port = "access"}};
        base.realms[0].listeners.push_back(
            {Transport::tls, *Endpoint::parse("192.0.2.1:5061"), "sbc.example.net", 5061});
        base.nonce_secret = std::string(32, 's');
        io::Shards::Options options;
        options.count = 2;
        shards = std::make_unique<io::Shards>(context, clock, options, base, shared);
        for (std::uint32_t i = 0; i < 2; ++i) {
            io::ShardHooks hooks;
            hooks.resolve = [](std::uint64_t, const locate::Question&) {};
            hooks.media = [](const b2bua::MediaCommand&) {};
            hooks.write_record = [](const b2bua::CallRecord&) {};
            hooks.checkpoint = [](const b2bua::Checkpoint&) {};
            hooks.log = [](const b2bua::LogFact&) {};
            shards->at(i).set_hooks(std::move(hooks));
        }
        shards->start();
        configure();
        auto started =
            RpcServer::start(folder.socket(), {*shards, shared.locations, shared.lockouts, clock, base.realms, "edge-1",
                                               "1.2.3", [this] { return snapshot; }, [] { return true; },
                                               [](const b2bua::CallRecord&) { return std::string("{}"); }});
        REQUIRE(started.has_value());
        server = std::move(*started);
        channel = grpc::CreateChannel(folder.socket(), grpc::InsecureChannelCredentials());
        stub = pb::SignalingState::NewStub(channel);
    }
    ~Node() {
        server.reset();
        shards->stop();
    }
    void configure() {
        auto made = std::make_shared<config::Snapshot>();
        made->revision = 17;
        for (const char* id : {"acme-hq", "phone-shop"}) {
            config::Trunk trunk;
            trunk.id = id;
            trunk.realm = "access";
            trunk.registration_aor = "sip:" + std::string(id) + "@example.net";
            trunk.numbers = {{"+4930100", "+4930199"}};
            trunk.single_aor_compatibility = std::string_view(id) == "phone-shop";
            made->trunks.emplace(id, trunk);
        }
        made->build_indexes();
        snapshot = made;
        shards->broadcast(stack::ConfigChanged{snapshot});
    }
    void bind(const std::string& trunk, int number) {
        shared.locations.update(trunk, [&](std::vector<registrar::Binding>& bindings) {
            registrar::Binding b;
            b.trunk = trunk;
            b.contact = "sip:192.0.2.7:" + std::to_string(number);
            b.bulk = true;
            b.flow = {Transport::tls, 0, {}, {IpAddress::v4(192, 0, 2, 7), static_cast<std::uint16_t>(number)}, 5};
            b.registered_at = clock.now() + std::chrono::milliseconds(number);
            b.expires_at = clock.now() + 600s;
            bindings.push_back(b);
            return true;
        });
    }
    Folder folder;
    boost::asio::io_context context{1};
    io::Clock clock;
    stack::StackConfig base;
    stack::Shared shared;
    config::SnapshotPtr snapshot;
    std::unique_ptr<io::Shards> shards;
    std::unique_ptr<RpcServer> server;
    std::shared_ptr<grpc::Channel> channel;
    std::unique_ptr<pb::SignalingState::Stub> stub;
};

int open_socket(const std::string& path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, path.data(), path.size());
    const int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    REQUIRE(connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
    return fd;
}

}  // namespace

TEST_CASE("status tells the node, what is up, its listeners and the trunks in compatibility mode") {
    Node node;
    node.bind("acme-hq", 40'000);
    grpc::ClientContext context;
    pb::SignalingStatus status;
    REQUIRE(node.stub->GetSignalingStatus(&context, {}, &status).ok());
    CHECK(status.node() == "edge-1");
    CHECK(status.version() == "1.2.3");
    CHECK(status.revision() == 17);
    CHECK(status.control_up());
    CHECK_FALSE(status.media_up());
    CHECK(status.registrations() == 1);
    CHECK(status.calls() == 0);
    REQUIRE(status.listeners_size() == 1);
    CHECK(status.listeners(0).endpoint() == "192.0.2.1:5061");
    REQUIRE(status.compatibility_trunks_size() == 1);
    CHECK(status.compatibility_trunks(0) == "phone-shop");
}

TEST_CASE("registrations come in pages, each once, and by trunk") {
    Node node;
    for (int i = 0; i < 25; ++i) node.bind(i % 2 == 0 ? "acme-hq" : "phone-shop", 40'000 + i);
    std::string token;
    std::vector<std::string> contacts;
    int pages = 0;
    do {
        grpc::ClientContext context;
        pb::ListRegistrationsRequest request;
        pb::ListRegistrationsResponse response;
        request.set_page_size(10);
        request.set_page_token(token);
        REQUIRE(node.stub->ListRegistrations(&context, request, &response).ok());
        for (const auto& r : response.registrations()) contacts.push_back(r.contact());
        token = response.next_page_token();
        ++pages;
    } while (!token.empty());
    CHECK(pages == 3);
    std::sort(contacts.begin(), contacts.end());
    CHECK(std::unique(contacts.begin(), contacts.end()) == contacts.end());
    CHECK(contacts.size() == 25);

    grpc::ClientContext context;
    pb::ListRegistrationsRequest request;
    pb::ListRegistrationsResponse response;
    request.set_trunk("trunks/phone-shop");
    REQUIRE(node.stub->ListRegistrations(&context, request, &response).ok());
    CHECK(response.registrations_size() == 12);
    CHECK(response.registrations(0).aor() == "sip:phone-shop@example.net");
    CHECK(response.registrations(0).numbers() == 100);
}

TEST_CASE("wrong pages and unknown calls are refused with a reason") {
    Node node;
    {
        grpc::ClientContext context;
        pb::ListCallsRequest request;
        pb::ListCallsResponse response;
        request.set_page_token("nonsense");
        CHECK(node.stub->ListCalls(&context, request, &response).error_code() == grpc::StatusCode::INVALID_ARGUMENT);
        grpc::ClientContext deep;
        request.set_page_token("10000");
        CHECK(node.stub->ListCalls(&deep, request, &response).error_message().find("10000 calls") != std::string::npos);
    }
    grpc::ClientContext context;
    pb::GetCallRequest request;
    pb::Call call;
    request.set_id("no-such-call");
    const auto status = node.stub->GetCall(&context, request, &call);
    CHECK(status.error_code() == grpc::StatusCode::NOT_FOUND);
    CHECK_FALSE(status.error_message().empty());
}

TEST_CASE("a shard that stands still costs the asker a second, and nobody else anything") {
    Node node;
    std::promise<void> go_on;
    const io::Task stand_still = [wait = go_on.get_future().share()](stack::Stack&) { wait.wait(); };
    node.shards->at(1).post(stand_still);
    grpc::ClientContext context;
    pb::SignalingStatus status;
    CHECK(node.stub->GetSignalingStatus(&context, {}, &status).error_code() == grpc::StatusCode::UNAVAILABLE);
    grpc::ClientContext other;
    pb::ListRegistrationsResponse response;
    CHECK(node.stub->ListRegistrations(&other, {}, &response).ok());
    go_on.set_value();
    grpc::ClientContext again;
    CHECK(node.stub->GetSignalingStatus(&again, {}, &status).ok());
}

TEST_CASE(
    "garbage on the socket closes that connection and disturbs no other; the socket is for owner and group only") {
    Node node;
    const std::string path = node.folder.file("socket");
    for (const std::string& noise :
         {std::string(10'000, 'x'), std::string("GET / HTTP/1.1\r\n\r\n"), std::string(3'000, '\0'),
          "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + std::string(5'000, '\xff')}) {
        const int fd = open_socket(path);
        static_cast<void>(::send(fd, noise.data(), noise.size(), MSG_NOSIGNAL));
        ::close(fd);
        grpc::ClientContext context;
        pb::SignalingStatus status;
        CHECK(node.stub->GetSignalingStatus(&context, {}, &status).ok());
    }
    struct stat facts {};
    REQUIRE(stat(path.c_str(), &facts) == 0);
    CHECK((facts.st_mode & 0777) == 0660);
    const auto second = RpcServer::start(
        node.folder.socket(),
        {*node.shards, node.shared.locations, node.shared.lockouts, node.clock, node.base.realms, "", "", {}, {}, {}});
    REQUIRE(second.has_error());
    CHECK(second.error() == "grpc.listen: another process listens on " + path);
}
