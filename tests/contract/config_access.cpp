// Who reaches what: certificates and roles, which service on which socket, garbage, start and refusal to start.
#include <arpa/inet.h>
#include <grpcpp/generic/generic_stub.h>
#include <netinet/in.h>
#include <signal.h>
#include <sqlite3.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <cstring>
#include <limits>

#include "config_daemon.h"
#include "sallyport/config/v1/config_feed.grpc.pb.h"

using namespace sallyport::test;

namespace {

using Provisioning = pv1::Provisioning::Stub;
using Operations = ov1::Operations::Stub;

grpc::StatusCode list_as(const ControlDaemon& daemon, const std::string& client) {
    pv1::ListTrunksResponse response;
    return call(*daemon.provisioning(client), &Provisioning::ListTrunks, {}, response).error_code();
}
grpc::StatusCode apply_as(const ControlDaemon& daemon, const std::string& client) {
    pv1::ApplyRequest request;
    *request.add_changes()->mutable_put_carrier() = sample_carrier();
    pv1::ApplyResponse response;
    return call(*daemon.provisioning(client), &Provisioning::Apply, request, response).error_code();
}
grpc::StatusCode fetch_as(const ControlDaemon& daemon, const std::string& client) {
    ov1::FetchRecordsRequest request;
    request.set_consumer("billing");
    ov1::FetchRecordsResponse response;
    return call(*daemon.operations(client), &Operations::FetchRecords, request, response).error_code();
}

// One request, all answers, over a method that we have no generated code for.
std::string generic_call(const std::shared_ptr<grpc::Channel>& channel, const std::string& method,
                         const std::string& request) {
    grpc::GenericStub stub(channel);
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(10));
    grpc::CompletionQueue queue;
    const auto next = [&] {
        void* tag = nullptr;
        bool ok = false;
        return queue.Next(&tag, &ok) && ok;
    };
    auto stream = stub.PrepareCall(&context, method, &queue);
    stream->StartCall(nullptr);
    if (!next()) return "";
    grpc::Slice slice(request);
    stream->Write(grpc::ByteBuffer(&slice, 1), nullptr);
    if (!next()) return "";
    stream->WritesDone(nullptr);
    next();
    grpc::ByteBuffer reply;
    stream->Read(&reply, nullptr);
    if (!next()) return "";
    std::vector<grpc::Slice> slices;
    reply.Dump(&slices);
    std::string text;
    for (const auto& part : slices) text.append(reinterpret_cast<const char*>(part.begin()), part.size());
    context.TryCancel();
    return text;
}

void send_garbage(const sockaddr* to, socklen_t length, int family, std::string_view bytes) {
    const int s = socket(family, SOCK_STREAM, 0);
    const timeval patience{0, 200'000};
    setsockopt(s, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    if (connect(s, to, length) == 0 && send(s, bytes.data(), bytes.size(), MSG_NOSIGNAL) > 0) {
        char answer[512];
        while (recv(s, answer, sizeof answer, 0) > 0) {
        }
    }
    close(s);
}

}  // namespace

TEST_CASE("roles are the OUs of the certificate: look, change, fetch records, each only what it is for") {
    ControlDaemon daemon;
    CHECK(list_as(daemon, "oss") == grpc::OK);
    CHECK(apply_as(daemon, "oss") == grpc::OK);
    CHECK(fetch_as(daemon, "oss") == grpc::PERMISSION_DENIED);
    CHECK(list_as(daemon, "noc") == grpc::OK);
    CHECK(apply_as(daemon, "noc") == grpc::PERMISSION_DENIED);
    CHECK(list_as(daemon, "billing") == grpc::PERMISSION_DENIED);
    CHECK(fetch_as(daemon, "billing") == grpc::OK);
    CHECK(list_as(daemon, "plain") == grpc::OK);  // default_role: viewer
    CHECK(apply_as(daemon, "plain") == grpc::PERMISSION_DENIED);
}

TEST_CASE(
    "whoever may look may have a call explained, and with a candidate who may apply it; bounds are told by field") {
    ControlDaemon daemon;
    const auto explain_as = [&](const std::string& client, const ov1::ExplainRequest& request) {
        ov1::ExplainResponse response;
        return call(*daemon.operations(client), &Operations::Explain, request, response);
    };
    ov1::ExplainRequest request;
    request.set_message("INVITE sip:x SIP/2.0\r\n\r\n");
    request.set_trunk("trunks/acme");
    CHECK(explain_as("noc", request).error_code() == grpc::UNAVAILABLE);  // no signaling here
    request.mutable_candidate()->set_prune(true);
    CHECK(explain_as("noc", request).error_code() == grpc::PERMISSION_DENIED);
    CHECK(explain_as("oss", request).error_code() == grpc::UNAVAILABLE);
    for (const std::int64_t at : {std::int64_t{-1}, std::int64_t{4'102'444'801},
                                  std::numeric_limits<std::int64_t>::min(), std::numeric_limits<std::int64_t>::max()}) {
        request.set_at(at);
        const auto status = explain_as("oss", request);
        CHECK(status.error_code() == grpc::INVALID_ARGUMENT);
        CHECK(status.error_message().find("at") != std::string::npos);
    }
    request.set_at(4'102'444'800);
    CHECK(explain_as("oss", request).error_code() == grpc::UNAVAILABLE);
    request.mutable_candidate()->add_changes()->mutable_put_trunk()->set_display_name(std::string(32u << 20, 'x'));
    const auto status = explain_as("oss", request);
    CHECK(status.error_code() == grpc::INVALID_ARGUMENT);
    CHECK(status.error_message().find("candidate") != std::string::npos);
}

TEST_CASE("packets of a call are for who captures, and what SRTP hides for who has a role of his own for that") {
    ControlDaemon daemon;
    const auto capture_as = [&](const std::string& client, bool decrypted) {
        ov1::CaptureMediaRequest request;
        request.set_call("c0ffee42");
        request.set_decrypted(decrypted);
        grpc::ClientContext context;
        context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(10));
        const auto stub = daemon.operations(client);
        const auto reader = stub->CaptureMedia(&context, request);
        sallyport::media::v1::CaptureMessage message;
        CHECK_FALSE(reader->Read(&message));
        return reader->Finish().error_code();
    };
    constexpr auto may = grpc::UNAVAILABLE;  // there is no media plane here
    for (const auto* nobody : {"oss", "noc", "billing", "plain"}) {
        CHECK(capture_as(nobody, false) == grpc::PERMISSION_DENIED);
        CHECK(capture_as(nobody, true) == grpc::PERMISSION_DENIED);
    }
    CHECK(capture_as("tracer", false) == may);
    CHECK(capture_as("tracer", true) == grpc::PERMISSION_DENIED);
    CHECK(capture_as("boss", false) == may);
    CHECK(capture_as("boss", true) == grpc::PERMISSION_DENIED);
    CHECK(capture_as("listener", false) == may);
    CHECK(capture_as("listener", true) == may);
    CHECK(list_as(daemon, "tracer") == grpc::OK);
    CHECK(apply_as(daemon, "listener") == grpc::PERMISSION_DENIED);
}

TEST_CASE("without a certificate of our CA there is no connection [reliability 30]") {
    ControlDaemon daemon;
    CHECK(list_as(daemon, "") == grpc::UNAVAILABLE);
    CHECK(list_as(daemon, "stranger") == grpc::UNAVAILABLE);
}

TEST_CASE("the feed with its hashes is on the local socket only, provisioning on TCP only") {
    ControlDaemon daemon;
    const auto feed_over_tcp = sallyport::config::v1::ConfigFeed::NewStub(daemon.channel());
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(10));
    auto stream = feed_over_tcp->Watch(&context);
    sallyport::config::v1::Snapshot snapshot;
    CHECK(!stream->Read(&snapshot));
    CHECK(stream->Finish().error_code() == grpc::UNIMPLEMENTED);

    pv1::ListTrunksResponse response;
    auto locally = pv1::Provisioning::NewStub(daemon.local_channel());
    CHECK(call(*locally, &Provisioning::ListTrunks, {}, response).error_code() == grpc::UNIMPLEMENTED);

    struct stat info {};
    REQUIRE(stat(daemon.path("control.sock").c_str(), &info) == 0);
    CHECK((info.st_mode & 0007) == 0);
}

TEST_CASE("health and reflection answer on both sockets") {
    ControlDaemon daemon;
    for (const auto& channel : {daemon.channel(), daemon.local_channel()}) {
        CHECK(generic_call(channel, "/grpc.health.v1.Health/Check", "") == "\x08\x01");
        CHECK(generic_call(channel, "/grpc.health.v1.Health/Check", "\x0a\x04nope").empty());
        const auto services =
            generic_call(channel, "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo", "\x3a\x01*");
        CHECK(services.find("grpc.health.v1.Health") != std::string::npos);
    }
    const auto services =
        generic_call(daemon.channel(), "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo", "\x3a\x01*");
    CHECK(services.find("sallyport.provisioning.v1.Provisioning") != std::string::npos);
    CHECK(services.find("sallyport.operations.v1.Operations") != std::string::npos);
}

TEST_CASE("garbage on every socket: no crash, and the next client is served") {
    ControlDaemon daemon;
    const std::vector<std::string> garbage{std::string(70'000, '\xff'),
                                           "GET / HTTP/1.1\r\n\r\n",
                                           std::string("\x16\x03\x01\xff\xff\x01", 6),
                                           "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + std::string(1'000, '\0'),
                                           std::string("\x00\x00\x00\x04\x00", 5),
                                           "INVITE sip:"};
    sockaddr_in tcp{};
    tcp.sin_family = AF_INET;
    tcp.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    sockaddr_un local{};
    local.sun_family = AF_UNIX;
    strncpy(local.sun_path, daemon.path("control.sock").c_str(), sizeof local.sun_path - 1);
    for (const auto& bytes : garbage) {
        for (const auto port : {daemon.port(), daemon.metrics_port()}) {
            tcp.sin_port = htons(port);
            send_garbage(reinterpret_cast<sockaddr*>(&tcp), sizeof tcp, AF_INET, bytes);
        }
        send_garbage(reinterpret_cast<sockaddr*>(&local), sizeof local, AF_UNIX, bytes);
    }
    // Well-framed calls with bodies that are no messages.
    for (const auto* method :
         {"/sallyport.provisioning.v1.Provisioning/Apply", "/sallyport.operations.v1.Operations/ListCalls",
          "/no.such.Service/Method", "/sallyport.provisioning.v1.Provisioning/Nothing"})
        CHECK(generic_call(daemon.channel(), method, std::string(1'000, '\xfe')).empty());
    CHECK(list_as(daemon, "oss") == grpc::OK);
    CHECK(daemon.metric("sallyport_config_revision") == 0);
    CHECK(daemon.stop(SIGTERM) == 0);
}

TEST_CASE("a bad node file is refused with file, line and field and exit code 2, by --check-config and by the start") {
    ControlDaemon daemon;
    auto text = daemon.node_file();
    text.replace(text.find("127.0.0.1:0"), 11, "nowhere:99999");
    text += "metrix: {}\n";
    write_file(daemon.path("bad.yaml"), text);
    for (const std::vector<std::string>& arguments : {std::vector<std::string>{"--config", daemon.path("bad.yaml")},
                                                      {"--config", daemon.path("bad.yaml"), "--check-config"}}) {
        CHECK(daemon.run_to_end(arguments) == 2);
        const auto output = read_file(daemon.path("output"));
        CHECK(output.find(daemon.path("bad.yaml") +
                          ":3:11: oss.listen: \"nowhere:99999\" is no ADDRESS:PORT, e.g. listen: 127.0.0.1:7443\n") !=
              std::string::npos);
        CHECK(output.find(":12:1: metrix: there is no such field; did you mean \"metrics\"?\n") != std::string::npos);
    }
    CHECK(daemon.run_to_end({"--config", daemon.path("control.yaml"), "--check-config"}) == 0);
    CHECK(daemon.run_to_end({"--config", daemon.path("absent.yaml")}) == 2);
    CHECK(daemon.run_to_end({}) == 2);
    CHECK(daemon.run_to_end({"--help"}) == 0);
}

TEST_CASE("what makes a start impossible is said in one sentence: store in use, later schema, no PEM, address taken") {
    ControlDaemon daemon;
    const auto refusal = [&](const std::string& text) {
        write_file(daemon.path("other.yaml"), text);
        CHECK(daemon.run_to_end({"--config", daemon.path("other.yaml")}) == 1);
        return read_file(daemon.path("output"));
    };
    const auto with = [&](const std::string& from, const std::string& to) {
        auto text = daemon.node_file();
        text.replace(text.find(from), from.size(), to);
        return text;
    };
    CHECK(refusal(daemon.node_file()).find("is in use by another process") != std::string::npos);
    const auto own_store = with(daemon.path("store.db"), daemon.path("store2.db"));
    auto no_pem = own_store;
    no_pem.replace(no_pem.find("control.pem"), 11, "control.ext");
    CHECK(refusal(no_pem).find("a PEM file is expected") != std::string::npos);
    auto taken = own_store;
    taken.replace(taken.find("127.0.0.1:0"), 11, daemon.server());
    taken.replace(taken.find("control.sock"), 12, "control2.sock");
    CHECK(refusal(taken).find("cannot serve on " + daemon.server()) != std::string::npos);

    CHECK(daemon.stop(SIGTERM) == 0);
    sqlite3* store = nullptr;
    REQUIRE(sqlite3_open(daemon.path("store.db").c_str(), &store) == SQLITE_OK);
    REQUIRE(sqlite3_exec(store, "PRAGMA user_version=99", nullptr, nullptr, nullptr) == SQLITE_OK);
    sqlite3_close(store);
    CHECK(refusal(daemon.node_file()).find("has schema 99") != std::string::npos);
}
