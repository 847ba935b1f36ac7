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

namespace {

// Another PBX of the same customer takes a place in a call.
struct Newcomer : Net {
    Newcomer() {
        config::Trunk n = a();
        n.id = "n";
        n.numbers = {{"+493300", "+493399"}};
        config.trunks.emplace("n", n);
        for (auto& [id, trunk] : config.trunks) trunk.customer = "one";
        config.build_indexes();
    }
    Takeover take(const TakenPlace& place, const Admitted& call) {
        const CallFacts facts{.config = config,
                              .locations = locations,
                              .now = TimePoint{std::chrono::seconds(1'800'000'000)},
                              .party = {PartyKind::trunk, "n", Proof::source_address},
                              .transport = Transport::udp,
                              .request_uri = {}};
        return decide_takeover(facts, place, call, gauges);
    }
};

const std::string one = customer_gauge("one"), a_trunk = trunk_gauge("a"), b_trunk = trunk_gauge("b"),
                  n_trunk = trunk_gauge("n");

}  // namespace

TEST_CASE("Who takes a place is asked for budget where he will pay for the call, and not where another trunk does") {
    Newcomer net;
    net.config.trunks.at("n").limits.cost_per_day = 1;  // no minute of it
    // It went to b, which has sent it on to the core, on its own account.
    const Admitted sent_on{.direction = CallDirection::forwarded,
                           .trunk = "b",
                           .caller_trunk = "a",
                           .called = "+4420555",
                           .price_per_minute = 1,
                           .holding = {{one, a_trunk, b_trunk}, 0, 1, {b_trunk}}};
    net.gauges.hold(sent_on.holding);
    const auto taken = net.take({true, "a", ""}, sent_on);
    REQUIRE_FALSE(taken.verdict.reject);
    CHECK(taken.verdict.admitted.holding.payers == std::vector{b_trunk});
    CHECK(taken.after.gauges == std::vector{one, b_trunk, n_trunk});
    CHECK(taken.after.payers == std::vector{b_trunk});
    net.gauges.release(taken.verdict.admitted.holding);

    const Admitted own{.direction = CallDirection::from_pbx,
                       .trunk = "a",
                       .called = "+4420555",
                       .price_per_minute = 1,
                       .holding = {{one, a_trunk}, 0, 1, {a_trunk}}};
    net.gauges.hold(own.holding);
    const auto refused = net.take({true, "a", ""}, own);
    REQUIRE(refused.verdict.reject);
    CHECK(refused.verdict.reject->why == Refusal::over_budget);
    net.config.trunks.at("n").limits.cost_per_day = 100;
    const auto paid = net.take({true, "a", ""}, own);
    REQUIRE_FALSE(paid.verdict.reject);
    CHECK(paid.verdict.admitted.holding.payers == std::vector{a_trunk, n_trunk});
    CHECK(paid.after.payers == std::vector{n_trunk});
}

TEST_CASE("A trunk that goes on paying for a call keeps its place in it, also where its own telephone leaves") {
    Newcomer net;
    // a's own number, whose telephone has sent the call on to the core.
    const Admitted call{.direction = CallDirection::forwarded,
                        .trunk = "a",
                        .caller_trunk = "a",
                        .called = "+4420555",
                        .price_per_minute = 1,
                        .holding = {{one, a_trunk}, 0, 1, {a_trunk}}};
    net.gauges.hold(call.holding);
    const auto taken = net.take({true, "a", ""}, call);
    REQUIRE_FALSE(taken.verdict.reject);
    CHECK(taken.after.gauges == std::vector{one, a_trunk, n_trunk});
    CHECK(taken.after.payers == std::vector{a_trunk});
}

TEST_CASE("The number that was called has its one place, under the name it had, whoever takes the call over") {
    Newcomer net;
    const std::string before = number_gauge("a", "range +491100..+491109");
    net.a().number_limits = {{{"+491100", "+491119"}, 1, 0}};  // another one since
    const Admitted call{.direction = CallDirection::to_pbx,
                        .trunk = "a",
                        .called = "+491101",
                        .holding = {{one, a_trunk, before}, 0, 0}};
    net.gauges.hold(call.holding);
    const auto taken = net.take({false, "a", ""}, call);
    REQUIRE_FALSE(taken.verdict.reject);
    CHECK(taken.after.gauges == std::vector{one, before, n_trunk});
}

TEST_CASE("However often its trunks are given to others, a call holds no more than calls begin with") {
    Newcomer net;
    Admitted call{.direction = CallDirection::to_pbx, .trunk = "a", .called = "+491101"};
    for (int i = 0; i < 8; ++i) call.holding.gauges.push_back(customer_gauge(std::to_string(i)));
    call.holding.gauges.push_back(a_trunk);
    call.holding.gauges.push_back(b_trunk);
    net.gauges.hold(call.holding);
    const auto taken = net.take({false, "a", "b"}, call);
    REQUIRE_FALSE(taken.verdict.reject);
    CHECK(taken.after.gauges == std::vector{customer_gauge("3"), customer_gauge("4"), customer_gauge("5"),
                                            customer_gauge("6"), customer_gauge("7"), b_trunk, one, n_trunk});
    net.gauges.exchange(taken.after, taken.verdict.admitted.holding);
    net.gauges.release(taken.after);
    CHECK(net.gauges.uses("").empty());
}

}  // namespace sallyport::policy
