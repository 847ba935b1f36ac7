// The health state of a trunk: which one, why, and since when.
#include "signaling/policy/trunk_states.h"

#include <catch2/catch.hpp>

namespace sallyport::policy {
namespace {

constexpr TimePoint start{std::chrono::seconds(1'800'000'000)};

config::Trunk registering() {
    config::Trunk trunk;
    trunk.id = "acme";
    return trunk;
}
config::Trunk fixed() {
    config::Trunk trunk;
    trunk.id = "globex";
    trunk.mode = config::TrunkMode::static_;
    trunk.targets.resize(2);
    return trunk;
}
registrar::Binding binding(std::string call_id, TimePoint expires, bool lost = false) {
    registrar::Binding b;
    b.trunk = "acme";
    b.call_id = std::move(call_id);
    b.flow.transport = Transport::tls;
    b.flow.remote = Endpoint::parse("192.0.2.10:40000").value();
    b.registered_at = start;
    b.expires_at = expires;
    b.flow_closed = lost;
    return b;
}
TrunkState state_of(const config::Trunk& trunk, const std::vector<registrar::Binding>& bindings,
                    const std::vector<TrunkTarget>& targets = {}) {
    return judge(trunk, bindings, targets, start).state;
}

}  // namespace

TEST_CASE("A registering trunk is registered, degraded when a contact is lost, down when none is left") {
    const auto trunk = registering();
    CHECK(state_of(trunk, {}) == TrunkState::down);
    CHECK(state_of(trunk, {binding("a", start + 60s)}) == TrunkState::registered);
    CHECK(state_of(trunk, {binding("a", start + 60s), binding("b", start + 60s, true)}) == TrunkState::degraded);
    CHECK(state_of(trunk, {binding("a", start + 60s, true)}) == TrunkState::down);
    CHECK(state_of(trunk, {binding("a", start)}) == TrunkState::down);  // expired this very moment
    const auto lost = judge(trunk, {binding("a", start + 60s, true)}, {}, start);
    CHECK(lost.why.find("connection") != std::string::npos);
    CHECK(lost.why.find("TLS from 192.0.2.10:40000") != std::string::npos);
}

TEST_CASE(
    "The reason of a registering trunk names the contacts that are gone, the first few of many, and none that is "
    "there") {
    std::vector<registrar::Binding> bindings{binding("a", start + 60s)};
    for (const std::string number : {"1", "2", "3", "4", "5"}) {
        bindings.push_back(binding(number, start + 60s, true));
        bindings.back().flow.remote = Endpoint::parse("192.0.2.1" + number + ":40000").value();
    }
    const std::vector<registrar::Binding> two(bindings.begin(), bindings.begin() + 2);
    CHECK(judge(registering(), two, {}, start).why ==
          "the connections of 1 of its 2 contacts are gone (TLS from 192.0.2.11:40000)");
    CHECK(judge(registering(), bindings, {}, start).why ==
          "the connections of 5 of its 6 contacts are gone (TLS from 192.0.2.11:40000, TLS from 192.0.2.12:40000, "
          "TLS from 192.0.2.13:40000 and 2 more)");
}

TEST_CASE("A PBX that came back over another connection is not degraded by the one it left") {
    const auto trunk = registering();
    CHECK(state_of(trunk, {binding("a", start + 60s), binding("a", start + 60s, true)}) == TrunkState::registered);
    auto old = binding("x", start + 60s, true), fresh = binding("y", start + 60s);
    old.instance = fresh.instance = "<urn:uuid:1>";
    CHECK(state_of(trunk, {old, fresh}) == TrunkState::registered);
}

TEST_CASE("A static trunk is reachable, degraded or down as its targets answer, and reachable while none is probed") {
    const auto trunk = fixed();
    CHECK(state_of(trunk, {}) == TrunkState::reachable);
    CHECK(state_of(trunk, {}, {{"a", "answers 200", true}, {"b", "answers 200", true}}) == TrunkState::reachable);
    const auto half = judge(trunk, {}, {{"a", "answers 200", true}, {"b", "does not answer", false}}, start);
    CHECK(half.state == TrunkState::degraded);
    CHECK(half.why == "b does not answer");
    CHECK(half.contacts == 1);
    CHECK(state_of(trunk, {}, {{"a", "x", false}, {"b", "x", false}}) == TrunkState::down);
}

TEST_CASE("A disabled trunk is disabled, whoever is registered") {
    auto trunk = registering();
    trunk.disabled = true;
    CHECK(state_of(trunk, {binding("a", start + 60s)}) == TrunkState::disabled);
}

TEST_CASE("A state lasts since it began; only a change of state is news") {
    TrunkStates states;
    const auto trunk = registering();
    const auto note = [&](const std::vector<registrar::Binding>& bindings, TimePoint now) {
        return states.note("acme", judge(trunk, bindings, {}, now), now);
    };
    const auto first = note({}, start);
    REQUIRE(first.has_value());
    CHECK_FALSE(first->before.has_value());
    CHECK_FALSE(note({}, start + 5s).has_value());
    const auto up = note({binding("a", start + 60s)}, start + 10s);
    REQUIRE(up.has_value());
    CHECK(up->before == TrunkState::down);
    CHECK_FALSE(note({binding("a", start + 90s)}, start + 20s).has_value());  // a refresh
    CHECK(states.all().at("acme").since == start + 10s);
    CHECK(states.counts()[static_cast<std::size_t>(TrunkState::registered)] == 1);
    CHECK(states.due(start + 89s).empty());
    CHECK(states.due(start + 90s) == std::vector<std::string>{"acme"});
    CHECK(note({binding("a", start + 90s)}, start + 90s)->now == TrunkState::down);
    // It may have been renewed by somebody whose clock was behind: once more, until the binding is cleared away.
    CHECK(states.due(start + 90s).empty());
    CHECK(states.due(start + 91s) == std::vector<std::string>{"acme"});
    CHECK_FALSE(note({}, start + 91s).has_value());
    CHECK(states.due(start + 100s).empty());
}

TEST_CASE("Why a PBX cannot register is shown while it is down, and forgotten when it succeeds") {
    TrunkStates states;
    const auto trunk = registering();
    states.note_trouble("acme", "of a trunk that nobody knows");
    CHECK(states.all().empty());
    states.note("acme", judge(trunk, {}, {}, start), start);
    states.note_trouble("acme", std::string(10'000, 'x'));
    CHECK(states.all().at("acme").trouble.size() <= 200);
    states.note_trouble("acme", "wrong password");
    CHECK(states.all().at("acme").trouble == "wrong password");
    states.note("acme", judge(trunk, {binding("a", start + 60s)}, {}, start), start);
    CHECK(states.all().at("acme").trouble.empty());
    states.prune([](std::string_view) { return false; });
    CHECK(states.all().empty());
}

}  // namespace sallyport::policy
