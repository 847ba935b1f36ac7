// Calls from one PBX of this node straight to another: whose they are, what they hold, and which are none.
#include <catch2/catch.hpp>

#include "signaling/policy/engine.h"

namespace sallyport::policy {
namespace {

struct Net {
    Net() {
        for (const auto* id : {"a", "b"}) {
            config::Trunk t;
            t.id = id;
            t.mode = config::TrunkMode::static_;
            t.realm = "access";
            t.transports = {config::Transport::udp};
            t.numbers = {
                {id == std::string("a") ? "+491100" : "+492200", id == std::string("a") ? "+491199" : "+492299"}};
            t.targets = {{"198.51.100.1", 5060, config::Transport::udp, 0, 0}};
            config.trunks.emplace(id, t);
        }
        config.carriers.emplace("core", config::Carrier{.id = "core", .realm = "core"});
        config.routes.emplace("all", config::Route{.id = "all", .carriers = {"core"}, .price_per_minute = 1});
        config.customers.emplace("one", config::Customer{.id = "one"});
        config.customers.emplace("two", config::Customer{.id = "two"});
        a().on_net = config::OnNet::node;
    }
    config::Trunk& a() { return config.trunks.at("a"); }
    config::Trunk& b() { return config.trunks.at("b"); }
    Verdict call(const std::string& uri = "sip:+492201@x") {
        config.build_indexes();
        const CallFacts facts{.config = config,
                              .locations = locations,
                              .now = TimePoint{std::chrono::seconds(1'800'000'000)},
                              .party = {PartyKind::trunk, "a", Proof::source_address},
                              .transport = Transport::udp,
                              .request_uri = *sip::parse_uri(uri)};
        return decide(facts, gauges);
    }
    config::Snapshot config;
    registrar::LocationStore locations;
    CallGauges gauges;
};

}  // namespace

TEST_CASE("Straight to the other PBX: the call is both trunks', costs nothing, and is counted once in each gauge") {
    Net net;
    net.a().customer = net.b().customer = "one";
    const auto verdict = net.call();
    REQUIRE_FALSE(verdict.reject);
    const auto& call = verdict.admitted;
    CHECK(call.direction == CallDirection::to_pbx);
    CHECK(direction_name(call) == "on-net");
    CHECK(call.trunk == "b");
    CHECK(call.caller_trunk == "a");
    CHECK(call.carriers.empty());
    CHECK(call.price_per_minute == 0);
    CHECK(call.holding.gauges == std::vector<std::string>{"customers/one", "trunks/a", "trunks/b"});
    net.gauges.release(call.holding);
    CHECK(net.gauges.uses("").size() == 0);
    // Its own number: one place, as it is one trunk.
    const auto own = net.call("sip:+491101@x");
    REQUIRE_FALSE(own.reject);
    CHECK(own.admitted.holding.gauges == std::vector<std::string>{"customers/one", "trunks/a"});
}

TEST_CASE(
    "By way of a carrier: unless the trunk says otherwise, for other numbers, and for another customer's where it says "
    "that") {
    Net net;
    const auto by_carrier = [&](const std::string& uri = "sip:+492201@x") {
        const auto verdict = net.call(uri);
        REQUIRE_FALSE(verdict.reject);
        net.gauges.release(verdict.admitted.holding);
        return verdict.admitted.direction == CallDirection::from_pbx && verdict.admitted.caller_trunk.empty();
    };
    CHECK_FALSE(by_carrier());
    CHECK(by_carrier("sip:+493301@x"));
    net.a().on_net = config::OnNet::customer;
    CHECK(by_carrier());  // neither is a customer's
    net.a().customer = "one";
    CHECK(by_carrier());
    net.b().customer = "two";
    CHECK(by_carrier());
    net.b().customer = "one";
    CHECK_FALSE(by_carrier());
    net.a().on_net = config::OnNet::carrier;
    CHECK(by_carrier());
    net.a().on_net = config::OnNet::node;
    net.a().numbering.dial_plan.emergency_numbers = {"112"};
    CHECK(by_carrier("sip:112@x"));
}

TEST_CASE(
    "On the net the caller's own rules hold, the called trunk is busy where it is full, and a disabled customer's end "
    "is none") {
    Net net;
    const auto refusal = [&] {
        const auto verdict = net.call();
        REQUIRE(verdict.reject);
        CHECK(net.gauges.uses("").size() == 0);
        return std::pair(verdict.reject->why, verdict.reject->status);
    };
    using Pair = std::pair<Refusal, std::uint16_t>;
    net.a().destinations.allowed_prefixes = {"+1"};
    CHECK(refusal() == Pair(Refusal::barred_destination, 603));
    net.a().destinations.allowed_prefixes = {};
    net.b().limits.bandwidth_kbps = net.a().limits.bandwidth_kbps = 0;
    net.b().disabled = true;
    CHECK(refusal() == Pair(Refusal::trunk_disabled, 480));
    net.b().disabled = false;
    net.a().customer = "one";
    net.config.customers.at("one").disabled = true;
    CHECK(refusal() == Pair(Refusal::customer_disabled, 480));
    net.config.customers.at("one").disabled = false;
    const Holding taken{{trunk_gauge("b")}, 0, 0};
    net.gauges.hold(taken);
    net.b().limits.concurrent_calls = 1;
    const auto busy = net.call();
    REQUIRE(busy.reject);
    CHECK(busy.reject->status == 486);
    net.b().limits.concurrent_calls = 0;
    net.a().limits.concurrent_calls = 1;
    const Holding own{{trunk_gauge("a")}, 0, 0};
    net.gauges.hold(own);
    const auto full = net.call();
    REQUIRE(full.reject);
    CHECK(full.reject->status == 503);
    CHECK(net.gauges.calls(trunk_gauge("b")) == 1);
}

}  // namespace sallyport::policy
