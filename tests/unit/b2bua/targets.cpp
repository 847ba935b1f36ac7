#include "signaling/b2bua/targets.h"

#include <catch2/catch.hpp>
#include <map>

#include "signaling/b2bua/ladder.h"
#include "signaling/b2bua/media_session.h"
#include "signaling/b2bua/next_hop.h"
#include "signaling/b2bua/sdp_bridge.h"

namespace sallyport::b2bua {
namespace {

RealmTable realms() {
    const auto listener = [](Transport t, std::string_view bind) {
        const auto at = Endpoint::parse(bind).value();
        return Listener{t, at, host_text(at.address), at.port};
    };
    return {
        {"access", "a0", false, {listener(Transport::tls, "203.0.113.1:5061")}},
        {"core", "c0", true, {listener(Transport::udp, "10.0.0.1:5060"), listener(Transport::tcp, "10.0.0.1:5060")}}};
}
config::Snapshot snapshot(std::vector<config::Target> targets) {
    config::Snapshot out;
    config::Carrier carrier;
    carrier.id = "core";
    carrier.realm = "core";
    carrier.targets = std::move(targets);
    out.carriers.emplace("core", carrier);
    return out;
}
std::vector<std::string> walk(Targets targets, const TargetHealth& health, RandomSource& random) {
    std::vector<std::string> out;
    const auto table = realms();
    while (true) {
        auto step = targets.next({table, health, TimePoint{}, random});
        const auto* hop = std::get_if<Hop>(&step);
        if (hop == nullptr) return out;
        out.push_back(hop->text());
    }
}

}  // namespace

TEST_CASE("Targets by priority; equals are drawn by weight") {
    SeededRandom random(1);
    TargetHealth health;
    const auto table = realms();
    const auto config = snapshot({{"192.0.2.3", 5060, config::Transport::udp, 2, 0},
                                  {"192.0.2.1", 5060, config::Transport::tcp, 1, 90},
                                  {"192.0.2.2", 0, config::Transport::udp, 1, 10}});
    std::map<std::string, int> first;
    for (int i = 0; i < 1000; ++i) {
        const auto order =
            walk(Targets::to_carriers(config, {"core"}, "+441", false, {table, health, TimePoint{}, random}), health,
                 random);
        REQUIRE(order.size() == 3);
        CHECK(order[2] == "udp 192.0.2.3:5060");
        ++first[order[0]];
    }
    CHECK(first["tcp 192.0.2.1:5060"] > 820);
    CHECK(first["tcp 192.0.2.1:5060"] < 960);
}

TEST_CASE("A target that is down is passed over; when all are, nothing is tried and that is said") {
    SeededRandom random(1);
    TargetHealth health;
    const auto table = realms();
    const auto config =
        snapshot({{"192.0.2.1", 5060, config::Transport::udp}, {"192.0.2.2", 5060, config::Transport::udp}});
    const std::string one = "core/192.0.2.1:5060;udp", two = "core/192.0.2.2:5060;udp";
    CHECK_FALSE(health.failed(one, "silent"));
    CHECK(health.up(one));
    CHECK(health.failed(one, "silent"));
    CHECK_FALSE(health.up(one));
    CHECK(walk(Targets::to_carriers(config, {"core"}, "+441", false, {table, health, TimePoint{}, random}), health,
               random) == std::vector<std::string>{"udp 192.0.2.2:5060"});
    health.failed(two, "silent");
    health.failed(two, "silent");
    CHECK(Targets::to_carriers(config, {"core"}, "+441", false, {table, health, TimePoint{}, random}).all_down());
    CHECK_FALSE(health.answered(one, "200"));
    CHECK_FALSE(health.failed(one, "silent"));  // it is down already, and starts anew
    CHECK_FALSE(health.answered(one, "200"));
    CHECK(health.answered(one, "200"));
    CHECK(health.up(one));
}

TEST_CASE(
    "Within a core dialog the literal in Route or Contact is followed; a name that is not located yet, a NAT or a "
    "stream is met where it was") {
    const auto table = realms();
    dialog::Dialog d;
    d.flow = {Transport::udp, 1, Endpoint::parse("10.0.0.1:5060").value(), Endpoint::parse("192.0.2.1:5060").value(),
              0};
    const auto hop = [&](std::string_view target, const Realm& realm) {
        d.remote_target = target;
        return next_hop(d, realm).flow;
    };
    CHECK(hop("sip:192.0.2.7:5070", table[1]).remote == Endpoint::parse("192.0.2.7:5070").value());
    CHECK(hop("sip:192.0.2.7", table[1]).local == Endpoint::parse("10.0.0.1:5060").value());
    CHECK(hop("sip:192.0.2.7;transport=tcp", table[1]).transport == Transport::tcp);
    CHECK(hop("sip:gw.example.org", table[1]) == d.flow);
    CHECK(hop("sip:0.0.0.0", table[1]) == d.flow);
    CHECK(hop("sip:[2001:db8::1]", table[1]) == d.flow);  // no listener of that family
    CHECK(hop("sip:192.0.2.7:5070", table[0]) == d.flow);
    d.route_set = {"<sip:192.0.2.8;lr>"};
    CHECK(hop("sip:192.0.2.7", table[1]).remote == Endpoint::parse("192.0.2.8:5060").value());
    d.route_set.clear();
    d.flow.transport = Transport::tcp;
    d.flow.connection = 4;
    d.flow.remote.port = 33333;
    CHECK(hop("sip:192.0.2.1:5060;transport=tcp", table[1]).connection == 4);
}

namespace {

// Where the dialog's next hop leads with that zone: A for host.example.org alone, or SRV of gw.example.org to it.
Flow located(dialog::Dialog d, std::string_view target, const Realm& realm, std::vector<IpAddress> addresses,
             std::optional<NextHop>* whole = nullptr) {
    d.remote_target = target;
    SeededRandom random(1);
    Boxed<NamedPeer> named;
    auto questions = NamedPeer::seek(named, d, realm, TimePoint{}, random);
    while (!questions.empty()) {
        const auto question = questions.front();
        questions.erase(questions.begin());
        locate::Answer answer{.question = question, .status = locate::DnsStatus::no_data, .ttl = 60s};
        const bool is_srv = question.name == "_sip._udp.gw.example.org" || question.name == "_sips._tcp.gw.example.org";
        if (is_srv) answer.srv = {{10, 0, 5080, "host.example.org"}};
        if (question.type == locate::RecordType::a && question.name == "host.example.org") answer.addresses = addresses;
        if (is_srv || !answer.addresses.empty()) answer.status = locate::DnsStatus::ok;
        for (auto& more : named->resume(answer, TimePoint{})) questions.push_back(std::move(more));
    }
    const auto hop = next_hop(d, realm, {nullptr, named ? &*named : nullptr});
    if (whole != nullptr) *whole = hop;
    return hop.flow;
}

}  // namespace

TEST_CASE("A located name leads where DNS says, stays with the host that has the dialog, and never leaves TLS") {
    auto realm = realms()[1];
    dialog::Dialog d;
    d.flow = {Transport::udp, 1, Endpoint::parse("10.0.0.1:5060").value(), Endpoint::parse("192.0.2.1:5060").value(),
              0};
    const IpAddress one = IpAddress::v4(192, 0, 2, 1), two = IpAddress::v4(192, 0, 2, 2);
    CHECK(located(d, "sip:gw.example.org", realm, {two}).remote == Endpoint{two, 5080});
    CHECK(located(d, "sip:host.example.org", realm, {two}).remote == Endpoint{two, 5060});
    CHECK(located(d, "sip:host.example.org", realm, {two, one}) == d.flow);
    CHECK(located(d, "sip:host.example.org:5070", realm, {two, one}).remote == Endpoint{two, 5070});
    CHECK(located(d, "sip:host.example.org;transport=tcp", realm, {two}).transport == Transport::tcp);
    CHECK(located(d, "sips:gw.example.org", realm, {two}) == d.flow);  // the realm has no TLS
    CHECK(located(d, "sip:host.example.org", realms()[0], {two}) == d.flow);
    d.flow.transport = Transport::tcp;
    d.flow.connection = 4;
    d.flow.remote.port = 33333;
    CHECK(located(d, "sip:host.example.org", realm, {two, one}) == d.flow);
    CHECK(located(d, "sip:host.example.org:5070", realm, {two}).transport == Transport::tcp);
    const auto tls = [](std::string_view bind) {
        const auto at = Endpoint::parse(bind).value();
        return Listener{Transport::tls, at, "10.0.0.1", at.port};
    };
    realm.listeners.push_back(tls("10.0.0.1:5061"));
    d.flow.transport = Transport::tls;
    d.tls_name = "core.example.org";
    std::optional<NextHop> hop;
    located(d, "sip:gw.example.org;transport=udp", realm, {two}, &hop);
    CHECK(hop->flow.transport == Transport::tls);
    CHECK(hop->flow.remote == Endpoint{two, 5080});
    CHECK(hop->tls_name == "gw.example.org");
    located(d, "sip:host.example.org", realm, {one}, &hop);
    CHECK(hop->flow == d.flow);
    CHECK(hop->tls_name == "core.example.org");
    CHECK_FALSE(hop->any_transport);
}

TEST_CASE("Old replies of the media plane mean nothing; ports that moved in a restore are noticed") {
    MediaSession media;
    const auto allocate =
        media.allocate(CallId{1, 1}, "s", {"a0", Family::v4}, {"c0", Family::none}, 1, 300, "label", "acme");
    MediaReply reply{.call = CallId{1, 1}, .token = allocate.token + 5, .ok = true};
    CHECK(media.on_reply(reply) == MediaSession::Awaited::nothing);
    reply.token = allocate.token;
    const auto at = [](std::uint16_t port) { return Endpoint{IpAddress::v4(10, 0, 0, 2), port}; };
    reply.local = {{0, Side::a, at(1), at(2)}, {0, Side::b, at(3), at(4)}};
    CHECK(media.on_reply(reply) == MediaSession::Awaited::ports);
    CHECK(media.on_reply(reply) == MediaSession::Awaited::nothing);
    CHECK(media.fits({"c0", Family::v4}));
    CHECK_FALSE(media.fits({"c0", Family::v6}));
    CHECK_FALSE(media.fits({"other", Family::v4}));
    const auto restore = media.restore({});
    CHECK(restore.restore.size() == 2);
    reply.token = restore.token;
    reply.local[0].rtp.port = 99;
    CHECK(media.on_reply(reply) == MediaSession::Awaited::programmed);
    CHECK_FALSE(media.ports_kept());
    const auto release = media.release();
    CHECK_FALSE(media.exists());
    reply.token = release.token;
    CHECK(media.on_reply(reply) == MediaSession::Awaited::statistics);
}

TEST_CASE("A ladder is bounded, and shows control characters as such") {
    Ladder ladder;
    for (int i = 0; i < 1000; ++i)
        ladder.message(TimePoint{}, Side::a, Ladder::Way::in, "OPTIONS\x1b[31m" + std::string(300, 'x'));
    const auto text = ladder.text("head\n", "pbx", "core");
    CHECK(text.find('\x1b') == std::string::npos);
    CHECK(text.find("800 more lines left out") != std::string::npos);
    CHECK(text.size() < 25'000);
}

TEST_CASE("A codec's name is told in a few letters, however long it is") {
    const std::string name(15'000, 'x');
    const std::string offer =
        "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 96 "
        "97\r\na=rtpmap:96 " +
        name + "/8000\r\na=rtpmap:97 " + name + "/8000\r\n";
    CHECK(describe(offer).size() < 100);
    SdpBridge bridge;
    bridge.begin(Side::a, 1);
    auto told = sdp::parse(offer);
    REQUIRE(told.has_value());
    bridge.at(Side::a).told = std::move(*told);
    REQUIRE(bridge.codecs().size() == 2);
    CHECK(bridge.codecs().front() == std::string(32, 'x') + "/8000");
}

}  // namespace sallyport::b2bua
