#include "signaling/registrar/location_store.h"

#include <catch2/catch.hpp>
#include <thread>

#include "tests/unit/registrar/register_text.h"

using namespace sallyport;
using namespace sallyport::test;
using registrar::Binding;
using registrar::LocationStore;

namespace {

constexpr TimePoint start = TimePoint{} + 1'000'000s;

Binding binding(const std::string& trunk, std::uint64_t connection, Duration life = 1h) {
    Binding b;
    b.trunk = trunk;
    b.contact = "sip:" + std::to_string(connection) + ".example";
    b.flow = pbx_flow(connection);
    b.registered_at = start;
    b.expires_at = start + life;
    return b;
}
void add(LocationStore& store, Binding b) {
    const std::string trunk = b.trunk;
    store.update(trunk, [&](std::vector<Binding>& list) {
        list.push_back(std::move(b));
        return true;
    });
}

}  // namespace

TEST_CASE("an edit that does not commit leaves everything as it was") {
    LocationStore store;
    add(store, binding("t", 1));
    CHECK_FALSE(store.update("t", [](std::vector<Binding>& list) {
        list.clear();
        return false;
    }));
    CHECK(store.size() == 1);
    CHECK(store.trunk_of(pbx_flow(1), start) == "t");
}

TEST_CASE("a UDP flow belongs to whoever proved himself over it last; one through a proxy is everybody's [E-24]") {
    LocationStore store;
    const auto over_udp = [](const std::string& trunk, const std::string& path) {
        Binding b = binding(trunk, 0);
        b.flow.transport = Transport::udp;
        if (!path.empty()) b.path = {path};
        return b;
    };
    const Binding mine = over_udp("b", "");
    add(store, over_udp("a", ""));
    add(store, over_udp("proxied", "<sip:p;lr>"));
    add(store, mine);
    CHECK_FALSE(store.has_lost(mine.flow, "a"));
    CHECK(store.take_flow(mine.flow, "b") == std::vector<std::string>{"a"});
    CHECK(store.has_lost(mine.flow, "a"));
    CHECK_FALSE(store.has_lost(mine.flow, "b"));
    CHECK_FALSE(store.has_lost(mine.flow, "proxied"));
    CHECK(store.usable("a", start).empty());
    CHECK(store.usable("proxied", start).size() == 1);
    CHECK(store.usable("b", start).size() == 1);
    CHECK(store.take_flow(mine.flow, "b").empty());
    CHECK(store.take_flow(pbx_flow(7), "b").empty());  // a connection is one PBX's for its life
    CHECK(store.take_flow(mine.flow, "a") == std::vector<std::string>{"b"});
    CHECK_FALSE(store.has_lost(mine.flow, "a"));
    CHECK(store.has_lost(mine.flow, "b"));
}

TEST_CASE("of a thousand trunks that a flow was, only the last is; a thousand behind one proxy are none") {
    LocationStore store;
    Binding b = binding("", 0);
    b.flow.transport = Transport::udp;
    for (int i = 0; i < 1'000; ++i) {
        b.trunk = "t" + std::to_string(i);
        CHECK(store.take_flow(b.flow, b.trunk).size() == (i == 0 ? 0 : 1));
        add(store, b);
        CHECK(store.trunk_of(b.flow, start) == b.trunk);
    }
    CHECK(store.usable("t0", start).empty());
    store.remove_trunk("t999");
    CHECK_FALSE(store.has_binding(b.flow, start));
    b.path = {"<sip:p;lr>"};
    b.flow.remote.port = 7;
    for (int i = 0; i < 1'000; ++i) {
        b.trunk = "p" + std::to_string(i);
        CHECK(store.take_flow(b.flow, b.trunk).empty());
        add(store, b);
    }
    CHECK_FALSE(store.trunk_of(b.flow, start));
    CHECK(store.has_binding(b.flow, start));
    for (int i = 1; i < 1'000; ++i) store.remove_trunk("p" + std::to_string(i));
    CHECK(store.trunk_of(b.flow, start) == "p0");
}

TEST_CASE("changes are told once, with what is there now, to whoever wants to keep them") {
    LocationStore store;
    add(store, binding("t", 1));
    CHECK(store.take_changes().empty());
    store.remember_changes();
    add(store, binding("t", 2));
    add(store, binding("u", 3, 10s));
    auto changes = store.take_changes();
    REQUIRE(changes.size() == 2);
    CHECK(store.take_changes().empty());
    store.flow_closed(pbx_flow(2));
    store.expire(start + 20s);
    changes = store.take_changes();
    REQUIRE(changes.size() == 2);
    for (const auto& [trunk, bindings] : changes) CHECK(bindings.size() == (trunk == "t" ? 2 : 0));
    store.remove_trunk("t");
    CHECK(store.take_changes().front().second.empty());
}

TEST_CASE("expired bindings are not used, and leave with the next sweep") {
    LocationStore store;
    add(store, binding("t", 1, 10s));
    add(store, binding("t", 2, 20s));
    CHECK(store.usable("t", start + 10s).size() == 1);
    CHECK_FALSE(store.trunk_of(pbx_flow(1), start + 10s));
    CHECK(store.expire(start + 10s) == 1);
    CHECK(store.expire(start + 10s) == 0);
    CHECK(store.size() == 1);
    CHECK(store.expire(start + 1h) == 1);
    CHECK(store.all().empty());
    CHECK(store.size() == 0);
}

TEST_CASE("a closed connection takes its bindings out of use at once; UDP has none to close [SC-16.2-22]") {
    LocationStore store;
    add(store, binding("t", 1));
    add(store, binding("t", 2));
    store.flow_closed(pbx_flow(1));
    store.flow_closed(pbx_flow(0));
    const auto usable = store.usable("t", start);
    REQUIRE(usable.size() == 1);
    CHECK(usable[0].flow.connection == 2);
    CHECK(store.size() == 2);
    CHECK_FALSE(store.trunk_of(pbx_flow(1), start));
}

TEST_CASE("a flow that two trunks share identifies neither") {
    LocationStore store;
    add(store, binding("t", 1));
    add(store, binding("t", 1));
    CHECK(store.trunk_of(pbx_flow(1), start) == "t");
    add(store, binding("u", 1));
    CHECK_FALSE(store.trunk_of(pbx_flow(1), start));
    store.remove_trunk("t");
    CHECK(store.trunk_of(pbx_flow(1), start) == "u");
    CHECK(store.size() == 1);
}

TEST_CASE("the latest registration comes first among equals") {
    LocationStore store;
    Binding later = binding("t", 2);
    later.registered_at += 1s;
    Binding preferred = binding("t", 3);
    Binding low = binding("t", 4);
    low.q = 0.5;
    preferred.registered_at -= 1s;
    for (const auto& b : {low, binding("t", 1), later, preferred}) add(store, b);
    std::string order;
    for (const auto& b : store.usable("t", start)) order += std::to_string(b.flow.connection);
    CHECK(order == "2134");
}

TEST_CASE("shards may edit, look up and sweep at the same time") {
    LocationStore store;
    constexpr std::uint64_t rounds = 2'000;
    auto shard = [&](std::uint64_t id) {
        for (std::uint64_t i = 0; i < rounds; ++i) {
            const auto connection = id * rounds + i + 1;
            add(store, binding("t" + std::to_string(i % 7), connection, i % 3 == 0 ? 0s : 1h));
            store.trunk_of(pbx_flow(connection), start);
            if (i % 50 == 0) store.expire(start);
            store.flow_closed(pbx_flow(connection));
        }
    };
    std::thread a(shard, 0), b(shard, 1);
    a.join();
    b.join();
    for (int t = 0; t < 7; ++t) store.remove_trunk("t" + std::to_string(t));
    CHECK(store.size() == 0);
}
