// What an operator's side of sallyport.media.v1 promises: features, the worst sessions, captures that end.
#include <catch2/catch.hpp>
#include <set>

#include "media_client.h"

using namespace sallyport::test;

namespace {

pb::CaptureRequest capture_of(const std::string& session, std::uint32_t seconds = 0) {
    pb::CaptureRequest request;
    request.set_session(session);
    request.set_seconds(seconds);
    return request;
}

struct Capture {
    Capture(MediaClient& client, const pb::CaptureRequest& request, const std::string& asked_for = {}) {
        if (!asked_for.empty()) context.AddMetadata("sallyport-asked-for-bin", asked_for);
        context.set_deadline(std::chrono::system_clock::now() + patience);
        reader = client.stub().Capture(&context, request);
    }
    std::optional<pb::CaptureMessage> next() {
        pb::CaptureMessage message;
        if (!reader->Read(&message)) return std::nullopt;
        return message;
    }
    grpc::ClientContext context;
    std::unique_ptr<grpc::ClientReader<pb::CaptureMessage>> reader;
};

}  // namespace

TEST_CASE("the plane says in its Welcome what it has") {
    MediaDaemon daemon;
    MediaClient client(daemon);
    const auto welcome = client.hello("edge/0", 1);
    const std::set<int> features(welcome.features().begin(), welcome.features().end());
    for (const auto feature :
         {pb::FEATURE_UDPTL, pb::FEATURE_REPORTS, pb::FEATURE_RESUME, pb::FEATURE_SILENCE, pb::FEATURE_QUALITY,
          pb::FEATURE_CAPTURE, pb::FEATURE_TELEPHONE_EVENTS, pb::FEATURE_EMERGENCY, pb::FEATURE_SENDING,
          pb::FEATURE_PACE, pb::FEATURE_EVENT_CLOCKS, pb::FEATURE_TOGETHER})
        CHECK(features.contains(feature));
    CHECK_FALSE(features.contains(pb::FEATURE_UNSPECIFIED));
}

TEST_CASE("a capture begins with the session's names and ends with the session, its time or its asker") {
    MediaDaemon daemon({.lcores = 2});
    MediaClient client(daemon, "edge/0", 1);
    auto message = allocate_message("s1");
    message.mutable_allocate()->set_call("the-call");
    REQUIRE(client.ask(message).code() == pb::CODE_OK);
    SECTION("session, found by its call") {
        Capture capture(client, capture_of("the-call"));
        const auto started = capture.next();
        REQUIRE(started);
        CHECK(started->started().session() == "s1");
        CHECK(started->started().client() == "edge/0");
        client.release("s1");
        const auto ended = capture.next();
        REQUIRE(ended);
        CHECK(ended->ended().reason() == "session");
        CHECK(ended->ended().packets() == 0);
        CHECK_FALSE(capture.next());
        CHECK(capture.reader->Finish().ok());
    }
    SECTION("time") {
        Capture capture(client, capture_of("s1", 1));
        REQUIRE(capture.next());
        const auto ended = capture.next();
        REQUIRE(ended);
        CHECK(ended->ended().reason() == "seconds");
    }
    SECTION("asker: the place is free again") {
        for (int i = 0; i < 8; ++i) {
            Capture capture(client, capture_of("s1"));
            auto started = capture.next();
            // What was cancelled before has to be noticed first.
            CHECK(eventually([&] {
                if (started) return true;
                started = Capture(client, capture_of("s1")).next();
                return started.has_value();
            }));
            capture.context.TryCancel();
            capture.reader->Finish();
        }
    }
}

TEST_CASE("more captures than there may be are refused, and so are an unknown session and impossible terms") {
    MediaDaemon daemon;
    MediaClient client(daemon, "edge/0", 1);
    REQUIRE(client.allocate("s1").code() == pb::CODE_OK);
    std::vector<std::unique_ptr<Capture>> captures;
    for (int i = 0; i < 4; ++i) {
        captures.push_back(std::make_unique<Capture>(client, capture_of("s1")));
        REQUIRE(captures.back()->next());
    }
    const auto refused = [&](const pb::CaptureRequest& request) {
        Capture capture(client, request);
        CHECK_FALSE(capture.next());
        return capture.reader->Finish().error_code();
    };
    CHECK(refused(capture_of("s1")) == grpc::RESOURCE_EXHAUSTED);
    CHECK(refused(capture_of("s1", 3'601)) == grpc::INVALID_ARGUMENT);
    client.release("s1");
    for (auto& capture : captures) CHECK(capture->next()->ended().reason() == "session");
    captures.clear();
    CHECK(eventually([&] { return refused(capture_of("s1")) == grpc::NOT_FOUND; }));
    CHECK(refused(capture_of("")) == grpc::INVALID_ARGUMENT);
    CHECK(refused(capture_of("s1", 3'601)) == grpc::INVALID_ARGUMENT);
    CHECK(client.statistics().sessions() == 0);  // and the plane goes on
    // Who was refused is on record, whatever for.
    for (const auto* why : {"4 captures are under way", "3601 is not in", "there is no media session of that name"})
        CHECK(eventually([&] { return daemon.log().find(why) != std::string::npos; }));
}

TEST_CASE("of calls that one label names none is captured: they are named, and each can be asked for") {
    MediaDaemon daemon({.lcores = 2});
    MediaClient client(daemon, "edge/0", 1);
    for (const auto* name : {"s1", "s2"}) {
        auto message = allocate_message(name);
        message.mutable_allocate()->set_call("shared");
        REQUIRE(client.ask(message).code() == pb::CODE_OK);
    }
    auto message = allocate_message("s3");
    message.mutable_allocate()->set_call("s1");  // a peer's own choice
    REQUIRE(client.ask(message).code() == pb::CODE_OK);
    Capture shared(client, capture_of("shared"));
    CHECK_FALSE(shared.next());
    const auto status = shared.reader->Finish();
    CHECK(status.error_code() == grpc::FAILED_PRECONDITION);
    CHECK(status.error_message() ==
          "2 media sessions are meant by that: \"edge/0 s1\", \"edge/0 s2\"; ask for one of them");
    for (const auto* one : {"edge/0 s2", "s2", "s1"}) {
        Capture capture(client, capture_of(one));
        const auto started = capture.next();
        REQUIRE(started);
        CHECK(started->started().session() == (std::string(one) == "s1" ? "s1" : "s2"));
        capture.context.TryCancel();
        capture.reader->Finish();
    }
}

TEST_CASE("what SRTP hides is for who may open the socket, and who has had what is in the plane's own log") {
    MediaDaemon daemon;
    MediaClient client(daemon, "edge/0", 1);
    auto message = allocate_message("s1");
    message.mutable_allocate()->set_call("the-call");
    message.mutable_allocate()->set_trunk("acme");
    REQUIRE(client.ask(message).code() == pb::CODE_OK);
    auto request = capture_of("s1", 5);
    request.set_decrypted(true);
    Capture capture(client, request, "listener");
    REQUIRE(capture.next());
    const auto logged = [&](const std::string& part) {
        return eventually([&] { return daemon.log().find(part) != std::string::npos; });
    };
    REQUIRE(logged("capture begins"));
    const auto begins = daemon.log();
    for (const auto* part : {"who=listener", "peer=unix", "session=s1", "session_id=the-call", "trunk=acme",
                             "how=decrypted", "seconds_at_most=5"})
        CHECK(begins.find(part) != std::string::npos);
    client.release("s1");
    CHECK(capture.next()->ended().reason() == "session");
    CHECK(logged("capture ends"));
    CHECK(logged("why=session"));
}

TEST_CASE("at a port of the host without TLS nobody is given in clear what SRTP hides, and who asked is logged") {
    MediaDaemon daemon({.at_port = true});
    MediaClient client(daemon, "edge/0", 1);
    REQUIRE(client.allocate("s1").code() == pb::CODE_OK);
    auto request = capture_of("s1", 5);
    request.set_decrypted(true);
    Capture refused(client, request, "listener");
    CHECK_FALSE(refused.next());
    const auto status = refused.reader->Finish();
    CHECK(status.error_code() == grpc::PERMISSION_DENIED);
    CHECK(status.error_message().find("grpc.tls.decrypt_clients") != std::string::npos);
    CHECK(eventually([&] { return daemon.log().find("capture refused") != std::string::npos; }));
    CHECK(daemon.log().find("asked_for=s1") != std::string::npos);
    Capture wire(client, capture_of("s1"));
    CHECK(wire.next());  // as it is on the wire
    wire.context.TryCancel();
    wire.reader->Finish();
}

TEST_CASE("the worst sessions: all are counted, few are shown, impossible questions are refused") {
    MediaDaemon daemon({.lcores = 2});
    MediaClient client(daemon, "edge/0", 1);
    for (int i = 0; i < 150; ++i) REQUIRE(client.allocate("s" + std::to_string(i)).code() == pb::CODE_OK);
    const auto top = [&](pb::TopSessionsRequest request, pb::TopSessionsResponse& response) {
        grpc::ClientContext context;
        return client.stub().TopSessions(&context, request, &response).error_code();
    };
    pb::TopSessionsRequest request;
    pb::TopSessionsResponse response;
    REQUIRE(top(request, response) == grpc::OK);
    CHECK(response.total() == 150);
    CHECK(response.sessions_size() == 20);
    request.set_limit(200);
    request.set_by(pb::TOP_BY_SILENCE);
    response.Clear();
    REQUIRE(top(request, response) == grpc::OK);
    CHECK(response.sessions_size() == 150);
    request.set_limit(201);
    CHECK(top(request, response) == grpc::INVALID_ARGUMENT);
    request.set_limit(1);
    request.set_by(static_cast<pb::TopBy>(77));
    CHECK(top(request, response) == grpc::INVALID_ARGUMENT);
}
