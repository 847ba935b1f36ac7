// What a call that comes to nothing says about its target: nothing. A probe is asked, and decides.
#include <algorithm>

#include "signaling/policy/refusal_limit.h"
#include "tests/unit/stack/bench.h"

namespace sallyport::stack {
namespace {

config::Carrier two_targets(config::Transport transport) {
    auto carrier = Bench::default_carrier();
    carrier.targets[0].transport = transport;
    carrier.targets[0].priority = 1;
    carrier.targets.push_back({"192.0.2.30", 5060, transport, 2, 0});
    return carrier;
}
std::string call_out(Bench& b, std::string_view id, std::string_view extra = {}) {
    return b.invite("sip:+442055501@sip.example.net", secure_sdp("198.51.100.10", 5004, "A"), id, 1, extra);
}
// An INVITE of exactly that many bytes, all of which cross to the other leg.
std::string large_call_out(Bench& b, std::string_view id, std::size_t bytes) {
    std::string extra;
    const auto size = [&] { return call_out(b, id, extra).size(); };
    while (bytes - size() > 12'000) extra += "X-Filler: " + std::string(10'000, 'f') + "\r\n";
    extra += "X-Filler: " + std::string(bytes - size() - 12, 'f') + "\r\n";
    REQUIRE(size() == bytes);
    return call_out(b, id, extra);
}
bool all_up(const Bench& b) {
    const auto targets = b.stack.targets();
    return std::all_of(targets.begin(), targets.end(), [](const TargetView& t) { return t.up; });
}

}  // namespace

TEST_CASE("An INVITE that grows too large for any way out is refused with 513, and no target is blamed for it") {
    for (const auto transport : {config::Transport::udp, config::Transport::tcp}) {
        Bench b;
        b.bind();
        b.configure(Bench::default_trunk(), two_targets(transport));
        b.sent.clear();
        for (const auto* id : {"one", "two", "three"}) {
            b.receive(b.pbx_flow(), large_call_out(b, id, 65'530));
            b.next("100");
            b.next("513");
            CHECK(b.silent());
        }
        CHECK(all_up(b));
        b.run_for(40s);
        CHECK(b.records.at(0).status == 513);
        CHECK(all_up(b));
        b.sent.clear();
        b.receive(b.pbx_flow(), call_out(b, "ordinary"));
        b.next("100");
        b.next("INVITE");
        CHECK(b.last.flow.remote == endpoint("192.0.2.20:5060"));
    }
}

TEST_CASE("A large INVITE goes over TCP where nothing has fixed the transport, and over UDP if TCP is refused") {
    Bench b;
    b.bind();
    b.configure(Bench::default_trunk(), two_targets(config::Transport::unspecified));
    b.sent.clear();
    const auto call = [&](std::string_view id, std::size_t bytes) {
        b.receive(b.pbx_flow(), large_call_out(b, id, bytes));
        return b.find("INVITE");
    };
    call("small", 1'000);
    CHECK(b.last.flow == b.core_flow());
    const auto over_tcp = call("large", 3'000);
    CHECK(b.last.flow == Flow{Transport::tcp, 1, {}, endpoint("192.0.2.20:5060"), 0});
    CHECK(over_tcp.top_via().transport == "TCP");
    CHECK(over_tcp.first(sip::HeaderName::contact)->find(";transport=tcp") != std::string_view::npos);

    b.give(FlowClosed{b.last.flow, "refused"});
    const auto over_udp = b.next("INVITE");
    CHECK(b.last.flow == b.core_flow());
    CHECK(over_udp.top_via().transport == "UDP");
    CHECK(over_udp.top_via().branch != over_tcp.top_via().branch);
    CHECK(over_udp.call_id() == over_tcp.call_id());
    CHECK(b.stack.statistics().carrier_failovers.read() == 0);
    b.receive(b.core_flow(), b.answer(over_udp, 200, "bob", "<sip:192.0.2.20:5060>", plain_sdp("192.0.2.21", 6000)));
    b.next("ACK");
    b.next("200");

    call("again", 3'000);  // it has been asked
    CHECK(b.last.flow == b.core_flow());
    b.run_for(601s);
    b.bind(8);
    b.sent.clear();
    call("later", 3'000);
    CHECK(b.last.flow.transport == Transport::tcp);
    b.receive(b.last.flow, b.answer(parse(*b.last.bytes), 486, "bob", {}));
    b.find("ACK");
    CHECK(b.last.flow.transport == Transport::tcp);

    b.configure(Bench::default_trunk(), two_targets(config::Transport::udp));
    b.sent.clear();
    call("pinned", 3'000);
    CHECK(b.last.flow == b.core_flow());
}

TEST_CASE(
    "A large INVITE moves to TCP, falls back to UDP, or stays there, as the carrier's large_requests says [SC-8-04]") {
    using enum config::LargeRequests;
    const auto first_way = [](Bench& b, config::Transport named, config::LargeRequests large, std::size_t bytes) {
        auto carrier = two_targets(named);
        carrier.large_requests = large;
        b.bind();
        b.configure(Bench::default_trunk(), carrier);
        b.sent.clear();
        b.receive(b.pbx_flow(), large_call_out(b, "call", bytes));
        return std::string(b.find("INVITE").top_via().transport);
    };
    for (const auto named : {config::Transport::unspecified, config::Transport::udp}) {
        {
            Bench b;
            CHECK(first_way(b, named, tcp, 1'000) == "UDP");
        }
        {
            Bench b;
            CHECK(first_way(b, named, udp, 3'000) == "UDP");
        }
        {
            Bench b;
            CHECK(first_way(b, named, tcp_then_udp, 3'000) == "TCP");
            b.give(FlowClosed{b.last.flow, "refused"});
            CHECK(b.next("INVITE").top_via().transport == "UDP");
            CHECK(b.last.flow == b.core_flow());
            CHECK(b.stack.statistics().carrier_failovers.read() == 0);
        }
        Bench b;
        CHECK(first_way(b, named, tcp, 3'000) == "TCP");
        b.give(FlowClosed{b.last.flow, "refused"});  // never over UDP: the next place is asked, over TCP as well
        CHECK(b.find("INVITE").top_via().transport == "TCP");
        CHECK(b.last.flow.remote == endpoint("192.0.2.30:5060"));
        b.give(FlowClosed{b.last.flow, "refused"});
        b.find("503");
        b.run_for(40s);
        CHECK(all_up(b));  // a probe over UDP has said so
        b.sent.clear();
        b.receive(b.pbx_flow(), large_call_out(b, "soon", 3'000));  // nor is it remembered that TCP was refused
        CHECK(b.find("INVITE").top_via().transport == "TCP");
    }
}

TEST_CASE("A call that times out makes a probe due; while probes are answered the target stays up") {
    Bench b;
    b.bind();
    b.configure(Bench::default_trunk(), two_targets(config::Transport::udp));
    b.run_for(10s);
    for (int i = 0; i < 3; ++i) {
        b.receive(b.pbx_flow(), call_out(b, "silent" + std::to_string(i)));
        b.run_for(31900ms);
        const auto before = b.stack.statistics().options_sent.read();
        b.run_for(200ms);
        CHECK(b.stack.statistics().options_sent.read() == before + 1);
        CHECK(all_up(b));
        b.run_for(40s);
    }
    CHECK(b.stack.statistics().options_sent.read() == 2 + 6);  // at the start, and for three calls at two targets
}

TEST_CASE("A target whose calls and probes are silent is down ten seconds after the first call has timed out") {
    Bench b;
    b.bind();
    b.configure(Bench::default_trunk(), two_targets(config::Transport::udp));
    b.run_for(10s);
    b.auto_probes = false;
    b.receive(b.pbx_flow(), call_out(b, "silent"));
    b.run_for(32s);
    CHECK(all_up(b));
    b.run_for(5s);
    CHECK(all_up(b));
    b.run_for(5200ms);
    CHECK_FALSE(b.stack.targets().at(0).up);
    CHECK(b.stack.targets().at(1).up);
    CHECK(b.facts.back().event == "target-down");
}

TEST_CASE("However many calls fail at a target, it is probed no more often than one that is failing") {
    Bench b;
    b.bind();
    b.configure(Bench::default_trunk(), two_targets(config::Transport::udp));
    b.run_for(10s);
    b.auto_probes = false;
    b.sent.clear();
    for (int i = 0; i < 50; ++i) b.receive(b.pbx_flow(), call_out(b, "refused" + std::to_string(i)));
    b.sent.clear();
    for (int i = 0; i < 50; ++i) b.give(FlowClosed{b.core_flow(), "connection refused"});
    b.sent.clear();
    b.run_for(100ms);
    std::size_t probes = 0;
    for (const auto& t : b.sent) probes += t.bytes->starts_with("OPTIONS ") ? 1 : 0;
    CHECK(probes == 1);
    CHECK(all_up(b));
}

TEST_CASE("A carrier's learned addresses follow DNS: what its name no longer stands for is a stranger's") {
    Bench b;
    b.bind();
    auto carrier = Bench::default_carrier();
    carrier.targets[0] = {"gw.example.org", 5060, config::Transport::udp, 0, 0};
    carrier.options_interval_seconds = 60;
    b.configure(Bench::default_trunk(), carrier);
    const auto resolve = [&](std::optional<IpAddress> address) {
        b.questions.clear();
        b.run_for(61s);
        REQUIRE_FALSE(b.questions.empty());
        while (!b.questions.empty()) {
            const auto q = b.questions.back();
            b.questions.pop_back();
            locate::Answer a;
            a.question = q.question;
            a.status = locate::DnsStatus::no_data;
            if (q.question.type == locate::RecordType::a && address) {
                a.status = locate::DnsStatus::ok;
                a.addresses = {*address};
            }
            b.give(DnsAnswer{q.token, a});
        }
        b.sent.clear();
    };
    int calls = 0;
    const auto answer_to = [&](std::string_view from) {
        Flow flow = b.core_flow();
        flow.remote = endpoint(from);
        b.receive(flow, b.core_invite("sip:+4930155@10.0.0.1", plain_sdp("192.0.2.21", 6000),
                                      "learned" + std::to_string(++calls)));
        const auto status = b.next().status();
        b.sent.clear();
        return status;
    };
    resolve(IpAddress::v4(192, 0, 2, 51));
    CHECK(answer_to("192.0.2.51:5060") == 100);
    resolve(IpAddress::v4(192, 0, 2, 52));
    CHECK(answer_to("192.0.2.52:5060") == 100);
    CHECK(answer_to("192.0.2.51:5060") == 403);
    resolve(std::nullopt);  // a DNS that fails for a while cuts nobody off
    CHECK(answer_to("192.0.2.52:5060") == 100);
    b.run_for(3600s);
    resolve(std::nullopt);
    CHECK(answer_to("192.0.2.52:5060") == 403);
    b.bind();  // the PBX is still there
    resolve(IpAddress::v4(192, 0, 2, 53));
    CHECK(answer_to("192.0.2.53:5060") == 100);
    b.configure(Bench::default_trunk(), Bench::default_carrier());  // another target: the name is forgotten
    CHECK(answer_to("192.0.2.53:5060") == 403);
}

TEST_CASE("A flood of refused attempts of a known peer is answered in one message each, without a call or a record") {
    Bench b;
    b.bind();
    const auto flood = [&](bool from_pbx, std::uint16_t expected) {
        b.run_for(10s);
        b.facts.clear();
        b.records.clear();
        b.sent.clear();
        for (int i = 0; i < 200; ++i) {
            const std::string id = "flood" + std::to_string(i);
            if (from_pbx)
                b.receive(b.pbx_flow(), b.invite("sip:nobody@sip.example.net", "", id));
            else
                b.receive(b.core_flow(), b.core_invite("sip:+49999@10.0.0.1", "", id));
        }
        CHECK(b.records.size() == policy::RefusalLimit::per_second);
        CHECK(b.facts.size() <= 2 * policy::RefusalLimit::per_second + 10);
        const auto last = parse(*b.sent.back().bytes);
        CHECK(last.status() == expected);
        CHECK(last.has(sip::HeaderName::retry_after) == (expected == 503));
    };
    flood(true, 503);
    flood(false, 404);  // 503 would take this node out of the carrier's hunt group
    CHECK(b.stack.statistics().requests_refused.read() == 400);
    // Good calls go on meanwhile.
    b.sent.clear();
    b.receive(b.pbx_flow(), call_out(b, "good"));
    b.find("INVITE");
    b.run_for(2s);
    b.records.clear();
    b.receive(b.pbx_flow(), b.invite("sip:nobody@sip.example.net", "", "later"));
    CHECK(b.records.size() == 1);
}

TEST_CASE("A shard that is behind with the configuration takes no registration away that a newer one allowed") {
    Bench b;
    auto fresh = Bench::default_trunk();
    fresh.id = "fresh";
    fresh.registration_aor = "sip:fresh@sip.example.net";
    fresh.numbers.clear();
    SeededRandom random(9);
    Stack slow(Bench::stack_config(), b.shared, random);
    Outputs out;
    auto old = std::make_shared<config::Snapshot>();
    old->revision = b.revision;
    old->trunks.emplace("acme", Bench::default_trunk());
    old->build_indexes();
    b.configure(Bench::default_trunk(), Bench::default_carrier(), {fresh});
    b.shared.locations.update("fresh", [&](std::vector<registrar::Binding>& bindings) {
        bindings.push_back({.trunk = "fresh", .contact = "sip:x", .flow = b.pbx_flow(3), .expires_at = b.now + 60s});
        return true;
    });
    slow.handle(ConfigChanged{old}, b.now, out);
    CHECK(b.shared.locations.size() == 1);
    b.configure(Bench::default_trunk(), Bench::default_carrier());
    CHECK(b.shared.locations.size() == 0);
}

}  // namespace sallyport::stack
