// Requests for a number that are no INVITE: carried from the core to the PBX that has it, and answered from there.
#include <algorithm>
#include <utility>

#include "signaling/stack/relay.h"
#include "tests/unit/stack/bench.h"

namespace sallyport::stack {
namespace {

std::string message(std::string_view method, std::string_view uri, std::string_view extra = {},
                    std::string_view body = {}, std::string_view branch = "core") {
    auto c = sip::Composer::request(method, uri);
    c.add("Via", "SIP/2.0/UDP 192.0.2.20:5060;branch=z9hG4bK" + std::string(branch))
        .add("Max-Forwards", "70")
        .add("From", "\"Carol\" <sip:+44205550100@core.example.org>;tag=carol")
        .add("To", "<" + std::string(uri) + ">")
        .add("Call-ID", "secret" + std::string(branch == "core" ? "" : branch) + "@192.0.2.20")
        .add("CSeq", "7 " + std::string(method));
    return Bench::with(c.finish(body.empty() ? "" : "text/plain", body), extra);
}

config::Trunk static_trunk(config::Target target) {
    config::Trunk t;
    t.id = "globex";
    t.mode = config::TrunkMode::static_;
    t.realm = "access";
    t.domain = "globex.example";
    t.numbers = {{"+4989000", "+4989999"}};
    t.transports = {config::Transport::udp, config::Transport::tcp};
    t.media.srtp = config::SrtpPolicy::off;
    t.targets = {std::move(target)};
    t.network.options_interval_seconds = 3600;
    return t;
}

// A static PBX of two hosts that SRV names, the first of them preferred.
struct NamedPbx : Bench {
    NamedPbx() {
        configure(default_trunk(), default_carrier(),
                  {static_trunk({"pbx.globex.example", 0, config::Transport::udp, 0, 0})});
        run_for(2s);
        answer_dns();  // of the probes
        questions.clear();
        sent.clear();
    }
    void answer_dns() {
        for (; !questions.empty(); questions.erase(questions.begin())) {
            const auto asked = questions.front();
            locate::Answer answer{.question = asked.question, .status = locate::DnsStatus::no_data, .ttl = 60s};
            const bool a = asked.question.type == locate::RecordType::a;
            if (asked.question.name == "_sip._udp.pbx.globex.example")
                answer.srv = {{10, 0, 5060, "one.globex.example"}, {20, 0, 5060, "two.globex.example"}};
            if (a && asked.question.name == "one.globex.example") answer.addresses = {IpAddress::v4(198, 51, 100, 21)};
            if (a && asked.question.name == "two.globex.example") answer.addresses = {IpAddress::v4(198, 51, 100, 22)};
            if (!answer.srv.empty() || !answer.addresses.empty()) answer.status = locate::DnsStatus::ok;
            give(DnsAnswer{asked.token, answer});
        }
    }
    void say(std::string_view branch = "core") {
        receive(core_flow(), message("MESSAGE", "sip:+4989001@10.0.0.1;user=phone", {}, "hello", branch));
    }
    sip::Message told_at(std::string_view address) {
        auto message = next("MESSAGE");
        CHECK(last.flow.remote == endpoint(address));
        CHECK(last.flow.transport == Transport::udp);
        return message;
    }
};

}  // namespace

TEST_CASE("A PBX that is known by a name is located as for a call; one that answers 503 is left for the next") {
    NamedPbx b;
    b.say();
    CHECK(b.silent());
    b.answer_dns();
    const auto first = b.told_at("198.51.100.21:5060");
    b.receive(b.last.flow, b.answer(first, 503, "one", {}, {}, "Retry-After: 30\r\n"));
    CHECK(b.facts.back().event == "target-paused");
    const auto second = b.told_at("198.51.100.22:5060");
    CHECK(second.top_via().branch != first.top_via().branch);
    CHECK(second.call_id() == first.call_id());
    CHECK(second.from_tag() == first.from_tag());
    CHECK(second.body() == "hello");
    b.receive(b.last.flow, b.answer(second, 200, "two", {}));
    CHECK(b.next("200").call_id() == "secret@192.0.2.20");
    b.say("again");  // it has asked to be left alone
    b.answer_dns();
    const auto third = b.told_at("198.51.100.22:5060");
    b.receive(b.last.flow, b.answer(third, 503, "two", {}));
    b.next("500");  // the core's 503 would take this node out of its rotation
    b.run_for(64s);
    CHECK(b.silent());
    CHECK(b.stack.alive().transactions == 0);
}

TEST_CASE("A place that cannot be reached is left for the next; one that says nothing is the last (RFC 4320)") {
    NamedPbx b;
    b.say();
    b.answer_dns();
    b.told_at("198.51.100.21:5060");
    b.give(FlowClosed{b.last.flow, "refused"});
    b.told_at("198.51.100.22:5060");
    b.give(FlowClosed{b.last.flow, "refused"});
    b.next("480");
    b.say("again");
    b.answer_dns();
    b.told_at("198.51.100.21:5060");
    b.run_for(33s);
    while (!b.silent()) CHECK((b.next(), b.last.flow.remote == endpoint("198.51.100.21:5060")));
}

TEST_CASE(
    "Messages that wait for a DNS that says nothing are bounded, and forgotten when whoever sent them has given up") {
    NamedPbx b;
    for (std::size_t i = 0; i < Relay::most; ++i) b.say("m" + std::to_string(i));
    CHECK(b.silent());
    b.say("one-too-many");
    CHECK(b.next("503").has(sip::HeaderName::retry_after));
    const auto late = std::exchange(b.questions, {});
    b.run_for(33s);
    b.say("later");
    CHECK(b.silent());
    REQUIRE_FALSE(b.questions.empty());
    b.answer_dns();
    b.told_at("198.51.100.21:5060");
    b.receive(b.last.flow, b.answer(parse(*b.last.bytes), 200, "one", {}));
    b.next("200");
    b.questions = late;
    b.answer_dns();
    CHECK(b.silent());
    b.run_for(64s);
    CHECK(b.stack.alive().transactions == 0);
}

TEST_CASE("A large MESSAGE goes over TCP where nobody has named UDP, and over UDP if TCP is refused there") {
    Bench b;
    b.configure(Bench::default_trunk(), Bench::default_carrier(),
                {static_trunk({"198.51.100.20", 5060, config::Transport::unspecified, 0, 0})});
    b.run_for(2s);
    b.sent.clear();
    const auto say = [&](std::string_view branch, std::size_t bytes) {
        b.receive(b.core_flow(), message("MESSAGE", "sip:+4989001@10.0.0.1", {}, std::string(bytes, 'x'), branch));
        auto carried = b.next("MESSAGE");
        CHECK(b.last.flow.remote == endpoint("198.51.100.20:5060"));
        return carried;
    };
    CHECK(say("small", 100).top_via().transport == "UDP");
    const auto large = say("large", 1'300);
    CHECK(large.top_via().transport == "TCP");
    CHECK(b.last.flow.transport == Transport::tcp);
    b.give(FlowClosed{b.last.flow, "refused"});
    const auto again = b.next("MESSAGE");
    CHECK(again.top_via().transport == "UDP");
    CHECK(b.last.flow.transport == Transport::udp);
    CHECK(again.top_via().branch != large.top_via().branch);
    b.receive(b.last.flow, b.answer(again, 202, "pbx", {}));
    b.next("202");
    CHECK(say("soon", 1'300).top_via().transport == "UDP");  // it is not asked again at once
    b.run_for(10min);
    b.sent.clear();
    CHECK(say("later", 1'300).top_via().transport == "TCP");
}

TEST_CASE("A large MESSAGE goes by the trunk's large_requests, and to the next place where it may go over TCP alone") {
    const auto say = [](Bench& b, config::LargeRequests large, std::vector<config::Transport> transports) {
        auto trunk = static_trunk({"198.51.100.20", 5060, config::Transport::udp, 0, 0});
        trunk.targets.push_back({"198.51.100.21", 5060, config::Transport::udp, 1, 0});
        trunk.large_requests = large;
        trunk.transports = std::move(transports);
        b.configure(Bench::default_trunk(), Bench::default_carrier(), {trunk});
        b.run_for(2s);
        b.sent.clear();
        b.receive(b.core_flow(), message("MESSAGE", "sip:+4989001@10.0.0.1", {}, std::string(1'300, 'x'), "m"));
        return std::string(b.next("MESSAGE").top_via().transport);
    };
    using config::LargeRequests;
    using config::Transport;
    const auto way = [&](config::LargeRequests large, std::vector<config::Transport> transports) {
        Bench b;
        return say(b, large, std::move(transports));
    };
    CHECK(way(LargeRequests::automatic, {Transport::udp, Transport::tcp}) == "UDP");
    CHECK(way(LargeRequests::udp, {Transport::udp, Transport::tcp}) == "UDP");
    CHECK(way(LargeRequests::tcp, {Transport::udp}) == "UDP");  // as validation has it, it cannot be provisioned
    CHECK(way(LargeRequests::tcp_then_udp, {Transport::udp, Transport::tcp}) == "TCP");
    Bench b;
    CHECK(say(b, LargeRequests::tcp, {Transport::udp, Transport::tcp}) == "TCP");
    b.give(FlowClosed{b.last.flow, "refused"});
    CHECK(b.next("MESSAGE").top_via().transport == "TCP");
    CHECK(b.last.flow.remote == endpoint("198.51.100.21:5060"));
    b.receive(b.last.flow, b.answer(parse(*b.last.bytes), 202, "pbx", {}));
    b.next("202");
}

TEST_CASE("OPTIONS and MESSAGE of a carrier reach the flow of the number's PBX, and its answer comes back") {
    for (const std::string method : {"OPTIONS", "MESSAGE"}) {
        Bench b;
        b.bind();
        b.auto_probes = false;  // the OPTIONS that follows is none
        const std::string body = method == "MESSAGE" ? "hello" : "";
        b.receive(b.core_flow(), message(method, "sip:+4930155@10.0.0.1;user=phone", "Subject: hi\r\n", body));
        const auto carried = b.next(method);
        b.auto_probes = true;
        CHECK(b.last.flow == b.pbx_flow());
        CHECK(carried.request_uri() == "sip:+4930155@198.51.100.10:5061");
        CHECK(carried.body() == body);
        CHECK(sip::own(carried.from().uri).text() == "sip:+44205550100@sip.example.net;user=phone");
        CHECK(carried.text().find("192.0.2.20") == std::string_view::npos);
        CHECK(carried.first(sip::HeaderName::max_forwards) == "69");
        b.receive(b.pbx_flow(), b.answer(carried, 200, "dave", {}, {}, "Server: pbx at 198.51.100.10\r\n"));
        const auto answer = b.next("200");
        CHECK(b.last.flow.remote == b.core_flow().remote);
        CHECK(answer.call_id() == "secret@192.0.2.20");
        CHECK(answer.text().find("198.51.100.") == std::string_view::npos);
        b.run_for(64s);
        CHECK(b.silent());
        CHECK(b.stack.alive().transactions == 0);
    }
}

TEST_CASE(
    "A PBX that is not there is 480, a number that nobody has 404; when one says nothing, whoever asked has given up") {
    Bench b;
    b.receive(b.core_flow(), message("MESSAGE", "sip:+4930155@10.0.0.1", {}, "hello"));
    b.next("480");
    b.run_for(64s);
    b.bind();
    b.receive(b.core_flow(), message("MESSAGE", "sip:+4930155@10.0.0.1", {}, "hello"));
    b.next("MESSAGE");
    b.run_for(33s);  // RFC 4320 4: an answer now would come too late
    CHECK(b.silent());
    CHECK(b.stack.alive().transactions == 0);
    b.receive(b.core_flow(), message("MESSAGE", "sip:+4930999@10.0.0.1", {}, "hello"));
    b.next("404");
    b.receive(b.core_flow(), message("OPTIONS", "sip:+4930999@10.0.0.1"));
    CHECK(b.next("200").has(sip::HeaderName::accept));
}

TEST_CASE("What a PBX answers of its own leg stays there; privacy holds for messages too") {
    Bench b;
    b.bind();
    b.receive(b.core_flow(), message("MESSAGE", "tel:+4930155", "Privacy: id\r\nX-Caller: +44205550100\r\n", "hello"));
    const auto carried = b.next("MESSAGE");
    CHECK(sip::own(carried.from().uri).text() == "sip:anonymous@anonymous.invalid");
    CHECK(carried.text().find("44205550100") == std::string_view::npos);
    b.receive(b.pbx_flow(),
              b.answer(carried, 401, "dave", {}, {}, "WWW-Authenticate: Digest realm=\"x\", nonce=\"y\"\r\n"));
    const auto answer = b.next("500");
    CHECK_FALSE(answer.has(sip::HeaderName::www_authenticate));
    b.receive(b.pbx_flow(), message("MESSAGE", "sip:+44205550100@sip.example.net", {}, "hello", "pbx"));
    b.next("405");
}

TEST_CASE("A kind of privacy that is critical and unknown is not passed on, of messages neither (RFC 3323 5)") {
    Bench b;
    b.bind();
    for (const std::string method : {"MESSAGE", "OPTIONS"}) {
        b.receive(b.core_flow(), message(method, "tel:+4930155", "Privacy: pizza;critical\r\n", {}, method));
        b.next("500");
        CHECK(b.silent());
        b.receive(b.core_flow(), message(method, "tel:+4930155", "Privacy: pizza\r\n", {}, method + "-2"));
        b.next(method == "OPTIONS" ? "200" : method);  // its PBX has answered
    }
}

}  // namespace sallyport::stack
