// Static trunks: every address that a target's name stands for is probed, calls pass over those that are down or ask to
// be left alone, and what a trunk may not use is not looked for.
#include <algorithm>
#include <utility>

#include "tests/unit/stack/bench.h"

namespace sallyport::stack {
namespace {

config::Trunk static_trunk(std::uint32_t interval_seconds = 30) {
    config::Trunk t;
    t.id = "globex";
    t.mode = config::TrunkMode::static_;
    t.realm = "access";
    t.domain = "globex.example";
    t.numbers = {{"+4989000", "+4989999"}};
    t.transports = {config::Transport::udp};
    t.media.srtp = config::SrtpPolicy::off;
    t.targets = {{"pbx.globex.example", 0, config::Transport::udp, 0, 0}};
    t.sources = {*config::AddressBlock::parse("198.51.100.200")};
    t.network.options_interval_seconds = interval_seconds;
    return t;
}

// Two hosts by SRV, the first of them preferred.
struct Lab : Bench {
    explicit Lab(config::Trunk trunk = static_trunk()) : Bench(std::move(trunk)) {
        auto_probes = false;
        sent.clear();
    }
    void answer_dns() {
        while (!questions.empty()) {
            const auto asked = questions.front();
            questions.erase(questions.begin());
            all_asked.push_back(asked.question.name);
            locate::Answer answer{.question = asked.question, .status = locate::DnsStatus::no_data, .ttl = 60s};
            if (asked.question.name == "_sip._udp.pbx.globex.example") {
                answer.srv = {{10, 0, 5060, "one.globex.example"}, {20, 0, 5060, "two.globex.example"}};
            } else if (asked.question.type == locate::RecordType::a && asked.question.name == "one.globex.example") {
                answer.addresses = {IpAddress::v4(198, 51, 100, 21)};
            } else if (asked.question.type == locate::RecordType::a && asked.question.name == "two.globex.example") {
                answer.addresses = {IpAddress::v4(198, 51, 100, 22)};
            }
            if (!answer.srv.empty() || !answer.addresses.empty()) answer.status = locate::DnsStatus::ok;
            give(DnsAnswer{asked.token, answer});
        }
    }
    // Time passes; probes of each address are answered with its status (0: not at all).
    void pass(Duration time, std::uint16_t one, std::uint16_t two, std::string_view extra = {}) {
        for (const TimePoint until = now + time; now < until;) {
            run_for(100ms);
            answer_dns();
            for (auto again = std::exchange(sent, {}); !again.empty(); again.pop_front()) {
                const auto message = parse(*again.front().bytes);
                if (message.method_text() != "OPTIONS") continue;
                const bool first = again.front().flow.remote == endpoint("198.51.100.21:5060");
                const bool second = again.front().flow.remote == endpoint("198.51.100.22:5060");
                probes_of_one += first ? 1 : 0;
                probes_of_two += second ? 1 : 0;
                const std::uint16_t status = first ? one : second ? two : 200;  // the carrier is well
                if (status != 0)
                    receive(again.front().flow, answer(message, status, "probe", {}, {}, first ? extra : ""));
            }
        }
    }
    // Where the next call from the core is sent, or the status it is refused with.
    std::string call() {
        const std::string id = "call-" + std::to_string(++calls) + "@core";
        receive(core_flow(), core_invite("sip:+4989001@sip.example.net", plain_sdp("192.0.2.21", 6000), id));
        answer_dns();
        find("100");
        const auto invite = next();
        if (!invite.is_request()) return std::to_string(invite.status());
        const auto to = last.flow;
        receive(to, answer(invite, reply, "pbx", {}, {}, reply_extra));
        return to.remote.to_string();
    }
    bool logged(std::string_view event, std::string_view text) const {
        return std::any_of(facts.begin(), facts.end(), [&](const b2bua::LogFact& fact) {
            return fact.event == event && fact.text.find(text) != std::string::npos;
        });
    }
    std::vector<std::string> all_asked;
    int probes_of_one = 0, probes_of_two = 0, calls = 0;
    std::uint16_t reply = 486;
    std::string reply_extra;
};

}  // namespace

TEST_CASE("Each address of a static trunk's name is probed; one that is down is passed over until it answers twice") {
    Lab b;
    b.pass(2s, 200, 200);
    CHECK(b.probes_of_one == 1);
    CHECK(b.probes_of_two == 1);
    CHECK(b.call() == "198.51.100.21:5060");
    const auto state = [&] { return b.shared.trunk_states.all().at("globex"); };
    b.pass(2s, 200, 200);
    CHECK(state().state == policy::TrunkState::reachable);
    CHECK(state().why == "udp 198.51.100.21:5060 answers 200; udp 198.51.100.22:5060 answers 200");
    b.pass(75s, 0, 200);  // a silent place is found out at its next turn
    CHECK(state().state == policy::TrunkState::degraded);
    CHECK(state().why == "udp 198.51.100.21:5060 does not answer");
    CHECK(b.logged("trunk-degraded", "does not answer"));
    CHECK(b.logged("target-down", "trunk globex/pbx.globex.example;udp at udp 198.51.100.21:5060 does not answer"));
    CHECK(b.call() == "198.51.100.22:5060");
    const auto views = b.stack.targets();
    const auto view = std::find_if(views.begin(), views.end(), [](const TargetView& v) { return v.trunk == "globex"; });
    REQUIRE(view != views.end());
    CHECK(view->up);
    REQUIRE(view->addresses.size() == 2);
    CHECK_FALSE(view->addresses[0].up);
    CHECK(view->addresses[1].up);
    b.pass(5s, 200, 200);
    CHECK(b.call() == "198.51.100.22:5060");  // one answer is not enough
    b.pass(7s, 405, 200);                     // any answer is one
    CHECK(b.call() == "198.51.100.21:5060");
    CHECK(b.logged("target-up", "198.51.100.21:5060"));
    b.pass(2s, 200, 200);
    CHECK(state().state == policy::TrunkState::reachable);
    b.pass(60s, 503, 408);
    CHECK(state().state == policy::TrunkState::down);
    CHECK(b.call() == "480");  // nobody is left
}

TEST_CASE("503 with Retry-After: that address gets neither calls nor probes until then, and no longer than an hour") {
    Lab b;
    b.pass(2s, 200, 200);
    b.reply = 503;
    b.reply_extra = "Retry-After: 20 (busy);duration=3\r\n";
    CHECK(b.call() == "198.51.100.21:5060");
    CHECK(b.find("INVITE").is_request());  // it fails over
    CHECK(b.last.flow.remote == endpoint("198.51.100.22:5060"));
    CHECK(b.logged("target-paused", "198.51.100.21:5060 asks for 20 s"));
    b.reply = 486;
    b.reply_extra.clear();
    b.sent.clear();
    CHECK(b.call() == "198.51.100.22:5060");
    b.pass(19s, 200, 200);
    CHECK(b.probes_of_one == 1);
    CHECK(b.call() == "198.51.100.22:5060");
    b.pass(2s, 200, 200);
    CHECK(b.call() == "198.51.100.21:5060");
    b.pass(30s, 503, 200, "Retry-After: 4000000000\r\n");
    CHECK(b.call() == "198.51.100.22:5060");
    b.probes_of_one = 0;
    b.pass(50min, 200, 200);
    CHECK(b.probes_of_one == 0);
    b.pass(15min, 200, 200);
    CHECK(b.call() == "198.51.100.21:5060");
}

TEST_CASE("503 without Retry-After is the failure of one call: the next one asks there again") {
    Lab b;
    b.pass(2s, 200, 200);
    b.reply = 503;
    CHECK(b.call() == "198.51.100.21:5060");
    b.sent.clear();
    b.reply = 486;
    CHECK(b.call() == "198.51.100.21:5060");
}

TEST_CASE("An address that leaves the name is no longer probed, and the trunk that is deleted neither") {
    Lab b;
    b.pass(2s, 200, 200);
    auto literal = static_trunk();
    literal.targets = {{"198.51.100.22", 5060, config::Transport::udp, 0, 0}};
    b.configure(literal, Bench::default_carrier());
    b.probes_of_one = b.probes_of_two = 0;
    b.pass(65s, 200, 200);
    CHECK(b.probes_of_one == 0);
    CHECK(b.probes_of_two >= 2);
    b.configure(Bench::default_trunk(), Bench::default_carrier());
    b.probes_of_two = 0;
    b.pass(65s, 200, 200);
    CHECK(b.probes_of_two == 0);
    CHECK(b.stack.targets().size() == 1);  // the carrier's
}

TEST_CASE("A trunk that is not to be probed is not") {
    Lab b(static_trunk(0));
    b.pass(65s, 200, 200);
    CHECK(b.probes_of_one + b.probes_of_two == 0);
    CHECK(b.call() == "198.51.100.21:5060");
}

TEST_CASE("A trunk that allows TLS alone is looked for over TLS alone, and in its own IP version") {
    auto trunk = static_trunk(0);
    trunk.transports = {config::Transport::tls};
    trunk.targets = {{"pbx.globex.example", 0, config::Transport::unspecified, 0, 0}};
    Lab b(trunk);
    CHECK(b.call() == "480");
    CHECK(b.all_asked ==
          std::vector<std::string>{"pbx.globex.example", "_sips._tcp.pbx.globex.example", "pbx.globex.example"});
}

TEST_CASE("A trunk whose transport no listener has is told so, not that its name leads nowhere") {
    config::Trunk trunk = static_trunk();
    trunk.transports = {config::Transport::tcp};
    trunk.targets.front().transport = config::Transport::tcp;
    auto node = Bench::stack_config();
    std::erase_if(node.realms.front().listeners, [](const Listener& l) { return l.transport != Transport::udp; });
    Shared shared;
    Bench b(shared, node, 1);
    b.configure(trunk, Bench::default_carrier());
    b.run_for(10s);
    const auto told = [&](std::string_view text) {
        return std::count_if(b.facts.begin(), b.facts.end(), [&](const b2bua::LogFact& fact) {
            return fact.event == "target-down" && fact.trunk == "globex" && fact.text.find(text) != fact.text.npos;
        });
    };
    CHECK(told("no listener of its realm has a transport") == 1);
    CHECK(told("leads nowhere") == 0);
}

}  // namespace sallyport::stack
