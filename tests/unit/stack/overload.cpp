// What a shard with more to do than it can refuses before it parses, and what it never refuses.
#include <algorithm>
#include <map>

#include "tests/unit/stack/digest_client.h"

namespace sallyport::stack {
namespace {

constexpr Duration spell = 200ms;  // of work without rest, ten times what is tolerated

void give_busy(Bench& b, const Flow& flow, std::string_view text, Duration busy = spell) {
    if (flow.transport == Transport::udp)
        b.give(Datagram{flow, text, busy});
    else
        b.give(StreamMessage{flow, text, busy});
}

std::string request(std::string_view method, int number, std::string_view uri = "sip:sip.example.net",
                    std::string_view extra = {}) {
    const auto n = std::to_string(number);
    return Bench::with(std::string(method) + " " + std::string(uri) +
                           " SIP/2.0\r\nVia: SIP/2.0/UDP 198.51.100.66:5060;branch=z9hG4bK" + std::string(method) + n +
                           "\r\nMax-Forwards: 70\r\nFrom: <sip:x@sip.example.net>;tag=f\r\nTo: <" + std::string(uri) +
                           ">\r\nCall-ID: c" + n + "\r\nCSeq: 1 " + std::string(method) +
                           "\r\nContact: <sip:198.51.100.66>\r\nContent-Length: 0\r\n\r\n",
                       extra);
}

// Seconds of OPTIONS, so many that the shard never rests.
void overload(Bench& b, Duration duration) {
    const TimePoint end = b.now + duration;
    for (int i = 0; b.now < end; ++i) {
        give_busy(b, b.stranger_flow(), request("OPTIONS", i));
        b.now += 5ms;
    }
    b.sent.clear();
}

std::uint64_t refused(const Bench& b, policy::WorkClass work) {
    return b.stack.statistics().refused_overload[static_cast<std::size_t>(work)].read();
}

}  // namespace

TEST_CASE(
    "An overloaded shard answers OPTIONS and first REGISTERs with a 503 from a template, its waiting time random") {
    Bench b;
    overload(b, 5s);
    CHECK(b.stack.statistics().overload_permille.read() == 1'000);
    std::set<std::string> waits;
    for (int i = 0; i < 100; ++i) {
        give_busy(b, b.stranger_flow(), request("REGISTER", 10'000 + i));
        const auto answer = b.next();
        if (answer.status() == 401) continue;  // two of a hundred get through
        CHECK(answer.status() == 503);
        waits.insert(std::string(answer.first(sip::HeaderName::retry_after).value_or("")));
    }
    CHECK(waits.size() > 15);
    CHECK(refused(b, policy::WorkClass::rest) > 97);
    CHECK(b.stack.alive().transactions == 0);
}

TEST_CASE("Calls that are up, and what ends them, are served as ever under overload") {
    Bench b;
    PbxCall call(b);
    overload(b, 5s);
    give_busy(b, b.pbx_flow(), call.from_pbx("BYE"));
    b.find("200");
    CHECK(refused(b, policy::WorkClass::in_dialog) == 0);
    CHECK(b.stack.alive().calls <= 1);
}

TEST_CASE("A To tag that is of no call here is no way around: it is refused like a first request") {
    Bench b;
    overload(b, 5s);
    int answered = 0;
    for (int i = 0; i < 50; ++i) {
        give_busy(b, b.stranger_flow(), request("INVITE", i, "sip:+493010@sip.example.net;x"));
        auto text = request("BYE", i);
        text.replace(text.find("To: <sip:sip.example.net>"), 25, "To: <sip:sip.example.net>;tag=made-up");
        give_busy(b, b.stranger_flow(), text);
        while (!b.silent()) answered += b.next().status() != 503;
    }
    CHECK(answered <= 4);
}

TEST_CASE("A REGISTER over the flow of a live binding and an emergency call are never refused for load") {
    Bench b;
    b.bind();
    overload(b, 5s);
    for (int i = 0; i < 50; ++i) {
        give_busy(b, b.pbx_flow(), request("REGISTER", i));
        CHECK(b.next().status() == 401);
    }
    give_busy(b, b.pbx_flow(), request("INVITE", 1, "urn:service:sos.fire"));
    CHECK(b.find("INVITE").request_uri() == "urn:service:sos.fire");
    CHECK(refused(b, policy::WorkClass::refresh) + refused(b, policy::WorkClass::emergency) == 0);
}

TEST_CASE("What a dial plan calls an emergency is never refused for load, with the outside line or without") {
    Bench b;
    auto trunk = Bench::default_trunk();
    trunk.numbering.dial_plan.outside_line = "0";
    trunk.numbering.dial_plan.emergency_numbers = {"112"};
    b.configure(trunk, Bench::default_carrier());
    b.bind();
    overload(b, 5s);
    for (const std::string_view uri : {"sip:112@sip.example.net", "sip:0112@sip.example.net;user=phone", "tel:112"}) {
        for (int i = 0; i < 3; ++i)
            give_busy(b, b.stranger_flow(), request("INVITE", i, uri, "X-Uri: " + std::string(uri) + "\r\n"));
        CHECK(refused(b, policy::WorkClass::new_work) == 0);
    }
    for (int i = 0; i < 20; ++i) give_busy(b, b.stranger_flow(), request("INVITE", 100 + i, "sip:113@sip.example.net"));
    CHECK(refused(b, policy::WorkClass::new_work) > 15);
}

TEST_CASE("Where no request has room any more a call for help has, and its media goes before others [SC-13-09]") {
    Shared shared;
    auto config = Bench::stack_config();
    config.max_transactions = 8;
    Bench b(shared, config, 1);
    auto trunk = Bench::default_trunk();
    trunk.numbering.dial_plan.emergency_numbers = {"112"};
    b.configure(trunk, Bench::default_carrier());
    b.bind();
    const auto call = [&](const std::string& number, const std::string& id) {
        b.receive(b.pbx_flow(),
                  b.invite("sip:" + number + "@sip.example.net", secure_sdp("198.51.100.10", 5004, "A"), id));
    };
    int taken = 0;
    for (int i = 0; i < 20; ++i) {
        call("+4420555" + std::to_string(100 + i), "call" + std::to_string(i) + "@pbx");
        taken += b.next().status() == 100;
        b.sent.clear();
    }
    CHECK(taken == 8);
    call("112", "help@pbx");
    CHECK(b.next().status() == 100);
    CHECK(b.find("INVITE").request_uri().starts_with("sip:112@"));
    CHECK(b.stack.transaction_statistics().limit_refusals.read() == 12);
    for (const auto& command : b.media) CHECK(command.emergency == (command.session == b.media.back().session));
}

TEST_CASE("A flood of emergency calls from one source competes like other calls") {
    Bench b;
    overload(b, 5s);
    for (int i = 0; i < 200; ++i) give_busy(b, b.stranger_flow(), request("INVITE", i, "urn:service:sos"));
    CHECK(refused(b, policy::WorkClass::new_work) > 150);
}

TEST_CASE("The repetition of an INVITE that was taken is not refused, and the ACK of a refusal costs nothing") {
    Bench b;
    b.bind();
    const auto invite = b.invite("sip:+442055501@sip.example.net", secure_sdp("198.51.100.10", 5004, "A"));
    b.receive(b.pbx_flow(), invite);
    b.next("100");
    b.next("INVITE");
    overload(b, 5s);
    for (int i = 0; i < 20; ++i) give_busy(b, b.pbx_flow(), invite);
    while (!b.silent()) CHECK(b.next().status() != 503);
    const auto other = b.invite("sip:+442055501@sip.example.net", secure_sdp("198.51.100.10", 5004, "A"), "second@pbx");
    std::string ack;
    for (int i = 0; i < 3 && ack.empty(); ++i) {
        b.sent.clear();  // of the one in fifty that was taken
        give_busy(b, b.pbx_flow(), b.invite("sip:+442055501@sip.example.net", "", "n" + std::to_string(i)));
        const auto answer = b.next();
        if (answer.status() != 503) continue;
        ack =
            "ACK sip:+442055501@sip.example.net SIP/2.0\r\nVia: SIP/2.0/TLS h;branch=z9hG4bKz\r\nFrom: <sip:a@h>;tag=a"
            "\r\nTo: <sip:b@h>;tag=" +
            std::string(answer.to_tag()) + "\r\nCall-ID: n\r\nCSeq: 1 ACK\r\n\r\n";
    }
    REQUIRE_FALSE(ack.empty());
    give_busy(b, b.pbx_flow(), ack);
    CHECK(b.stack.statistics().overload_acks.read() == 1);
    CHECK(b.silent());
}

TEST_CASE("A flood of complaints about one thing does not hide a complaint about another") {
    auto trunk = Bench::default_trunk();
    trunk.limits.barred_prefixes = {"+44900"};
    Bench b(trunk);
    b.bind();
    const auto told = [&](std::string_view event) {
        return std::count_if(b.facts.begin(), b.facts.end(), [&](const auto& fact) { return fact.event == event; });
    };
    b.facts.clear();
    for (int i = 0; i < 60; ++i)
        b.receive(b.pbx_flow(), b.invite("sip:+449005501@sip.example.net", secure_sdp("198.51.100.10", 5004, "A"),
                                         "barred-" + std::to_string(i)));
    const auto about = [&](const b2bua::LogFact& fact) { return fact.event != "refused-too-often"; };
    std::map<std::string, int> events;
    for (const auto& fact : b.facts)
        if (fact.severity == b2bua::Severity::warning) ++events[fact.event];
    for (const auto& [event, times] : events) CHECK(times <= 10);
    CHECK(events.size() >= 2);               // why they are barred, and that there are too many of them
    CHECK(told("refused-too-often") == 10);  // though ten were told of the first by then
    b.run_for(1s);
    b.facts.clear();
    b.receive(b.pbx_flow(), b.invite("sip:+449005501@sip.example.net", secure_sdp("198.51.100.10", 5004, "A"), "next"));
    CHECK(std::count_if(b.facts.begin(), b.facts.end(), about) > 0);
}

}  // namespace sallyport::stack
