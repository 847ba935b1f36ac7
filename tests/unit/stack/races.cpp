// What crosses on the wire: CANCEL and 200, BYE and BYE, lost ACKs, forks, late answers (RFC 3261 9, 13, 15; RFC 6026).
#include <algorithm>
#include <functional>
#include <optional>

#include "tests/unit/stack/bench.h"

namespace sallyport::stack {
namespace {

struct Ringing {
    explicit Ringing(Bench& bench) : b(bench) {
        b.bind();
        invite = parse(b.invite("sip:+442055501@sip.example.net", secure_sdp("198.51.100.10", 5004, "A")));
        b.receive(b.pbx_flow(), invite.text());
        to_core = b.find("INVITE");
    }
    void ring(std::string_view tag = "bob") {
        b.receive(b.core_flow(), b.answer(to_core, 180, tag, "<sip:192.0.2.20:5060>"));
        b.next("180");
    }
    void pick_up(std::string_view tag = "bob") {
        b.receive(b.core_flow(), b.answer(to_core, 200, tag, "<sip:192.0.2.20:5060>", plain_sdp("192.0.2.21", 6000)));
    }
    void cancel() {
        auto c = sip::Composer::request("CANCEL", invite.request_uri());
        c.add("Via", invite.values(sip::HeaderName::via).front())
            .add("Max-Forwards", "70")
            .copy(invite, sip::HeaderName::from)
            .copy(invite, sip::HeaderName::to)
            .copy(invite, sip::HeaderName::call_id)
            .add("CSeq", "1 CANCEL")
            .add("Reason", "SIP;cause=200;text=\"Call completed elsewhere\"");
        b.receive(b.pbx_flow(), c.finish());
    }
    std::string ack_failure(const sip::Message& response) const {
        auto c = sip::Composer::request("ACK", invite.request_uri());
        c.add("Via", invite.values(sip::HeaderName::via).front())
            .copy(invite, sip::HeaderName::from)
            .copy(response, sip::HeaderName::to)
            .copy(invite, sip::HeaderName::call_id)
            .add("CSeq", "1 ACK");
        return c.finish();
    }
    Bench& b;
    sip::Message invite, to_core;
};

void check_nothing_left(Bench& b) {
    b.run_for(200s);
    CHECK(b.stack.alive().calls == 0);
    CHECK(b.stack.alive().transactions == 0);
    CHECK(b.stack.alive().timers == 0);
    CHECK(b.shared.gauges.calls(policy::trunk_gauge("acme")) == 0);
    CHECK(b.records.size() == 1);
    const auto allocated = std::count_if(b.media.begin(), b.media.end(),
                                         [](const auto& c) { return c.verb == b2bua::MediaVerb::allocate; });
    const auto released = std::count_if(b.media.begin(), b.media.end(),
                                        [](const auto& c) { return c.verb == b2bua::MediaVerb::release; });
    CHECK(allocated == released);
}

}  // namespace

TEST_CASE("CANCEL while it rings: 487 up, CANCEL with its reason down, nothing left") {
    Bench b;
    Ringing call(b);
    call.ring();
    call.cancel();
    CHECK(b.next("200").method() == sip::Method::cancel);
    const auto terminated = b.next("487");
    const auto cancel = b.next("CANCEL");
    CHECK(cancel.first(sip::HeaderName::reason) == "SIP;cause=200");
    b.receive(b.pbx_flow(), call.ack_failure(terminated));
    b.receive(b.core_flow(), b.answer(cancel, 200, "bob", {}));
    b.receive(b.core_flow(), b.answer(call.to_core, 487, "bob", {}));
    b.next("ACK");
    CHECK(b.silent());
    CHECK(b.records.at(0).status == 487);
    check_nothing_left(b);
}

TEST_CASE("CANCEL crosses the 200: leg B is acknowledged and ended, the caller has its 487") {
    Bench b;
    Ringing call(b);
    call.ring();
    call.cancel();
    b.receive(b.pbx_flow(), call.ack_failure(b.find("487")));
    b.next("CANCEL");
    call.pick_up();
    const auto ack = b.next("ACK");
    CHECK(ack.to_tag() == "bob");
    const auto bye = b.next("BYE");
    CHECK(bye.cseq().number > ack.cseq().number);
    b.receive(b.core_flow(), b.answer(bye, 200, {}, {}));
    call.pick_up();  // retransmitted: the ACK was lost
    CHECK(b.next("ACK").text() == ack.text());
    check_nothing_left(b);
}

TEST_CASE("CANCEL before any answer of the callee is held back until one comes") {
    Bench b;
    Ringing call(b);
    call.cancel();
    b.receive(b.pbx_flow(), call.ack_failure(b.find("487")));
    CHECK(b.silent());
    b.receive(b.core_flow(), b.answer(call.to_core, 100, {}, {}));
    const auto cancel = b.next("CANCEL");
    b.receive(b.core_flow(), b.answer(cancel, 200, {}, {}));
    b.receive(b.core_flow(), b.answer(call.to_core, 487, "bob", {}));
    b.next("ACK");
    check_nothing_left(b);
}

TEST_CASE("CANCEL while the route and the ports are awaited ends the call before it began") {
    Bench b;
    b.auto_media = false;
    b.bind();
    const auto invite = parse(b.invite("sip:+442055501@sip.example.net", secure_sdp("198.51.100.10", 5004, "A")));
    b.receive(b.pbx_flow(), invite.text());
    b.next("100");
    auto c = sip::Composer::request("CANCEL", invite.request_uri());
    c.add("Via", invite.values(sip::HeaderName::via).front()).copy(invite, sip::HeaderName::from);
    c.copy(invite, sip::HeaderName::to).copy(invite, sip::HeaderName::call_id).add("CSeq", "1 CANCEL");
    b.receive(b.pbx_flow(), c.finish());
    b.find("487");
    b.auto_media = true;
    b.answer_media();
    CHECK(b.silent());
    b.run_for(64s);
    CHECK(b.records.size() == 1);
    CHECK(b.stack.alive().calls == 0);
}

TEST_CASE("The 200 is repeated on TLS too until the ACK comes, at T1 doubling to T2") {
    Bench b;
    Ringing call(b);
    call.pick_up();
    b.next("ACK");
    const auto ok = b.next("200");
    b.run_for(499ms);
    CHECK(b.silent());
    b.run_for(1ms);
    CHECK(b.next("200").text() == ok.text());
    b.run_for(1s);
    b.next("200");
    b.run_for(2s);
    b.next("200");
    b.run_for(4s);
    b.next("200");
    b.run_for(4s);
    b.next("200");
    b.receive(b.pbx_flow(), Bench::ack(call.invite, ok, b.pbx_flow()));
    b.run_for(30s);
    CHECK(b.silent());
    CHECK(b.stack.alive().calls == 1);
}

TEST_CASE("No ACK in 64*T1: both legs get a BYE") {
    Bench b;
    Ringing call(b);
    call.pick_up();
    b.run_for(33s);
    std::size_t byes = 0;
    while (!b.silent())
        if (b.next().method_text() == "BYE") ++byes;
    CHECK(byes >= 2);
    CHECK(b.records.at(0).reason == "no ACK for the 2xx");
    check_nothing_left(b);
}

TEST_CASE("Two forks answer: the second is acknowledged and ended [RFC 3261 13.2.2.4]") {
    Bench b;
    Ringing call(b);
    call.pick_up("bob");
    b.next("ACK");
    b.next("200");
    call.pick_up("bert");
    const auto ack = b.next("ACK");
    CHECK(ack.to_tag() == "bert");
    CHECK(b.next("BYE").to_tag() == "bert");
    CHECK(b.silent());
    CHECK(b.stack.alive().calls == 1);
}

TEST_CASE("Two forks answer an INVITE without an offer: only the second is ended, though the first repeats its 200") {
    Bench b;
    b.bind();
    const auto invite = parse(b.invite("sip:+442055501@sip.example.net", {}));
    b.receive(b.pbx_flow(), invite.text());
    const auto to_core = b.find("INVITE");
    const auto pick_up = [&](std::string_view tag) {
        b.receive(b.core_flow(), b.answer(to_core, 200, tag, "<sip:192.0.2.20:5060>", plain_sdp("192.0.2.21", 6000)));
    };
    pick_up("bob");
    const auto ok = b.next("200");
    for (const std::string_view other : {"bert", "berta"}) {
        pick_up(other);
        const auto refused = b.next("ACK");
        CHECK(refused.to_tag() == other);
        CHECK(stream(refused.body()).rejected);
        const auto bye = b.next("BYE");
        CHECK(bye.to_tag() == other);
        b.receive(b.core_flow(), b.answer(bye, 200, {}, {}));
        pick_up("bob");
        CHECK(b.silent());
    }
    b.receive(b.pbx_flow(), Bench::ack(invite, ok, b.pbx_flow(), secure_sdp("198.51.100.10", 5004, "A")));
    const auto ack = b.next("ACK");
    CHECK(ack.to_tag() == "bob");
    CHECK_FALSE(ack.body().empty());
    pick_up("bob");
    CHECK(b.next("ACK").text() == ack.text());
    pick_up("bert");
    CHECK(b.next("ACK").to_tag() == "bert");
    CHECK(b.silent());
    CHECK(b.stack.alive().calls == 1);
}

TEST_CASE("Two forks ring with different media: two early dialogs for the caller, each with its own answer") {
    Bench b;
    Ringing call(b);
    b.receive(b.core_flow(), b.answer(call.to_core, 183, "bob", "<sip:192.0.2.20>", plain_sdp("192.0.2.21", 6000)));
    const auto first = b.next("183");
    b.receive(b.core_flow(), b.answer(call.to_core, 183, "bert", "<sip:192.0.2.20>", plain_sdp("192.0.2.22", 7000)));
    const auto second = b.next("183");
    CHECK(first.to_tag() != second.to_tag());
    CHECK(b.media.back().legs.at(1).remote == endpoint("192.0.2.22:7000"));
    call.pick_up("bob");
    b.next("ACK");
    const auto ok = b.next("200");
    CHECK(ok.to_tag() == first.to_tag());
    CHECK(ok.body() == first.body());  // the same answer, down to its version and key
    CHECK(b.media.back().legs.at(1).remote == endpoint("192.0.2.21:6000"));
}

TEST_CASE("BYE crosses BYE: both are answered 200") {
    Bench b;
    PbxCall call(b);
    b.receive(b.pbx_flow(), call.from_pbx("BYE"));
    b.next("200");
    const auto bye = b.next("BYE");
    b.receive(b.core_flow(), call.from_core("BYE"));
    CHECK(b.next("200").method() == sip::Method::bye);
    b.receive(b.core_flow(), b.answer(bye, 200, {}, {}));
    CHECK(b.stack.alive().calls == 0);
    check_nothing_left(b);
}

TEST_CASE("The caller ends an early dialog with BYE: 487 for its INVITE, CANCEL for the callee") {
    Bench b;
    Ringing call(b);
    b.receive(b.core_flow(), b.answer(call.to_core, 180, "bob", "<sip:192.0.2.20:5060>"));
    auto caller = dialog::Dialog::as_uac(call.invite, b.next("180"), b.pbx_flow(), {});
    b.receive(b.pbx_flow(), caller.request("BYE", "SIP/2.0/TLS 198.51.100.10;branch=z9hG4bKearly").finish());
    b.next("200");
    b.receive(b.pbx_flow(), call.ack_failure(b.next("487")));
    const auto cancel = b.next("CANCEL");
    b.receive(b.core_flow(), b.answer(cancel, 200, "bob", {}));
    b.receive(b.core_flow(), b.answer(call.to_core, 487, "bob", {}));
    check_nothing_left(b);
}

TEST_CASE("The callee hangs up before the caller has acknowledged: the BYE waits for the ACK [RFC 3261 15]") {
    Bench b;
    Ringing call(b);
    call.pick_up();
    b.next("ACK");
    const auto ok = b.next("200");
    auto callee = dialog::Dialog::as_uas(call.to_core, b.core_flow(), "bob");
    b.receive(b.core_flow(), callee.request("BYE", "SIP/2.0/UDP 192.0.2.20;branch=z9hG4bKsoon").finish());
    b.next("200");
    CHECK(b.silent());
    b.receive(b.pbx_flow(), Bench::ack(call.invite, ok, b.pbx_flow()));
    const auto bye = b.next("BYE");
    b.receive(b.pbx_flow(), b.answer(bye, 200, {}, {}));
    check_nothing_left(b);
}

TEST_CASE("The callee hangs up before the caller could be told of its 200: 480, which is also what the record says") {
    Bench b;
    Ringing call(b);
    b.auto_media = false;
    call.pick_up();
    b.next("ACK");
    auto callee = dialog::Dialog::as_uas(call.to_core, b.core_flow(), "bob");
    b.receive(b.core_flow(), callee.request("BYE", "SIP/2.0/UDP 192.0.2.20;branch=z9hG4bKsoon").finish());
    b.next("200");
    const auto refusal = b.next("480");
    b.receive(b.pbx_flow(), call.ack_failure(refusal));
    b.auto_media = true;
    b.answer_media();
    check_nothing_left(b);
    CHECK(b.records.at(0).status == 480);
    CHECK(b.records.at(0).ended_by == "callee");
    CHECK(b.stack.statistics().calls_failed.read() == 1);
}

TEST_CASE("A callee that rings for ever is cancelled after timer C") {
    Bench b;
    Ringing call(b);
    call.ring();
    b.run_for(179s);
    CHECK(b.silent());
    b.run_for(2s);
    b.receive(b.pbx_flow(), call.ack_failure(b.next("480")));
    b.next("CANCEL");
    check_nothing_left(b);
}

TEST_CASE("The PBX's connection breaks in a call: the BYE goes over the one it registered with since") {
    Bench b;
    PbxCall call(b);
    b.give(FlowClosed{b.pbx_flow(7), "reset"});
    b.bind(8);
    b.receive(b.core_flow(), call.from_core("BYE"));
    b.next("200");
    b.next("BYE");
    CHECK(b.last.flow.connection == 8);
}

// Everybody answers at once what the edge says; what reached the caller and the callee is counted.
struct Crossing {
    explicit Crossing(Bench& bench) : b(bench), call(bench) {
        call.ring();
        b.auto_media = false;
    }
    void settle() {
        while (!b.silent()) {
            const auto message = b.next();
            const bool at_caller = b.last.flow.transport == Transport::tls;
            at_caller ? caller_hears(message) : callee_hears(message);
        }
    }
    void caller_hears(const sip::Message& message) {
        if (message.is_request()) return;  // nothing but the callee's BYE, which is not sent here
        if (message.method() == sip::Method::cancel) return void(++cancels_answered);
        if (message.method() != sip::Method::invite) return;
        if (message.status() == 487) ++refused, b.receive(b.pbx_flow(), call.ack_failure(message));
        if (message.status() != 200) return;
        ++answered;
        ok = message;
        b.receive(b.pbx_flow(), Bench::ack(call.invite, message, b.pbx_flow()));
    }
    void callee_hears(const sip::Message& message) {
        if (!message.is_request()) return;
        if (message.method() == sip::Method::ack) ++acknowledged;
        if (message.method() == sip::Method::bye) ++byes;
        if (message.method() != sip::Method::ack) b.receive(b.core_flow(), b.answer(message, 200, "bob", {}));
    }
    void hang_up() {
        auto caller = dialog::Dialog::as_uac(call.invite, *ok, b.pbx_flow(), {});
        b.receive(b.pbx_flow(), caller.request("BYE", "SIP/2.0/TLS 198.51.100.10;branch=z9hG4bKbye").finish());
    }
    Bench& b;
    Ringing call;
    std::optional<sip::Message> ok;
    int answered = 0, refused = 0, cancels_answered = 0, acknowledged = 0, byes = 0;
};

TEST_CASE("CANCEL and 200 cross at every distance up to 200 ms, one of them wins and nothing is left [E-07]") {
    std::size_t won = 0, lost = 0;
    for (const auto media : {0, 1, 20, 150})
        for (int gap = -200; gap <= 200; ++gap) {
            INFO("CANCEL " << gap << " ms after the 200, the media plane answers after " << media << " ms");
            Bench b;
            Crossing crossing(b);
            // In milliseconds; of two at one moment the first goes first.
            std::vector<std::pair<int, std::function<void()>>> events{
                {200, [&] { crossing.call.pick_up(); }},
                {200 + media, [&] { b.auto_media = true, b.answer_media(); }},
                {200 + gap, [&] { crossing.call.cancel(); }}};
            std::stable_sort(events.begin(), events.end(), [](auto& x, auto& y) { return x.first < y.first; });
            int at = 0;
            for (auto& [when, what] : events) {
                b.run_for(std::chrono::milliseconds(when - at));
                at = when;
                what();
                crossing.settle();
            }
            b.run_for(1s);
            crossing.settle();
            CHECK(crossing.answered + crossing.refused == 1);
            CHECK(crossing.cancels_answered == 1);
            CHECK(crossing.acknowledged == 1);
            CHECK(crossing.byes == crossing.refused);
            CHECK(b.stack.alive().calls == static_cast<std::size_t>(crossing.answered));
            crossing.answered == 1 ? ++won : ++lost;
            if (crossing.ok) crossing.hang_up();
            crossing.settle();
            check_nothing_left(b);
            CHECK(b.records.at(0).status == (crossing.ok ? 200 : 487));
        }
    CHECK(won > 400);
    CHECK(lost > 800);
}

}  // namespace sallyport::stack
