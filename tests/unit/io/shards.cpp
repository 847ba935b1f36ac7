// Two shards with the real core behind them: whichever socket a message comes in on, its call's shard answers it, from
// the right address, once; what the core asks for is carried out.
#include "signaling/io/shards.h"

#include <catch2/catch.hpp>
#include <future>
#include <map>
#include <mutex>

#include "loopback.h"
#include "signaling/stack/shared.h"

using namespace sallyport;
using namespace sallyport::io;
using loopback::Socket;

namespace {

std::uint16_t free_port() { return Socket(SOCK_DGRAM, loopback::any_port()).local().port; }

template <class Condition>
bool wait_until(Condition&& done) {
    const auto deadline = std::chrono::steady_clock::now() + 10s;
    while (!done()) {
        if (std::chrono::steady_clock::now() > deadline) return false;
        std::this_thread::yield();
    }
    return true;
}

// Addresses of its own for every node of every test process: no port of 127.0.0.1 can be in the way.
RealmTable two_realms() {
    static std::atomic<std::uint8_t> last{0};
    const auto process = static_cast<std::uint32_t>(getpid());
    const auto address = IpAddress::v4(127, static_cast<std::uint8_t>(process % 200 + 20),
                                       static_cast<std::uint8_t>(process / 200), ++last);
    Realm access{.name = "access", .media_port = "access"}, core{.name = "core", .media_port = "core", .trusted = true};
    const auto add = [&](Realm& realm, Transport transport, std::uint16_t port) {
        realm.listeners.push_back({transport, {address, port}, address.to_string(), port});
    };
    add(access, Transport::udp, 5060);
    add(access, Transport::tcp, 5060);
    add(core, Transport::udp, 5070);
    add(core, Transport::tcp, 5070);
    return {access, core};
}

struct Node {
    explicit Node(std::uint32_t count = 2, Duration idle = 300s) {
        base.node = "edge-1";
        base.realms = two_realms();
        base.nonce_secret = std::string(32, 's');
        Shards::Options options;
        options.count = count;
        options.streams.connect = 1s;
        options.streams.idle = idle;
        shards = std::make_unique<Shards>(context, clock, options, base, shared);
        const auto wrong = shards->listen();
        if (wrong) FAIL(*wrong);
        for (std::uint32_t i = 0; i < count; ++i) {
            ShardHooks hooks;
            hooks.resolve = [this, i](std::uint64_t token, const locate::Question& question) {
                ++questions;
                locate::Answer answer{.question = question, .status = locate::DnsStatus::no_data, .ttl = 60s};
                if (question.type == locate::RecordType::a) {
                    answer.status = locate::DnsStatus::ok;
                    answer.addresses = {IpAddress::v4(127, 0, 0, 1)};
                }
                shards->at(i).post(stack::Input{stack::DnsAnswer{token, answer}});
            };
            hooks.media = [](b2bua::MediaCommand) {};
            hooks.write_record = [](const b2bua::CallRecord&) {};
            hooks.checkpoint = [](const b2bua::Checkpoint&) {};
            hooks.log = [](const b2bua::LogFact&) {};
            shards->at(i).set_hooks(std::move(hooks));
        }
        shards->start();
        acceptors = std::thread([this] { context.run(); });
    }
    ~Node() {
        context.stop();
        acceptors.join();
        shards->stop();
    }
    void configure(config::Target target) {
        auto snapshot = std::make_shared<config::Snapshot>();
        snapshot->revision = 1;
        config::Carrier carrier;
        carrier.id = "core";
        carrier.realm = "core";
        carrier.targets = {std::move(target)};
        carrier.options_interval_seconds = 5;
        snapshot->carriers.emplace("core", carrier);
        snapshot->build_indexes();
        shards->broadcast(stack::ConfigChanged{snapshot});
    }
    std::uint64_t sum(Counter IoStatistics::*member) const {
        std::uint64_t total = 0;
        for (std::uint32_t i = 0; i < shards->size(); ++i) total += (shards->at(i).statistics().*member).read();
        return total;
    }
    Endpoint listener(std::size_t realm, Transport transport) const {
        return base.realms[realm].listener(transport, Family::v4)->bind;
    }
    asio::io_context context{1};
    Clock clock;
    stack::StackConfig base;
    stack::Shared shared;
    std::unique_ptr<Shards> shards;
    std::thread acceptors;
    std::atomic<int> questions{0};
};

std::string call_id_of(const std::string& message) {
    const auto at = message.find("Call-ID: ");
    return at == message.npos ? "" : message.substr(at + 9, message.find("\r\n", at) - at - 9);
}

// Every complete message of a stream of responses without bodies, by Call-ID.
std::map<std::string, int> answers_in(const std::string& text) {
    std::map<std::string, int> answers;
    for (std::size_t begin = 0; begin < text.size();) {
        const auto end = text.find("\r\n\r\n", begin);
        if (end == text.npos) break;
        ++answers[call_id_of(text.substr(begin, end + 2 - begin))];
        begin = end + 4;
    }
    return answers;
}

}  // namespace

TEST_CASE("datagrams of many calls from many sources are answered once each, by the shard of the call") {
    Node node;
    const auto to = node.listener(0, Transport::udp);
    std::vector<Socket> peers;
    for (int i = 0; i < 8; ++i) peers.emplace_back(SOCK_DGRAM, loopback::any_port());
    std::map<std::string, int> answers;
    for (int i = 0; i < 400; ++i) {
        const auto& peer = peers[static_cast<std::size_t>(i) % peers.size()];
        auto request = loopback::options("call-" + std::to_string(i));
        request.replace(request.find("SIP/2.0/TCP"), 11, "SIP/2.0/UDP");
        request.replace(request.find(";branch"), 0, ";rport");
        peer.send_to(request, to);
        std::string answer;
        REQUIRE(wait_until([&] { return !(answer = peer.receive()).empty(); }));
        ++answers[call_id_of(answer)];
    }
    CHECK(answers.size() == 400);
    for (const auto& [id, count] : answers) CHECK(count == 1);
    CHECK(node.sum(&IoStatistics::handed_over) > 50);
    for (std::uint32_t i = 0; i < 2; ++i) CHECK(node.shards->at(i).stack().statistics().messages_received.read() > 100);
}

TEST_CASE("requests of many calls on one connection are answered on it, whichever shards own the calls") {
    Node node;
    const auto peer = Socket::connected(node.listener(0, Transport::tcp));
    std::string all;
    for (int i = 0; i < 300; ++i) all += loopback::options("call-" + std::to_string(i));
    peer.send(all);
    std::string text;
    REQUIRE(wait_until([&] {
        text += peer.receive();
        return answers_in(text).size() == 300;
    }));
    for (const auto& [id, count] : answers_in(text)) CHECK(count == 1);
    CHECK(node.sum(&IoStatistics::handed_over) > 50);
}

TEST_CASE("a silent connection is kept as long as a call is on it, and is idle afterwards") {
    Node node(1, 100ms);
    const std::uint64_t first = max_shards;  // the number of shard 0's first connection
    node.shared.connections.add(first);
    const auto peer = Socket::connected(node.listener(0, Transport::tcp));
    peer.send(loopback::options("call"));
    std::string text;
    REQUIRE(wait_until([&] {
        text += peer.receive();
        return answers_in(text).size() == 1;
    }));
    const auto silent_since = node.clock.now();
    REQUIRE(wait_until([&] {
        text += peer.receive();
        return peer.ended() || node.clock.now() - silent_since > 400ms;
    }));
    CHECK_FALSE(peer.ended());
    node.shared.connections.remove(first);
    CHECK(wait_until([&] {
        text += peer.receive();
        return peer.ended();
    }));
}

TEST_CASE("a name is resolved and the target asked from the realm's own address, by every shard") {
    Node node;
    const Socket carrier(SOCK_DGRAM, loopback::any_port());
    node.configure({"carrier.example.net", carrier.local().port, config::Transport::udp, 0, 0});
    std::string heard;
    REQUIRE(wait_until([&] {
        heard += carrier.receive();
        return answers_in(heard).size() >= 2;
    }));
    CHECK(heard.starts_with("OPTIONS "));
    CHECK(heard.find("Via: SIP/2.0/UDP " + node.listener(1, Transport::udp).to_string()) != heard.npos);
    CHECK(node.questions >= 2);
}

TEST_CASE("all shards share one connection to a peer") {
    Node node;
    const Socket carrier(SOCK_STREAM | SOCK_NONBLOCK, loopback::any_port());
    REQUIRE(::listen(carrier.fd(), 8) == 0);
    node.configure({"127.0.0.1", carrier.local().port, config::Transport::tcp, 0, 0});
    int accepted = -1;
    REQUIRE(wait_until([&] { return (accepted = ::accept4(carrier.fd(), nullptr, nullptr, SOCK_NONBLOCK)) >= 0; }));
    const Socket connection(accepted);
    std::string heard;
    REQUIRE(wait_until([&] {
        heard += connection.receive();
        return answers_in(heard).size() >= 2;
    }));
    CHECK(node.sum(&IoStatistics::connections_opened) == 1);
}

TEST_CASE("a peer that refuses the connection is known to be down in every shard, at once") {
    Node node;
    node.configure({"127.0.0.1", free_port(), config::Transport::tcp, 0, 0});
    for (std::uint32_t i = 0; i < 2; ++i) {
        REQUIRE(wait_until([&] {
            std::promise<bool> down;
            auto asked = down.get_future();
            const Task task = [&down](stack::Stack& stack) {
                const auto targets = stack.targets();
                down.set_value(!targets.empty() && !targets[0].up);
            };
            node.shards->at(i).post(task);
            return asked.get();
        }));
    }
}

TEST_CASE("an ICMP error makes a UDP target known to be down before any timer") {
    Node node;
    node.configure({"127.0.0.1", free_port(), config::Transport::udp, 0, 0});
    REQUIRE(wait_until([&] { return node.sum(&IoStatistics::unreachable) > 0; }));
    REQUIRE(
        wait_until([&] { return node.shards->at(0).stack().transaction_statistics().transport_failures.read() > 0; }));
}

TEST_CASE("a node stops with connections open and messages on their way, again and again") {
    for (int round = 0; round < 10; ++round) {
        Node node;
        std::vector<Socket> peers;
        for (int i = 0; i < 20; ++i) {
            peers.push_back(Socket::connected(node.listener(0, Transport::tcp)));
            peers.back().send(loopback::options(std::to_string(round) + "-" + std::to_string(i)) + "INVITE");
        }
        REQUIRE(wait_until([&] { return node.sum(&IoStatistics::stream_messages_received) > 0; }));
    }
}

TEST_CASE("an address that another process has is refused, also when shards would share it") {
    for (const std::uint32_t count : {1u, 2u}) {
        asio::io_context context;
        const Clock clock;
        stack::StackConfig base;
        stack::Shared shared;
        base.realms = two_realms();
        const Socket taken(SOCK_DGRAM, base.realms[0].listeners[0].bind);
        Shards::Options options;
        options.count = count;
        Shards shards(context, clock, options, base, shared);
        const auto wrong = shards.listen();
        REQUIRE(wrong.has_value());
        CHECK(wrong->starts_with("udp " + base.realms[0].listeners[0].bind.to_string() + ": cannot bind: "));
    }
}
