// Clients, epochs, leases and the index of sessions, in virtual time over a plane that works when told to.
#include "media-plane/rpc/dispatcher.h"

#include <catch2/catch.hpp>

#include "fake_plane.h"

using namespace sallyport;
using namespace sallyport::media;
using namespace sallyport::media::rpc;
using test::FakePlane;
using Names = std::vector<std::string>;

namespace {

class Link final : public ClientLink {
public:
    void fence(const std::string&) override { fenced = true; }
    void deliver(Event event) override { events.push_back(std::move(event)); }
    bool fenced = false;
    std::vector<Event> events;
};

struct Bench {
    explicit Bench(std::size_t lcores = 1, std::size_t queue = 1024, DispatcherConfig config = {})
        : plane(lcores, queue), dispatcher(plane, std::move(config)) {
        plane.set_event_sink([this](Event event) { dispatcher.on_event(std::move(event)); });
    }
    std::shared_ptr<Link> greet(const std::string& client, std::uint64_t epoch, std::optional<Duration> lease = {}) {
        auto link = std::make_shared<Link>();
        auto greeted = dispatcher.greet({client, epoch, lease}, link, plane.time);
        if (!greeted) return nullptr;
        welcome = *greeted;
        return link;
    }
    void command(const std::shared_ptr<Link>& link, Command c) {
        auto done = [this](const Reply& reply) { codes.push_back(reply.code); };
        if (const auto refusal = dispatcher.command(*link, std::move(c), done)) codes.push_back(refusal->code);
    }
    void allocate(const std::shared_ptr<Link>& link, const std::string& client, const std::string& session) {
        command(link, Allocate{.key = {client, session}, .port_a = "access", .port_b = "core"});
    }
    void after(Duration duration) {
        plane.time += duration;
        dispatcher.tick(plane.time);
        plane.work_all();
    }
    Code last() const { return codes.back(); }

    FakePlane plane;
    Dispatcher dispatcher;
    Welcome welcome;
    std::vector<Code> codes;
};

}  // namespace

TEST_CASE("a client that comes back within its lease finds its sessions, under the same or a greater epoch") {
    Bench b;
    auto link = b.greet("edge/0", 7, 30s);
    b.allocate(link, "edge/0", "s1");
    b.allocate(link, "edge/0", "s2");
    b.plane.work_all();
    b.dispatcher.closed(*link, "edge/0", b.plane.time);
    b.after(29s);
    REQUIRE(b.greet("edge/0", 7, 30s));
    CHECK(b.welcome.sessions == Names{"s1", "s2"});
    REQUIRE(b.greet("edge/0", 8, 30s));
    CHECK(b.welcome.sessions == Names{"s1", "s2"});
    b.after(1h);
    CHECK(b.plane.sessions() == 2);
}

TEST_CASE("when the lease ends, every session of the client is released and counted; others' sessions stay") {
    Bench b;
    auto gone = b.greet("edge/0", 7, 30s), here = b.greet("edge/1", 1);
    b.allocate(gone, "edge/0", "s1");
    b.allocate(gone, "edge/0", "s2");
    b.allocate(here, "edge/1", "s1");
    b.plane.work_all();
    b.dispatcher.closed(*gone, "edge/0", b.plane.time);
    b.after(29s);
    CHECK(b.plane.sessions() == 3);
    b.after(1s);
    CHECK(b.plane.sessions() == 1);
    CHECK(b.dispatcher.statistics().leases_ended.read() == 1);
    CHECK(b.dispatcher.statistics().released_by_lease.read() == 2);
    REQUIRE(b.greet("edge/0", 7));
    CHECK(b.welcome.sessions.empty());
    CHECK(b.dispatcher.sessions_of("edge/1") == Names{"s1"});
}

TEST_CASE("a lease that ends with a full command queue is ended over several ticks") {
    Bench b(1, 4);
    auto link = b.greet("edge/0", 1, 30s);
    for (int i = 0; i < 10; ++i) {
        b.allocate(link, "edge/0", "s" + std::to_string(i));
        b.plane.work_all();
    }
    b.dispatcher.closed(*link, "edge/0", b.plane.time);
    b.after(30s);
    CHECK(b.plane.sessions() == 6);
    b.after(100ms);
    b.after(100ms);
    CHECK(b.plane.sessions() == 0);
    CHECK(b.dispatcher.statistics().leases_ended.read() == 1);
}

TEST_CASE("a client that returns while its sessions are being released hears of each, and keeps the rest") {
    Bench b(1, 4);
    auto link = b.greet("edge/0", 1, 30s);
    for (int i = 0; i < 6; ++i) {
        b.allocate(link, "edge/0", "s" + std::to_string(i));
        b.plane.work_all();
    }
    b.dispatcher.closed(*link, "edge/0", b.plane.time);
    b.plane.time += 30s;
    b.dispatcher.tick(b.plane.time);  // four releases wait in the queue, two did not fit
    auto back = b.greet("edge/0", 2, 30s);
    CHECK(b.welcome.sessions == Names{"s4", "s5"});
    b.after(1h);
    CHECK(b.plane.sessions() == 2);
    REQUIRE(back->events.size() == 4);
    CHECK(back->events[0].kind == EventKind::released);
}

TEST_CASE("a greater epoch fences the older stream out: its commands are refused and change nothing") {
    Bench b;
    auto old = b.greet("edge/0", 7);
    b.allocate(old, "edge/0", "s1");
    b.plane.work_all();
    auto young = b.greet("edge/0", 8);
    CHECK(old->fenced);
    b.command(old, Release{{"edge/0", "s1"}});
    CHECK(b.last() == Code::stale_epoch);
    b.allocate(old, "edge/0", "s2");
    CHECK(b.last() == Code::stale_epoch);
    CHECK(b.plane.sessions() == 1);
    b.dispatcher.closed(*old, "edge/0", b.plane.time);  // the end of the fenced stream starts no lease
    b.after(1h);
    CHECK(b.plane.sessions() == 1);
    b.command(young, Release{{"edge/0", "s1"}});
    b.plane.work_all();
    CHECK(b.last() == Code::ok);
}

TEST_CASE("a smaller epoch is refused, also when its client has no stream any more") {
    Bench b;
    auto link = b.greet("edge/0", 7);
    CHECK(b.greet("edge/0", 6) == nullptr);
    CHECK_FALSE(link->fenced);
    b.dispatcher.closed(*link, "edge/0", b.plane.time);
    b.after(30min);
    CHECK(b.greet("edge/0", 6) == nullptr);
    CHECK(b.dispatcher.statistics().refused_stale.read() == 2);
}

TEST_CASE("the same epoch on a newer stream replaces the older one") {
    Bench b;
    auto first = b.greet("edge/0", 7);
    auto second = b.greet("edge/0", 7);
    CHECK(first->fenced);
    b.allocate(second, "edge/0", "s1");
    b.plane.work_all();
    CHECK(b.last() == Code::ok);
    CHECK(b.dispatcher.statistics().connected.read() == 1);
}

TEST_CASE("an lcore that stands still gets no new sessions, not even those that were its own; what it has stays") {
    Bench b(2);
    const auto link = b.greet("edge/0", 1);
    b.allocate(link, "edge/0", "s0");
    b.plane.work_all();
    REQUIRE(b.plane.sessions(0) == 1);
    b.dispatcher.set_stuck({false, true});
    CHECK(b.dispatcher.statistics().lcores_stuck.read() == 1);
    for (int i = 1; i < 4; ++i) b.allocate(link, "edge/0", "s" + std::to_string(i));
    b.command(link, Allocate{.key = {"edge/0", "back"},
                             .port_a = "access",
                             .restore = {{0, Side::a, *Endpoint::parse("192.0.2.1:11000"), {}}}});
    b.plane.work_all();
    CHECK(b.plane.sessions(0) == 5);
    CHECK(b.plane.sessions(1) == 0);
    b.dispatcher.set_stuck({true, true});
    b.codes.clear();
    b.allocate(link, "edge/0", "none");
    CHECK(b.codes == std::vector{Code::overloaded});
    b.command(link, Modify{.key = {"edge/0", "s0"}});
    CHECK(b.plane.waiting(0) == 1);
    b.dispatcher.set_stuck({false, false});
    b.allocate(link, "edge/0", "next");
    CHECK(b.plane.waiting(1) == 1);
}

TEST_CASE("a session stays on its lcore for all its commands; new ones go where the fewest are") {
    Bench b(3);
    auto link = b.greet("edge/0", 1);
    for (int i = 0; i < 30; ++i) b.allocate(link, "edge/0", "s" + std::to_string(i));
    b.plane.work_all();
    for (std::size_t lcore = 0; lcore < 3; ++lcore) CHECK(b.plane.sessions(lcore) == 10);
    for (int i = 0; i < 30; ++i) b.command(link, Modify{.key = {"edge/0", "s" + std::to_string(i)}});
    b.plane.work_all();
    CHECK(b.codes == std::vector<Code>(60, Code::ok));
}

TEST_CASE("a session to be restored goes to the lcore that owns its ports") {
    Bench b(3);
    auto link = b.greet("edge/0", 1);
    Allocate allocate{.key = {"edge/0", "s1"}, .port_a = "access", .port_b = "core"};
    allocate.restore.push_back({0, Side::a, {IpAddress::v4(192, 0, 2, 2), 12'010}, {}});
    b.command(link, allocate);
    b.plane.work_all();
    CHECK(b.plane.sessions(2) == 1);
}

TEST_CASE("modify and release of a session nobody has are refused at once; so is a release that is repeated") {
    Bench b;
    auto link = b.greet("edge/0", 1);
    b.command(link, Modify{.key = {"edge/0", "s1"}});
    CHECK(b.last() == Code::no_session);
    b.allocate(link, "edge/0", "s1");
    b.command(link, Release{{"edge/0", "s1"}});
    b.command(link, Release{{"edge/0", "s1"}});
    b.plane.work_all();
    b.command(link, Release{{"edge/0", "s1"}});
    CHECK(b.codes == std::vector<Code>{Code::no_session, Code::ok, Code::ok, Code::no_session, Code::no_session});
}

TEST_CASE("release and allocate of one session may follow each other without waiting") {
    Bench b(2);
    auto link = b.greet("edge/0", 1);
    for (int i = 0; i < 5; ++i) {
        b.allocate(link, "edge/0", "s1");
        b.command(link, Release{{"edge/0", "s1"}});
    }
    b.allocate(link, "edge/0", "s1");
    b.plane.work_all();
    CHECK(b.codes == std::vector<Code>(11, Code::ok));
    CHECK(b.plane.sessions() == 1);
    CHECK(b.dispatcher.sessions_of("edge/0") == Names{"s1"});
}

TEST_CASE("an allocation that fails leaves nothing behind, and does not weigh on its lcore") {
    Bench b(2);
    auto link = b.greet("edge/0", 1);
    b.plane.next_allocation = Code::no_ports;
    for (int i = 0; i < 100; ++i) {
        Allocate allocate{.key = {"edge/0", "s" + std::to_string(i)}, .port_a = "access", .port_b = "core"};
        allocate.restore.push_back({0, Side::a, {IpAddress::v4(192, 0, 2, 2), 11'010}, {}});  // all on one lcore
        b.command(link, allocate);
        b.plane.work_all();
        CHECK(b.last() == Code::no_ports);
    }
    CHECK(b.dispatcher.sessions_of("edge/0").empty());
    b.plane.next_allocation = Code::ok;
    for (int i = 0; i < 4; ++i) b.allocate(link, "edge/0", "t" + std::to_string(i));
    b.plane.work_all();
    CHECK(b.plane.sessions(0) == 2);
    CHECK(b.plane.sessions(1) == 2);
}

TEST_CASE("a full command queue refuses as overloaded and nothing is done") {
    Bench b(1, 2);
    auto link = b.greet("edge/0", 1);
    for (int i = 0; i < 3; ++i) b.allocate(link, "edge/0", "s" + std::to_string(i));
    CHECK(b.codes == std::vector<Code>{Code::overloaded});
    b.plane.work_all();
    CHECK(b.plane.sessions() == 2);
    CHECK(b.dispatcher.sessions_of("edge/0") == Names{"s0", "s1"});
    CHECK(b.dispatcher.statistics().refused_overloaded.read() == 1);
}

TEST_CASE("events go to the client's current stream, and are counted when there is none") {
    Bench b;
    auto link = b.greet("edge/0", 1);
    b.plane.events(Event{.kind = EventKind::latched, .key = {"edge/0", "s1"}});
    CHECK(link->events.size() == 1);
    b.dispatcher.closed(*link, "edge/0", b.plane.time);
    b.plane.events(Event{.kind = EventKind::latched, .key = {"edge/0", "s1"}});
    CHECK(link->events.size() == 1);
    CHECK(b.dispatcher.statistics().events_undelivered.read() == 1);
}

TEST_CASE("clients are bounded: who has nothing left gives way, who has sessions does not") {
    Bench b(1, 1024, {.clients = 2});
    auto with_session = b.greet("a", 1), idle = b.greet("b", 1);
    b.allocate(with_session, "a", "s1");
    b.plane.work_all();
    b.dispatcher.closed(*with_session, "a", b.plane.time);
    CHECK(b.greet("c", 1) == nullptr);
    b.dispatcher.closed(*idle, "b", b.plane.time);
    CHECK(b.greet("c", 1) != nullptr);
    CHECK(b.dispatcher.sessions_of("a") == Names{"s1"});
}

TEST_CASE("a client with nothing left is forgotten after an hour, its epoch with it") {
    Bench b;
    auto link = b.greet("edge/0", 9, 30s);
    b.dispatcher.closed(*link, "edge/0", b.plane.time);
    b.after(30s + 59min);
    CHECK(b.greet("edge/0", 1) == nullptr);
    b.after(2min);
    CHECK(b.greet("edge/0", 1) != nullptr);
}

TEST_CASE("a plane that drains takes no new session but emergencies and those that lived before; what is up goes on") {
    Bench b;
    auto link = b.greet("edge/0", 1);
    b.allocate(link, "edge/0", "s1");
    b.plane.work_all();
    CHECK_FALSE(b.dispatcher.drain().on);
    CHECK(b.dispatcher.set_draining(true, b.plane.time));
    CHECK_FALSE(b.dispatcher.set_draining(true, b.plane.time + 1s));  // the same again changes nothing
    CHECK(b.dispatcher.drain().since == b.plane.time);

    b.allocate(link, "edge/0", "s2");
    CHECK(b.last() == Code::draining);
    b.allocate(link, "edge/0", "s1");  // said again
    b.command(link, Modify{.key = {"edge/0", "s1"}});
    b.command(link, Allocate{.key = {"edge/0", "112"}, .emergency = true});
    b.command(link, Allocate{.key = {"edge/0", "s0"}, .restore = {LocalEndpoint{}}});
    b.plane.work_all();
    CHECK(std::vector(b.codes.end() - 4, b.codes.end()) == std::vector(4, Code::ok));
    CHECK(b.dispatcher.drain().sessions == 3);
    CHECK(b.dispatcher.drain().refused == 1);

    b.command(link, Release{.key = {"edge/0", "s1"}});
    b.plane.work_all();
    CHECK(b.dispatcher.drain().sessions == 2);
    b.dispatcher.set_draining(false, b.plane.time + 5s);
    CHECK(b.dispatcher.drain().since == b.plane.time + 5s);
    b.allocate(link, "edge/0", "s2");
    b.plane.work_all();
    CHECK(b.last() == Code::ok);
}
