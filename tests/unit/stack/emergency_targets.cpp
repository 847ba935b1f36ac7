// Which targets a call for help is sent to, and in which order, where probes have found some of them down: a probe
// speaks of some seconds ago, and who calls for help is not refused for it.
#include <algorithm>
#include <utility>

#include "tests/unit/stack/bench.h"

namespace sallyport::stack {
namespace {

config::Carrier carrier_of(std::vector<std::string> hosts) {
    auto carrier = Bench::default_carrier();
    carrier.options_interval_seconds = 30;
    carrier.targets.clear();
    for (std::uint16_t i = 0; i < hosts.size(); ++i)
        carrier.targets.push_back({hosts[i], 5060, config::Transport::udp, i, 0});
    return carrier;
}

// Probes of those that are up are answered, the others are silent until they are down.
struct Lab : Bench {
    explicit Lab(std::vector<std::string> hosts, std::vector<std::string> up_ones) : up(std::move(up_ones)) {
        auto trunk = default_trunk();
        trunk.numbering.dial_plan.emergency_numbers = {"112"};
        auto_probes = false;
        bind();
        configure(trunk, carrier_of(std::move(hosts)));
        for (int i = 0; i < 600; ++i) {
            run_for(100ms);
            hear();
        }
    }
    bool is_up(const Flow& flow) const {
        return std::find(up.begin(), up.end(), flow.remote.address.to_string()) != up.end();
    }
    // Answers questions and probes; tells where INVITEs went, in order, and of what the caller heard the last.
    void hear() {
        while (!questions.empty()) {
            const auto asked = questions.front();
            questions.erase(questions.begin());
            locate::Answer answer{.question = asked.question, .status = locate::DnsStatus::no_data, .ttl = 3'600s};
            if (asked.question.type == locate::RecordType::a && asked.question.name == "psap.example") {
                answer.status = locate::DnsStatus::ok;
                answer.addresses = {IpAddress::v4(192, 0, 2, 41), IpAddress::v4(192, 0, 2, 42)};
            }
            give(DnsAnswer{asked.token, answer});
        }
        while (!sent.empty()) {
            const auto transmit = std::exchange(sent.front(), {});
            sent.pop_front();
            const auto message = parse(*transmit.bytes);
            if (!message.is_request()) {
                if (message.status() > 100) heard = message.status();
            } else if (message.method_text() == "OPTIONS") {
                if (is_up(transmit.flow)) receive(transmit.flow, answer(message, 200, "probe", {}));
            } else if (message.method_text() == "INVITE") {
                const auto to = transmit.flow.remote.address.to_string();
                if (tried.empty() || tried.back() != to) tried.push_back(to);
                if (status_of.contains(to))
                    receive(transmit.flow, answer(message, status_of.at(to), "psap", {}, {}, extra));
            }
        }
    }
    std::vector<std::string> call(std::string_view number, Duration patience) {
        tried.clear();
        heard = 0;
        receive(pbx_flow(), invite("sip:" + std::string(number) + "@sip.example.net",
                                   secure_sdp("198.51.100.10", 5004, "A"), std::to_string(++calls) + "@pbx"));
        hear();
        for (const TimePoint until = now + patience; now < until;) {
            run_for(100ms);
            hear();
        }
        return tried;
    }
    using Places = std::vector<std::string>;
    Places up, tried;
    std::map<std::string, std::uint16_t> status_of;  // of INVITEs; who is not here says nothing
    std::string extra;
    std::uint16_t heard = 0;
    int calls = 0;
};

}  // namespace

TEST_CASE(
    "A call for help whose one target that is up answers 503 goes to those that are down, each once, and an ordinary "
    "one fails at once") {
    Lab b({"192.0.2.20", "192.0.2.30", "192.0.2.31"}, {"192.0.2.20"});
    b.status_of = {{"192.0.2.20", 503}, {"192.0.2.30", 503}, {"192.0.2.31", 503}};
    CHECK(b.call("+442055501", 1s) == Lab::Places{"192.0.2.20"});
    CHECK(b.heard == 503);
    CHECK(b.call("112", 1s) == Lab::Places{"192.0.2.20", "192.0.2.30", "192.0.2.31"});
    CHECK(b.heard == 503);
    b.extra = "Retry-After: 600\r\n";  // it asks to be left alone while its call goes on
    CHECK(b.call("112", 1s) == Lab::Places{"192.0.2.20", "192.0.2.30", "192.0.2.31"});
    // Now nobody is usable.
    CHECK(b.call("+442055501", 1s).empty());
    CHECK(b.call("112", 1s) == Lab::Places{"192.0.2.20", "192.0.2.30", "192.0.2.31"});
    b.status_of["192.0.2.31"] = 486;  // somebody is there
    b.call("112", 1s);
    CHECK(b.heard == 486);
}

TEST_CASE("A call for help does not wait a second time for a target that has said nothing") {
    Lab b({"192.0.2.20", "192.0.2.30"}, {"192.0.2.20"});
    b.status_of = {{"192.0.2.30", 486}};
    CHECK(b.call("112", 33s) == Lab::Places{"192.0.2.20", "192.0.2.30"});
    CHECK(b.heard == 486);
}

TEST_CASE("Places of a name that are down are turned to last by a call for help, without asking DNS again") {
    Lab b({"psap.example", "192.0.2.30"}, {"192.0.2.42"});
    b.status_of = {{"192.0.2.41", 503}, {"192.0.2.42", 503}, {"192.0.2.30", 503}};
    CHECK(b.call("+442055501", 1s) == Lab::Places{"192.0.2.42"});
    CHECK(b.call("112", 1s) == Lab::Places{"192.0.2.42", "192.0.2.30", "192.0.2.41"});
}

}  // namespace sallyport::stack
