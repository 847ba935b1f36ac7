// sallyport.media.v1 as written in its proto file: order, idempotency, epochs, limits.
#include <catch2/catch.hpp>

#include "media_client.h"

using namespace sallyport::test;

TEST_CASE("allocate gives ports, repeating it gives the same ones, release gives the last word") {
    MediaDaemon daemon;
    MediaClient client(daemon, "edge/0", 1);
    const pb::Reply first = client.allocate("s1", 2);
    REQUIRE(first.code() == pb::CODE_OK);
    REQUIRE(first.local_size() == 4);
    for (const auto& local : first.local()) {
        CHECK(local.rtp().port() % 2 == 0);
        CHECK(local.rtcp().port() == local.rtp().port() + 1);
        CHECK(local.rtp().address() == (local.side() == pb::SIDE_A ? "192.0.2.2" : "198.51.100.2"));
    }
    pb::Reply second = client.allocate("s1", 2);
    second.set_sequence(first.sequence());
    CHECK(second.SerializeAsString() == first.SerializeAsString());
    CHECK(client.statistics().sessions() == 1);

    const pb::Reply released = client.release("s1");
    CHECK(released.code() == pb::CODE_OK);
    CHECK(released.statistics().session() == "s1");
    CHECK(released.statistics().legs_size() == 4);
    CHECK(client.release("s1").code() == pb::CODE_NO_SESSION);
    CHECK(client.statistics().sessions() == 0);
}

TEST_CASE("modify grows a session once, however often it is said") {
    MediaDaemon daemon;
    MediaClient client(daemon, "edge/0", 1);
    client.allocate("s1");
    pb::ClientMessage modify;
    modify.mutable_modify()->set_session("s1");
    modify.mutable_modify()->set_streams(3);
    pb::Leg& leg = *modify.mutable_modify()->add_legs();
    leg.set_stream(2);
    leg.mutable_remote()->set_address("192.0.2.9");
    leg.mutable_remote()->set_port(4000);
    const auto free = [&] { return client.statistics().ports(0).udp_ports_free(); };
    const pb::Reply first = client.ask(modify);
    CHECK(first.code() == pb::CODE_OK);
    CHECK(first.local_size() == 6);
    const auto free_before = free();
    const pb::Reply second = client.ask(modify);
    CHECK(second.local_size() == 6);
    CHECK(free() == free_before);
}

TEST_CASE("a thousand commands sent without waiting are answered in order") {
    MediaDaemon daemon;
    MediaClient client(daemon, "edge/0", 1);
    std::vector<std::uint64_t> sent;
    for (int i = 0; i < 250; ++i) {
        const std::string session = "s" + std::to_string(i % 50);
        sent.push_back(client.post(allocate_message(session)));
        pb::ClientMessage alive;
        alive.mutable_keep_alive();
        sent.push_back(client.post(alive));
        sent.push_back(client.post(release_message(session)));
        sent.push_back(client.post(release_message("nobody")));
    }
    for (std::size_t i = 0; i < sent.size(); ++i) {
        const pb::Reply reply = client.reply();
        REQUIRE(reply.sequence() == sent[i]);
        CHECK(reply.code() == (i % 4 == 3 ? pb::CODE_NO_SESSION : pb::CODE_OK));
    }
    CHECK(client.statistics().sessions() == 0);
}

namespace {

pb::ClientMessage allocations(std::uint64_t count) {
    pb::ClientMessage message;
    for (std::uint64_t i = 0; i < count; ++i) {
        auto& command = *message.mutable_commands()->add_commands();
        command = allocate_message("s" + std::to_string(i % 10));
        command.set_sequence(i + 1);
    }
    return message;
}

}  // namespace

TEST_CASE("several commands in one message are answered in order, together where the client takes that") {
    MediaDaemon daemon;
    MediaClient client(daemon);
    pb::ClientMessage hello;
    hello.mutable_hello()->set_client("edge/0");
    hello.mutable_hello()->set_epoch(1);
    hello.mutable_hello()->add_features(pb::FEATURE_TOGETHER);
    client.send(hello);
    REQUIRE(client.next().has_welcome());
    client.send(allocations(200));
    std::uint64_t answered = 0, together = 0;
    const auto take = [&](const pb::Reply& reply) {
        CHECK(reply.sequence() == ++answered);
        CHECK(reply.code() == pb::CODE_OK);
    };
    while (answered < 200) {
        const auto message = client.next();
        for (const auto& reply : message.replies().replies()) take(reply);
        if (message.has_reply()) take(message.reply());
        together += message.has_replies();
    }
    CHECK(together != 0);
    CHECK(client.statistics().sessions() == 10);

    MediaClient older(daemon, "edge/1", 1);
    older.send(allocations(20));
    for (std::uint64_t i = 1; i <= 20; ++i) CHECK(older.reply().sequence() == i);
}

TEST_CASE("commands within commands are refused, and a message of too many ends the stream") {
    MediaDaemon daemon;
    MediaClient client(daemon, "edge/0", 1);
    pb::ClientMessage nested = allocations(2);
    *nested.mutable_commands()->mutable_commands(0) = allocations(1);
    nested.mutable_commands()->mutable_commands(0)->set_sequence(1);
    client.send(nested);
    CHECK(client.reply().code() == pb::CODE_INVALID);
    CHECK(client.reply().code() == pb::CODE_OK);
    client.send(allocations(257));
    CHECK(client.reply().code() == pb::CODE_INVALID);
    CHECK(client.ended().error_message() == "commands: more than 256");
}

TEST_CASE("list in the middle of other commands sees what was before it") {
    MediaDaemon daemon;
    MediaClient client(daemon, "edge/0", 1);
    client.post(allocate_message("s1"));
    client.post(allocate_message("s2"));
    pb::ClientMessage list;
    list.mutable_list();
    client.post(list);
    client.reply();
    client.reply();
    const pb::Reply reply = client.reply();
    REQUIRE(reply.sessions_size() == 2);
    CHECK(reply.sessions(0) == "s1");
    CHECK(reply.sessions(1) == "s2");
}

TEST_CASE("commands before a half-close are all answered") {
    MediaDaemon daemon;
    MediaClient client(daemon, "edge/0", 1);
    for (int i = 0; i < 100; ++i) client.post(allocate_message("s" + std::to_string(i)));
    client.close();
    for (int i = 0; i < 100; ++i) CHECK(client.reply().code() == pb::CODE_OK);
    CHECK(client.ended().ok());
}

TEST_CASE("a greater epoch ends the older stream, and the sessions change hands") {
    MediaDaemon daemon;
    MediaClient old(daemon, "edge/0", 7);
    old.allocate("s1");
    MediaClient young(daemon);
    const pb::Welcome welcome = young.hello("edge/0", 8);
    REQUIRE(welcome.sessions_size() == 1);
    CHECK(welcome.sessions(0) == "s1");
    CHECK(old.reply().code() == pb::CODE_STALE_EPOCH);
    CHECK(old.ended().error_code() == grpc::StatusCode::ABORTED);
    CHECK(young.release("s1").code() == pb::CODE_OK);

    MediaClient late(daemon);
    pb::ClientMessage hello;
    hello.mutable_hello()->set_client("edge/0");
    hello.mutable_hello()->set_epoch(7);
    late.send(hello);
    CHECK(late.reply().code() == pb::CODE_STALE_EPOCH);
    CHECK(late.ended().error_code() == grpc::StatusCode::FAILED_PRECONDITION);
}

TEST_CASE("two clients have sessions of the same name and never each other's") {
    MediaDaemon daemon;
    MediaClient a(daemon, "edge/0", 1), b(daemon, "edge/1", 1);
    const auto of_a = a.allocate("s1"), of_b = b.allocate("s1");
    CHECK(of_a.local(0).rtp().port() != of_b.local(0).rtp().port());
    CHECK(a.release("s1").code() == pb::CODE_OK);
    CHECK(b.allocate("s1").local(0).rtp().port() == of_b.local(0).rtp().port());
}

TEST_CASE("when the ports are used up the answer says so, and a release makes room") {
    MediaDaemon daemon({.udp_ports = "20000-20005"});
    MediaClient client(daemon, "edge/0", 1);
    for (int i = 0; i < 3; ++i) CHECK(client.allocate("s" + std::to_string(i)).code() == pb::CODE_OK);
    CHECK(client.allocate("s3").code() == pb::CODE_NO_PORTS);
    CHECK(client.statistics().sessions() == 3);
    client.release("s1");
    const pb::Reply at_once = client.allocate("s3");  // the next call is not to hear the one before
    CHECK(at_once.code() == pb::CODE_NO_PORTS);
    CHECK(at_once.text() == "media port \"access\" has 1 pairs of UDP ports left, which a call has only just left");
    CHECK(client.statistics().ports(0).udp_ports_free() == 1);
    CHECK(eventually([&] { return client.allocate("s3").code() == pb::CODE_OK; }));
}

TEST_CASE("what is wrong in a command is named, and nothing is done") {
    MediaDaemon daemon;
    MediaClient client(daemon, "edge/0", 1);
    const auto refused = [&](pb::ClientMessage message) {
        const pb::Reply reply = client.ask(std::move(message));
        return pb::Code_Name(reply.code()) + " " + reply.text();
    };
    pb::ClientMessage message = allocate_message("s1");
    message.mutable_allocate()->set_port_b("nowhere");
    CHECK(refused(message).find("CODE_UNKNOWN_PORT port_b: ") == 0);
    message = allocate_message("s1");
    message.mutable_allocate()->set_family_b(pb::FAMILY_V6);
    CHECK(refused(message).find("CODE_UNKNOWN_PORT port_b: ") == 0);
    message = allocate_message("s1", 17);
    CHECK(refused(message) == "CODE_INVALID streams: 17 is not in 1..16");
    message = allocate_message("s1");
    auto& keys = *message.mutable_allocate()->add_legs()->mutable_keys();
    keys.set_suite(static_cast<pb::Srtp>(77));
    CHECK(refused(message) == "CODE_UNSUPPORTED legs[0].keys.suite: 77 is not known here");
    message = allocate_message("s1");
    auto& remote = *message.mutable_allocate()->add_legs()->mutable_remote();
    remote.set_port(4000);
    for (const char* address : {"127.0.0.1", "224.0.0.1", "255.255.255.255", "169.254.1.1", "2001:db8::1"}) {
        remote.set_address(address);
        INFO(address);
        CHECK(refused(message).find("CODE_INVALID legs[stream 0, side a].remote: ") == 0);
    }
    message = {};
    CHECK(refused(message) == "CODE_INVALID body: is missing or not known here");
    message.mutable_hello()->set_client("edge/0");
    CHECK(refused(message) == "CODE_INVALID hello: was said before");
    CHECK(client.statistics().sessions() == 0);
}

TEST_CASE("a sequence number that does not increase is refused") {
    MediaDaemon daemon;
    MediaClient client(daemon, "edge/0", 1);
    pb::ClientMessage message = allocate_message("s1");
    for (const std::uint64_t sequence : {5, 5, 4, 0, 6}) {
        message.set_sequence(sequence);
        client.send(message);
    }
    std::vector<pb::Code> codes;
    for (int i = 0; i < 5; ++i) codes.push_back(client.reply().code());
    CHECK(codes ==
          std::vector<pb::Code>{pb::CODE_OK, pb::CODE_INVALID, pb::CODE_INVALID, pb::CODE_INVALID, pb::CODE_OK});
}

TEST_CASE("a stream that does not begin with Hello is ended with the reason") {
    MediaDaemon daemon;
    MediaClient client(daemon);
    client.post(allocate_message("s1"));
    CHECK(client.reply().code() == pb::CODE_INVALID);
    CHECK(client.ended().error_code() == grpc::StatusCode::INVALID_ARGUMENT);
    MediaClient nameless(daemon);
    pb::ClientMessage hello;
    hello.mutable_hello();
    nameless.send(hello);
    CHECK(nameless.ended().error_message() == "hello.client: is missing");
}

TEST_CASE("a flood of commands is answered in full: carried out or refused as overloaded, in order") {
    MediaDaemon daemon;
    MediaClient client(daemon, "edge/0", 1);
    constexpr int commands = 20'000;
    std::thread sender([&] {
        for (int i = 0; i < commands; ++i) client.post(allocate_message("s" + std::to_string(i % 100)));
    });
    int carried_out = 0, overloaded = 0;
    for (std::uint64_t i = 1; i <= commands; ++i) {
        const pb::Reply reply = client.reply();
        REQUIRE(reply.sequence() == i);
        carried_out += reply.code() == pb::CODE_OK;
        overloaded += reply.code() == pb::CODE_OVERLOADED;
    }
    sender.join();
    CHECK(carried_out + overloaded == commands);
    CHECK(carried_out > 1000);
    CHECK(client.allocate("last").code() == pb::CODE_OK);
}

TEST_CASE("silence is reported after the time that was asked for") {
    MediaDaemon daemon;
    MediaClient client(daemon, "edge/0", 1);
    pb::ClientMessage message = allocate_message("s1");
    message.mutable_allocate()->set_inactivity_seconds(1);
    for (const auto& [side, address] : {std::pair{pb::SIDE_A, "192.0.2.9"}, std::pair{pb::SIDE_B, "198.51.100.9"}}) {
        auto& leg = *message.mutable_allocate()->add_legs();
        leg.set_side(side);
        leg.mutable_remote()->set_address(address);
        leg.mutable_remote()->set_port(4000);
    }
    client.ask(message);
    for (int i = 0; i < 2; ++i) {
        const pb::Event event = client.event();
        CHECK(event.kind() == pb::EVENT_INACTIVITY);
        CHECK(event.session() == "s1");
    }
}
