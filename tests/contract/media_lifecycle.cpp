// What survives whom: clients that vanish, leases, a media plane that is killed, its start and its end.
#include <unistd.h>

#include <catch2/catch.hpp>
#include <fstream>
#include <set>

#include "media_client.h"

using namespace sallyport::test;

TEST_CASE("a client that is killed and comes back within the lease keeps its sessions") {
    MediaDaemon daemon;
    std::uint32_t port = 0;
    {
        MediaClient client(daemon, "edge/0", 1, 60);
        port = client.allocate("s1").local(0).rtp().port();
        client.vanish();
    }
    MediaClient back(daemon);
    const pb::Welcome welcome = back.hello("edge/0", 2, 60);
    REQUIRE(welcome.sessions_size() == 1);
    CHECK(back.allocate("s1").local(0).rtp().port() == port);
}

TEST_CASE("when the lease ends every session goes, and its ports and packet buffers are free again") {
    MediaDaemon daemon;
    MediaClient observer(daemon, "observer", 1);
    const pb::Statistics before = observer.statistics();
    {
        MediaClient client(daemon, "edge/0", 1, 1);
        for (int i = 0; i < 2000; ++i) client.post(allocate_message("s" + std::to_string(i)));
        int allocated = 0;
        for (int i = 0; i < 2000; ++i) allocated += client.reply().code() == pb::CODE_OK;
        CHECK(observer.statistics().sessions() == static_cast<std::uint64_t>(allocated));
        client.vanish();
    }
    CHECK(eventually([&] { return observer.statistics().sessions() == 0; }));
    CHECK(eventually(
        [&] { return observer.statistics().ports(0).udp_ports_free() == before.ports(0).udp_ports_free(); }));
    CHECK(observer.statistics().mbufs_in_use() == before.mbufs_in_use());
    MediaClient back(daemon);
    CHECK(back.hello("edge/0", 1).sessions_size() == 0);
}

TEST_CASE("a media plane that was killed comes back empty under another incarnation and restores the wished ports") {
    MediaDaemon daemon;
    pb::Welcome first;
    std::vector<pb::LocalEndpoint> local;
    {
        MediaClient client(daemon);
        first = client.hello("edge/0", 1);
        const pb::Reply reply = client.allocate("s1", 2);
        local.assign(reply.local().begin(), reply.local().end());
        daemon.kill();
        CHECK_FALSE(client.ended().ok());
    }
    daemon.start();
    MediaClient client(daemon);
    const pb::Welcome second = client.hello("edge/0", 1);
    CHECK(second.incarnation() > first.incarnation());
    CHECK(second.node() == "test-node");
    CHECK(second.sessions_size() == 0);
    pb::ClientMessage message = allocate_message("s1", 2);
    for (const auto& wish : local) *message.mutable_allocate()->add_restore() = wish;
    const pb::Reply again = client.ask(message);
    REQUIRE(again.local_size() == static_cast<int>(local.size()));
    for (std::size_t i = 0; i < local.size(); ++i)
        CHECK(again.local(static_cast<int>(i)).SerializeAsString() == local[i].SerializeAsString());
}

TEST_CASE(
    "a media plane that restarted takes up how far keys were used, and tells it to whoever asks for the session") {
    MediaDaemon daemon;
    pb::ClientMessage message = allocate_message("s1");
    pb::Leg& leg = *message.mutable_allocate()->add_legs();
    leg.set_side(pb::SIDE_B);
    leg.mutable_keys()->set_suite(pb::SRTP_AES_CM_128_HMAC_SHA1_80);
    leg.mutable_keys()->set_receive(std::string(30, 'r'));
    leg.mutable_keys()->set_send(std::string(30, 's'));
    {
        MediaClient client(daemon, "edge/0", 1);
        const pb::Reply first = client.ask(message);
        REQUIRE(first.used_size() == 1);
        CHECK(first.used(0).side() == pb::SIDE_B);
        CHECK(first.used(0).used().ByteSizeLong() == 0);
        daemon.kill();
    }
    daemon.start();
    pb::KeyUse& used = *leg.mutable_keys()->mutable_used();
    used.add_received()->set_ssrc(7);
    used.mutable_received(0)->set_index(70'000);
    used.add_sent()->set_ssrc(8);
    used.mutable_sent(0)->set_index(140'000);
    used.set_srtcp_sent(5);
    used.add_srtcp_received()->set_ssrc(7);
    used.mutable_srtcp_received(0)->set_index(40);
    used.set_sent_unlisted_from(300);
    MediaClient client(daemon, "edge/0", 1);
    const pb::Reply restored = client.ask(message);
    REQUIRE(restored.used_size() == 1);
    const pb::KeyUse& now = restored.used(0).used();
    CHECK(now.received(0).SerializeAsString() == used.received(0).SerializeAsString());
    CHECK(now.sent(0).SerializeAsString() == used.sent(0).SerializeAsString());
    CHECK(now.srtcp_received(0).SerializeAsString() == used.srtcp_received(0).SerializeAsString());
    CHECK(now.sent_unlisted_from() > 300);
    CHECK(now.srtcp_sent() > 5 + 65'000);  // with a margin for what was never reported
    CHECK(client.allocate("s1").used(0).used().SerializeAsString() == now.SerializeAsString());
    used.mutable_sent(0)->set_index(std::uint64_t{1} << 48);
    message.mutable_allocate()->set_session("s2");
    CHECK(client.ask(message).code() == pb::CODE_INVALID);
}

TEST_CASE("sessions of several lcores are listed in pages, each once, with what they belong to") {
    MediaDaemon daemon({.lcores = sysconf(_SC_NPROCESSORS_ONLN) > 1 ? 2 : 1});
    MediaClient client(daemon, "edge/0", 1);
    constexpr int sessions = 150;
    for (int i = 0; i < sessions; ++i) {
        pb::ClientMessage message = allocate_message("s" + std::to_string(i));
        message.mutable_allocate()->set_call("call-" + std::to_string(i));
        message.mutable_allocate()->set_trunk("acme-hq");
        REQUIRE(client.ask(message).code() == pb::CODE_OK);
    }
    std::set<std::string> seen;
    pb::ListSessionsRequest request;
    request.set_page_size(40);
    do {
        grpc::ClientContext context;
        pb::ListSessionsResponse page;
        REQUIRE(client.stub().ListSessions(&context, request, &page).ok());
        CHECK(page.sessions_size() <= 40);
        for (const auto& session : page.sessions()) {
            CHECK(seen.insert(session.session()).second);
            CHECK(session.client() == "edge/0");
            CHECK(session.trunk() == "acme-hq");
            CHECK(session.call() == "call-" + session.session().substr(1));
        }
        request.set_page_token(page.next_page_token());
    } while (!request.page_token().empty());
    CHECK(seen.size() == sessions);
    request.set_page_size(1001);
    grpc::ClientContext context;
    pb::ListSessionsResponse page;
    CHECK(client.stub().ListSessions(&context, request, &page).error_code() == grpc::StatusCode::INVALID_ARGUMENT);
}

TEST_CASE("SIGTERM ends the daemon with clients connected and sessions alive, with exit code 0") {
    MediaDaemon daemon;
    MediaClient client(daemon, "edge/0", 1);
    client.allocate("s1");
    CHECK(daemon.stop() == 0);
    CHECK_FALSE(client.ended().ok());
    CHECK(access(daemon.socket_path().c_str(), F_OK) != 0);
}

TEST_CASE("a second daemon does not take a living one's socket away") {
    MediaDaemon daemon;
    const Ended second = run_media("--config " + daemon.config_path());
    CHECK(second.exit_code == 1);
    CHECK(second.errors.find("another process listens on") != std::string::npos);
    MediaClient client(daemon, "edge/0", 1);
    CHECK(client.allocate("s1").code() == pb::CODE_OK);
}

TEST_CASE("a socket file that a killed daemon left behind is no obstacle") {
    MediaDaemon daemon;
    daemon.kill();
    REQUIRE(access(daemon.socket_path().c_str(), F_OK) == 0);
    daemon.start();
    MediaClient client(daemon, "edge/0", 1);
    CHECK(client.allocate("s1").code() == pb::CODE_OK);
}

TEST_CASE("bad configuration ends with exit code 2, naming file, line and field, and nothing is started") {
    MediaDaemon daemon;
    daemon.stop();
    std::ofstream(daemon.config_path(), std::ios::app) << "limits: {max_sessions: many}\n";
    for (const std::string check : {"", " --check-config"}) {
        const Ended ended = run_media("--config " + daemon.config_path() + check);
        CHECK(ended.exit_code == 2);
        CHECK(ended.errors.find(daemon.config_path() + ":16:24: limits.max_sessions: ") == 0);
    }
    CHECK(access(daemon.socket_path().c_str(), F_OK) != 0);
    CHECK(run_media("--config /nonexistent.yaml").exit_code == 2);
    CHECK(run_media("--no-such-option").exit_code == 2);
    CHECK(run_media("--version").exit_code == 0);
    CHECK(run_media("--help").exit_code == 0);
}

TEST_CASE("a device that is not there is reported with its port, exit code 1") {
    MediaDaemon daemon;
    daemon.stop();
    std::string text;
    {
        std::ifstream in(daemon.config_path());
        text.assign(std::istreambuf_iterator<char>(in), {});
    }
    text.replace(text.find("net_ring1"), 9, "\"net_af_packet1,iface=nonexistent0\"");
    std::ofstream(daemon.config_path()) << text;
    const Ended ended = run_media("--config " + daemon.config_path());
    CHECK(ended.exit_code == 1);
    CHECK(access(daemon.socket_path().c_str(), F_OK) != 0);
}
