// PBXs that have registered over UDP are asked whether they are still there: in virtual time.
#include <set>
#include <utility>

#include "tests/unit/stack/bench.h"

namespace sallyport::stack {
namespace {

config::Trunk udp_trunk(std::uint32_t interval_seconds = 30) {
    auto trunk = Bench::default_trunk();
    trunk.transports = {config::Transport::udp};
    trunk.media.srtp = config::SrtpPolicy::off;
    trunk.network.options_interval_seconds = interval_seconds;
    return trunk;
}

struct Lab : Bench {
    explicit Lab(std::uint32_t interval_seconds = 30, std::vector<std::string> path = {})
        : Bench(udp_trunk(interval_seconds)) {
        auto_probes = false;
        shared.locations.update("acme", [&](std::vector<registrar::Binding>& bindings) {
            registrar::Binding b;
            b.trunk = "acme";
            b.contact = "sip:198.51.100.10:5060";
            b.bulk = true;
            b.flow = flow();
            b.path = std::move(path);
            b.registered_at = now;
            b.expires_at = now + 24h;
            bindings.push_back(b);
            return true;
        });
        configure(udp_trunk(interval_seconds), Bench::default_carrier());
        sent.clear();
    }
    Flow flow() const { return {Transport::udp, 0, endpoint("203.0.113.1:5060"), endpoint("198.51.100.10:5060"), 0}; }
    // Time passes; probes of the PBX are answered or not.
    void pass(Duration time, bool answered) {
        for (const TimePoint until = now + time; now < until;) {
            run_for(100ms);
            for (auto again = std::exchange(sent, {}); !again.empty(); again.pop_front()) {
                const auto message = parse(*again.front().bytes);
                if (message.method_text() != "OPTIONS") continue;
                const bool pbx = again.front().flow.remote == flow().remote;
                if (pbx && probes.insert(std::string(message.call_id())).second) ++probes_of_pbx;
                if (!pbx || answered) receive(again.front().flow, answer(message, 405, "probe", {}));
            }
        }
    }
    policy::TrunkState state() const { return shared.trunk_states.all().at("acme").state; }

    std::size_t probes_of_pbx = 0;
    std::set<std::string> probes;  // told apart from what is repeated
};

}  // namespace

TEST_CASE("A PBX that has answered and does not any more is silent within the interval, until it answers again") {
    for (const std::uint32_t interval : {5u, 30u, 300u}) {
        Lab lab(interval);
        lab.pass(std::chrono::seconds(interval), true);
        REQUIRE(lab.probes_of_pbx > 0);
        CHECK(lab.state() == policy::TrunkState::registered);
        lab.pass(std::chrono::seconds(3 * interval), true);
        CHECK(lab.state() == policy::TrunkState::registered);
        lab.pass(std::chrono::seconds(interval) + 200ms, false);
        CHECK(lab.state() == policy::TrunkState::down);
        CHECK(lab.shared.locations.usable("acme", lab.now).empty());
        CHECK(lab.shared.locations.trunk_of(lab.flow(), lab.now) == "acme");  // what it sends is still its own
        lab.pass(std::chrono::seconds(10 * interval), false);
        CHECK(lab.state() == policy::TrunkState::down);
        lab.pass(std::chrono::seconds(interval) + 200ms, true);
        CHECK(lab.state() == policy::TrunkState::registered);
    }
}

TEST_CASE("One probe that is lost is no silence") {
    Lab lab;
    lab.pass(60s, true);
    const auto before = lab.probes_of_pbx;
    while (lab.probes_of_pbx == before) lab.pass(100ms, false);
    lab.pass(4s, false);
    lab.pass(60s, true);
    CHECK(lab.state() == policy::TrunkState::registered);
}

TEST_CASE("Who never answers is asked twice, stays registered, and leaves no timer") {
    Lab lab;
    lab.pass(300s, false);
    CHECK(lab.probes_of_pbx == 2);
    CHECK(lab.state() == policy::TrunkState::registered);
    CHECK(lab.stack.alive().timers == 0);
}

TEST_CASE("Nobody is asked through a proxy, without an interval, or when the registration is over") {
    Lab proxied(30, {"<sip:192.0.2.1;lr>"});
    proxied.pass(120s, true);
    CHECK(proxied.probes_of_pbx == 0);
    Lab unprobed(0);
    unprobed.pass(120s, true);
    CHECK(unprobed.probes_of_pbx == 0);
    Lab over;
    over.pass(60s, true);
    over.shared.locations.remove_trunk("acme");
    const auto before = over.probes_of_pbx;
    over.pass(120s, true);
    CHECK(over.probes_of_pbx == before);
}

TEST_CASE("A trunk that is not to be probed any more has its silent PBX called again") {
    Lab lab;
    lab.pass(60s, true);
    lab.pass(31s, false);
    REQUIRE(lab.state() == policy::TrunkState::down);
    lab.configure(udp_trunk(0), Bench::default_carrier());
    lab.pass(31s, false);
    CHECK(lab.state() == policy::TrunkState::registered);
}

}  // namespace sallyport::stack
