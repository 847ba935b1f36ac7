// Garbage on the socket, and the services beside ours: health and reflection.
#include <grpcpp/generic/generic_stub.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <future>

#include "control/base/random.h"
#include "grpc/health/v1/health.grpc.pb.h"
#include "media_client.h"

using namespace sallyport;
using namespace sallyport::test;

namespace {

class RawConnection {
public:
    explicit RawConnection(const std::string& path) : fd_(socket(AF_UNIX, SOCK_STREAM, 0)) {
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        path.copy(address.sun_path, sizeof address.sun_path - 1);
        REQUIRE(connect(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
    }
    ~RawConnection() { close(fd_); }
    void send(ByteView bytes) { static_cast<void>(::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL)); }

private:
    int fd_;
};

// One call with bytes for messages: for services whose generated code is not installed.
std::pair<grpc::Status, std::string> call(const MediaDaemon& daemon, const std::string& method,
                                          const std::string& request) {
    const auto channel = grpc::CreateChannel(daemon.target(), grpc::InsecureChannelCredentials());
    grpc::GenericStub stub(channel);
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + patience);
    grpc::CompletionQueue queue;
    const grpc::Slice slice(request);
    const auto rpc = stub.PrepareUnaryCall(&context, method, grpc::ByteBuffer(&slice, 1), &queue);
    rpc->StartCall();
    grpc::ByteBuffer response;
    grpc::Status status;
    rpc->Finish(&response, &status, nullptr);
    void* tag = nullptr;
    bool ok = false;
    queue.Next(&tag, &ok);
    grpc::Slice joined;
    std::string text;
    if (status.ok() && response.DumpToSingleSlice(&joined).ok())
        text.assign(reinterpret_cast<const char*>(joined.begin()), joined.size());
    return {status, text};
}

std::string length_delimited(char tag, const std::string& value) {
    return std::string(1, tag) + static_cast<char>(value.size()) + value;
}

}  // namespace

TEST_CASE("random bytes, half a handshake and connections cut in the middle leave the plane serving") {
    MediaDaemon daemon;
    SeededRandom random(7);
    const std::string preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
    for (int i = 0; i < 300; ++i) {
        RawConnection connection(daemon.socket_path());
        if (i % 3 != 0) connection.send(as_bytes(preface));
        Bytes noise(random.below(4096) + 1);
        random.fill(noise);
        if (i % 3 == 2) {  // a frame header that promises more than comes
            noise[0] = noise[1] = 0xff;
            noise[3] = static_cast<std::uint8_t>(i % 10);
        }
        connection.send(noise);
    }
    REQUIRE(daemon.running());
    MediaClient client(daemon, "edge/0", 1);
    CHECK(client.allocate("s1").code() == pb::CODE_OK);
}

TEST_CASE("well-formed calls with garbage for a message are refused and the plane serves on") {
    MediaDaemon daemon;
    SeededRandom random(8);
    for (int i = 0; i < 200; ++i) {
        std::string noise(random.below(300) + 1, '\0');
        random.fill({reinterpret_cast<std::uint8_t*>(noise.data()), noise.size()});
        const auto [status, text] = call(daemon, "/sallyport.media.v1.Media/Control", noise);
        CHECK_FALSE(status.ok());
    }
    const std::string not_utf8("\x12\x03\x0a\x01\xff", 5);
    CHECK_FALSE(call(daemon, "/sallyport.media.v1.Media/Control", not_utf8).first.ok());
    CHECK(daemon.log().find("libprotobuf") == std::string::npos);  // a stranger's garbage writes no log
    CHECK(call(daemon, "/sallyport.media.v1.Media/NoSuchMethod", "").first.error_code() ==
          grpc::StatusCode::UNIMPLEMENTED);
    const auto [too_big, text] = call(daemon, "/sallyport.media.v1.Media/GetStatistics", std::string(2 << 20, 'x'));
    CHECK(too_big.error_code() == grpc::StatusCode::RESOURCE_EXHAUSTED);
    MediaClient client(daemon, "edge/0", 1);
    CHECK(client.allocate("s1").code() == pb::CODE_OK);
}

TEST_CASE("grpc.health.v1 says SERVING for the server and for the media service, and knows no other") {
    MediaDaemon daemon;
    const std::string check = "/grpc.health.v1.Health/Check", serving = "\x08\x01";
    CHECK(call(daemon, check, "").second == serving);
    CHECK(call(daemon, check, length_delimited('\x0a', "sallyport.media.v1.Media")).second == serving);
    CHECK(call(daemon, check, length_delimited('\x0a', "nobody")).first.error_code() == grpc::StatusCode::NOT_FOUND);
}

TEST_CASE("who watches the health of the media service is told when it ends") {
    namespace health = grpc::health::v1;
    MediaDaemon daemon;
    const auto stub = health::Health::NewStub(grpc::CreateChannel(daemon.target(), grpc::InsecureChannelCredentials()));
    const auto watch = [&](grpc::ClientContext& context, const std::string& service) {
        context.set_deadline(std::chrono::system_clock::now() + patience);
        health::HealthCheckRequest request;
        request.set_service(service);
        return stub->Watch(&context, request);
    };
    health::HealthCheckResponse response;
    grpc::ClientContext known, unknown;
    const auto nobody = watch(unknown, "nobody");
    REQUIRE(nobody->Read(&response));
    CHECK(response.status() == health::HealthCheckResponse::SERVICE_UNKNOWN);
    const auto media = watch(known, "sallyport.media.v1.Media");
    REQUIRE(media->Read(&response));
    CHECK(response.status() == health::HealthCheckResponse::SERVING);
    auto ended = std::async(std::launch::async, [&] { return daemon.stop(); });  // who watches reads all the while
    REQUIRE(media->Read(&response));
    CHECK(response.status() == health::HealthCheckResponse::NOT_SERVING);
    CHECK_FALSE(media->Read(&response));
    CHECK(media->Finish().error_code() == grpc::StatusCode::UNAVAILABLE);
    CHECK(ended.get() == 0);
}

TEST_CASE("no more than sixteen watch the health at a time, and a place is free when one of them leaves") {
    namespace health = grpc::health::v1;
    MediaDaemon daemon;
    const auto stub = health::Health::NewStub(grpc::CreateChannel(daemon.target(), grpc::InsecureChannelCredentials()));
    std::vector<std::unique_ptr<grpc::ClientContext>> contexts;
    std::vector<std::unique_ptr<grpc::ClientReader<health::HealthCheckResponse>>> watches;
    health::HealthCheckResponse response;
    const auto is_let_in = [&] {
        contexts.push_back(std::make_unique<grpc::ClientContext>());
        contexts.back()->set_deadline(std::chrono::system_clock::now() + patience);
        watches.push_back(stub->Watch(contexts.back().get(), {}));
        return watches.back()->Read(&response);
    };
    for (int i = 0; i < 16; ++i) REQUIRE(is_let_in());
    CHECK_FALSE(is_let_in());
    CHECK(watches.back()->Finish().error_code() == grpc::StatusCode::RESOURCE_EXHAUSTED);
    contexts.front()->TryCancel();
    const auto until = std::chrono::steady_clock::now() + patience;
    bool let_in = false;
    while (!let_in && std::chrono::steady_clock::now() < until) let_in = is_let_in();
    CHECK(let_in);
    for (const auto& context : contexts) context->TryCancel();
}

TEST_CASE("reflection lists the media service") {
    MediaDaemon daemon;
    const auto [status, text] =
        call(daemon, "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo", length_delimited('\x3a', ""));
    CHECK(status.ok());
    CHECK(text.find("sallyport.media.v1.Media") != std::string::npos);
    CHECK(text.find("grpc.health.v1.Health") != std::string::npos);
}
