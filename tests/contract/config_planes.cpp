// Control and the planes: the feed, what was applied, daemons that come and go, calls live and finished.
#include <grpcpp/grpcpp.h>
#include <signal.h>
#include <unistd.h>

#include <catch2/catch.hpp>

#include "config_daemon.h"
#include "control/records/spool.h"
#include "sallyport/config/v1/config_feed.grpc.pb.h"

using namespace sallyport::test;
namespace cv1 = sallyport::config::v1;
namespace mv1 = sallyport::media::v1;

namespace {

using Provisioning = pv1::Provisioning::Stub;
using Operations = ov1::Operations::Stub;

// A plane as control sees it.
class Plane {
public:
    explicit Plane(const ControlDaemon& daemon, std::string node = "edge-1/signaling")
        : node_(std::move(node)),
          stub_(cv1::ConfigFeed::NewStub(daemon.local_channel())),
          stream_(stub_->Watch(&context_)) {}
    ~Plane() {
        context_.TryCancel();
        stream_->Finish();
    }
    void say(std::uint64_t revision, const std::string& error = {}) {
        cv1::Applied applied;
        applied.set_node(node_);
        applied.set_revision(revision);
        applied.set_error(error);
        stream_->Write(applied);
    }
    cv1::Snapshot next() {
        cv1::Snapshot snapshot;
        REQUIRE(stream_->Read(&snapshot));
        return snapshot;
    }

private:
    std::string node_;
    std::unique_ptr<cv1::ConfigFeed::Stub> stub_;
    grpc::ClientContext context_;
    std::unique_ptr<grpc::ClientReaderWriter<cv1::Applied, cv1::Snapshot>> stream_;
};

class FakeSignaling final : public ov1::SignalingState::Service {
public:
    grpc::Status GetSignalingStatus(grpc::ServerContext*, const ov1::GetStatusRequest*,
                                    ov1::SignalingStatus* s) override {
        s->set_version("9.9");
        s->set_calls(2);
        return grpc::Status::OK;
    }
    grpc::Status ListCalls(grpc::ServerContext*, const ov1::ListCallsRequest* request,
                           ov1::ListCallsResponse* r) override {
        // No CHECK here: this runs on a thread of gRPC.
        if (!request->live_only()) return {grpc::INVALID_ARGUMENT, "asked for calls that are not live"};
        const bool second = request->page_token() == "1";
        auto& call = *r->add_calls();
        call.set_id(second ? "live-2" : "live-1");
        call.set_state("answered");
        if (!second && request->page_size() == 1) r->set_next_page_token("1");
        if (!second && request->page_size() > 1) r->add_calls()->set_id("live-2");
        return grpc::Status::OK;
    }
    grpc::Status GetCall(grpc::ServerContext*, const ov1::GetCallRequest* request, ov1::Call* call) override {
        if (request->id() != "call-5" && request->id() != "live-1") return {grpc::NOT_FOUND, "no such call"};
        call->set_id(request->id());
        call->set_state(request->id() == "live-1" ? "answered" : "ended");
        call->set_ladder("pbx -> edge INVITE\n");
        return grpc::Status::OK;
    }
};

// A server that can be started, killed and started again at the same place.
class FakeDaemon {
public:
    FakeDaemon(std::string target, grpc::Service& service) : target_(std::move(target)), service_(service) {}
    void start() {
        grpc::ServerBuilder builder;
        builder.AddListeningPort(target_, grpc::InsecureServerCredentials());
        builder.RegisterService(&service_);
        server_ = builder.BuildAndStart();
        REQUIRE(server_ != nullptr);
    }
    void stop() {
        server_->Shutdown(std::chrono::system_clock::now());
        server_.reset();
    }

private:
    std::string target_;
    grpc::Service& service_;
    std::unique_ptr<grpc::Server> server_;
};

ov1::Status status_of(const ControlDaemon& daemon) {
    ov1::Status status;
    REQUIRE(call(*daemon.operations(), &Operations::GetStatus, {}, status).ok());
    return status;
}

void put(const ControlDaemon& daemon, const std::string& display_name) {
    pv1::ApplyRequest request;
    *request.add_changes()->mutable_put_trunk() = sample_trunk();
    request.mutable_changes(0)->mutable_put_trunk()->set_display_name(display_name);
    pv1::ApplyResponse response;
    REQUIRE(call(*daemon.provisioning(), &Provisioning::Apply, request, response).ok());
}

std::string record(int i, const std::string& trunk) {
    return R"({"schema":1,"id":"call-)" + std::to_string(i) + R"(","trunk":")" + trunk + R"(","sip_call_ids":["a)" +
           std::to_string(i) +
           R"(@pbx"],"started_at":"2026-11-21T12:30:00.000Z","sip_status":200,"q850_cause":16,"ended_by":"caller"})";
}

}  // namespace

TEST_CASE("a plane gets the whole snapshot with hashes, then each newer one, and its applied revision is known") {
    ControlDaemon daemon;
    put(daemon, "one");
    Plane plane(daemon);
    plane.say(0);
    const auto first = plane.next();
    CHECK(first.revision() == 1);
    REQUIRE(first.trunks_size() == 1);
    CHECK(first.trunks(0).credentials(0).ha1_md5().size() == 32);
    CHECK(first.trunks(0).credentials(0).ha1_sha256().size() == 64);
    CHECK(first.trunks(0).credentials(0).password().empty());
    plane.say(1);
    put(daemon, "two");
    CHECK(plane.next().revision() == 2);
    CHECK(wait_until(
        [&] { return daemon.metric("sallyport_config_applied_revision{plane=\"edge-1/signaling\"}") == 1; }));
    CHECK(status_of(daemon).warnings(0) == "edge-1/signaling has applied revision 1, the newest is 2");
    plane.say(2);
    CHECK(wait_until([&] { return status_of(daemon).warnings_size() == 0; }));
    plane.say(2, "realm \"access\" is not configured");
    CHECK(wait_until([&] { return status_of(daemon).warnings_size() == 1; }));
    CHECK(status_of(daemon).warnings(0) == "edge-1/signaling refused revision 2: realm \"access\" is not configured");
}

TEST_CASE("nothing is sent while nothing is provisioned, and many changes arrive as the last of them") {
    ControlDaemon daemon;
    Plane plane(daemon);
    plane.say(0);
    for (int i = 1; i <= 50; ++i) put(daemon, std::to_string(i));
    std::uint64_t revision = 0;
    int snapshots = 0;
    while (revision < 50) {
        const auto next = plane.next().revision();
        CHECK(next > revision);
        revision = next;
        ++snapshots;
    }
    CHECK(revision == 50);
    CHECK(snapshots <= 50);
}

TEST_CASE("a plane that connects after kill -9 of control gets its snapshot; one that leaves is missed") {
    ControlDaemon daemon;
    put(daemon, "one");
    daemon.stop(SIGKILL);
    daemon.start();
    {
        Plane plane(daemon);
        plane.say(1);
        CHECK(plane.next().revision() == 1);
        CHECK(wait_until(
            [&] { return daemon.metric("sallyport_config_feed_connected{plane=\"edge-1/signaling\"}") == 1; }));
    }
    CHECK(
        wait_until([&] { return daemon.metric("sallyport_config_feed_connected{plane=\"edge-1/signaling\"}") == 0; }));
    CHECK(status_of(daemon).warnings(0) == "edge-1/signaling is not connected to the configuration feed");
}

TEST_CASE("a plane that says nothing sensible is sent away; stopping control ends the stream") {
    ControlDaemon daemon;
    {
        Plane nameless(daemon, "");
        nameless.say(0);
    }
    Plane plane(daemon);
    plane.say(0);
    CHECK(wait_until([&] { return status_of(daemon).applied_size() == 1; }));
    const auto began = std::chrono::steady_clock::now();
    CHECK(daemon.stop(SIGTERM) == 0);
    CHECK(std::chrono::steady_clock::now() - began < std::chrono::seconds(5));
    CHECK(daemon.log().find("plane disconnected") != std::string::npos);
}

TEST_CASE("a daemon that goes is said to be down with the reason, and up again when it is back") {
    ControlDaemon daemon;
    FakeSignaling service;
    FakeDaemon signaling("unix:" + daemon.path("signaling.sock"), service);
    const std::string up = "sallyport_daemon_up{daemon=\"sallyport-signaling\"}";
    CHECK(daemon.metric("sallyport_daemon_up{daemon=\"sallyport-media\"}") == 0);
    const auto down = status_of(daemon);
    CHECK(!down.has_signaling());
    CHECK(down.daemons(1).detail().find("sallyport-signaling is not reachable at unix:") == 0);
    for (int round = 0; round < 2; ++round) {
        signaling.start();
        CHECK(wait_until([&] { return daemon.metric(up) == 1; }));
        CHECK(status_of(daemon).daemons(1).detail() == "9.9");
        CHECK(status_of(daemon).signaling().calls() == 2);
        signaling.stop();
        CHECK(wait_until([&] { return daemon.metric(up) == 0; }));
    }
    mv1::ListSessionsResponse sessions;
    const auto status = call(*daemon.operations(), &Operations::ListMediaSessions, {}, sessions);
    CHECK(status.error_code() == grpc::UNAVAILABLE);
    CHECK(status.error_message().find("sallyport-media is not reachable at unix:") == 0);
}

TEST_CASE("calls are the live ones, then the recorded ones, newest first, page by page") {
    ControlDaemon daemon;
    {
        sallyport::records::SpoolOptions options;
        options.directory = daemon.path("records");
        auto spool = sallyport::records::Spool::open(options);
        REQUIRE(spool.has_value());
        for (int i = 1; i <= 5; ++i) (*spool)->append(record(i, i % 2 == 0 ? "even" : "odd"));
    }
    const auto list = [&](int size, const std::string& trunk, bool live_only) {
        std::vector<std::string> ids;
        ov1::ListCallsRequest request;
        request.set_page_size(size);
        request.set_trunk(trunk);
        request.set_live_only(live_only);
        do {
            ov1::ListCallsResponse response;
            const auto status = call(*daemon.operations(), &Operations::ListCalls, request, response);
            if (!status.ok()) FAIL(status.error_message());
            CHECK(response.calls_size() <= size);
            for (const auto& c : response.calls()) ids.push_back(c.id());
            request.set_page_token(response.next_page_token());
        } while (!request.page_token().empty());
        return ids;
    };
    using Ids = std::vector<std::string>;
    CHECK(list(10, "", false) == Ids{"call-5", "call-4", "call-3", "call-2", "call-1"});
    ov1::ListCallsResponse response;
    REQUIRE(call(*daemon.operations(), &Operations::ListCalls, {}, response).ok());
    REQUIRE(response.warnings_size() == 1);
    CHECK(response.warnings(0).find("live calls are unknown: sallyport-signaling is not reachable") == 0);

    FakeSignaling service;
    FakeDaemon signaling("unix:" + daemon.path("signaling.sock"), service);
    signaling.start();
    CHECK(wait_until([&] { return daemon.metric("sallyport_daemon_up{daemon=\"sallyport-signaling\"}") == 1; }));
    const Ids all{"live-1", "live-2", "call-5", "call-4", "call-3", "call-2", "call-1"};
    for (const int size : {1, 2, 3, 7, 100}) {
        INFO(size);
        CHECK(list(size, "", false) == all);
    }
    CHECK(list(10, "", true) == Ids{"live-1", "live-2"});
    CHECK(list(10, "even", false) == Ids{"live-1", "live-2", "call-4", "call-2"});

    ov1::GetCallRequest request;
    ov1::Call shown;
    for (const auto* id : {"call-5", "a5@pbx"}) {
        request.set_id(id);
        REQUIRE(call(*daemon.operations(), &Operations::GetCall, request, shown).ok());
        CHECK(shown.id() == "call-5");
        CHECK(shown.record_json() == record(5, "odd"));
        CHECK(shown.cause() == "caller, Q.850 16");
    }
    request.set_id("call-5");
    REQUIRE(call(*daemon.operations(), &Operations::GetCall, request, shown).ok());
    CHECK(shown.ladder() == "pbx -> edge INVITE\n");
    request.set_id("live-1");
    REQUIRE(call(*daemon.operations(), &Operations::GetCall, request, shown).ok());
    CHECK(shown.state() == "answered");
    request.set_id("nobody");
    CHECK(call(*daemon.operations(), &Operations::GetCall, request, shown).error_code() == grpc::NOT_FOUND);
    signaling.stop();
}

TEST_CASE("billing takes records in order, again until it acknowledges, also over a restart of control") {
    ControlDaemon daemon;
    {
        sallyport::records::SpoolOptions options;
        options.directory = daemon.path("records");
        auto spool = sallyport::records::Spool::open(options);
        for (int i = 1; i <= 5; ++i) (*spool)->append(record(i, "t"));
    }
    const auto fetch = [&](int max) {
        ov1::FetchRecordsRequest request;
        request.set_consumer("billing");
        request.set_max_records(max);
        ov1::FetchRecordsResponse response;
        const auto status = call(*daemon.operations("billing"), &Operations::FetchRecords, request, response);
        if (!status.ok()) FAIL(status.error_message());
        return response;
    };
    CHECK(fetch(2).records(1) == record(2, "t"));
    CHECK(fetch(2).records(0) == record(1, "t"));
    ov1::AcknowledgeRecordsRequest done;
    done.set_consumer("billing");
    done.set_position(fetch(2).position());
    ov1::AcknowledgeRecordsResponse acknowledged;
    REQUIRE(call(*daemon.operations("billing"), &Operations::AcknowledgeRecords, done, acknowledged).ok());
    CHECK(daemon.metric("sallyport_record_unacknowledged_bytes{consumer=\"billing\"}") ==
          static_cast<double>(3 * (record(1, "t").size() + 1)));
    daemon.stop(SIGKILL);
    daemon.start();
    CHECK(fetch(100).records_size() == 3);
    CHECK(fetch(100).records(0) == record(3, "t"));
    const auto acknowledge = [&](const std::string& position) {
        done.set_position(position);
        return call(*daemon.operations("billing"), &Operations::AcknowledgeRecords, done, acknowledged);
    };
    const auto in_the_third = "1:" + std::to_string(2 * (record(1, "t").size() + 1) + 1);
    for (const auto& position :
         {std::string("nonsense"), std::string("999999:0"), in_the_third, std::string("1:99999999")}) {
        INFO(position);
        CHECK(violated_fields(acknowledge(position)) == std::vector<std::string>{"position"});
    }
    CHECK(acknowledge("0:0").error_code() == grpc::FAILED_PRECONDITION);
    CHECK(fetch(100).records_size() == 3);
}
