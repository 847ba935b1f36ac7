// What a call keeps while it stands: counted in bytes of the heap, and not more than it needs.
#include <malloc.h>

#include <tuple>

#include "bench.h"

namespace sallyport::stack {
namespace {

std::size_t heap_bytes() { return mallinfo2().uordblks; }

// As carriers' calls are: SRTP on one leg, five codecs offered, a name and an identity.
std::string offer(std::uint16_t port) {
    std::string sdp = secure_sdp("198.51.100.10", port, "A");
    const std::string_view formats = " 8 0 101";
    sdp.replace(sdp.find(formats), formats.size(), " 9 8 0 18 101");
    return sdp + "a=rtpmap:9 G722/8000\r\na=rtpmap:18 G729/8000\r\na=fmtp:18 annexb=no\r\na=ptime:20\r\n";
}

void hold_calls(Bench& b, int from, int to) {
    for (int i = from; i < to; ++i) {
        const std::string call_id = "held-" + std::to_string(i) + "-2b1c8f6e4d@198.51.100.10";
        const auto invite = parse(b.invite("sip:+442055501@sip.example.net;user=phone",
                                           offer(static_cast<std::uint16_t>(5004 + i % 20000 * 2)), call_id, 1,
                                           "User-Agent: ExamplePBX 12.4.1\r\nSupported: 100rel, timer, replaces\r\n"));
        b.receive(b.pbx_flow(), invite.text());
        const auto to_core = b.find("INVITE");
        const std::string tag = "bob" + std::to_string(i);
        b.receive(b.core_flow(), b.answer(to_core, 183, tag, "<sip:192.0.2.20:5060>", plain_sdp("192.0.2.21", 6000)));
        b.receive(b.core_flow(), b.answer(to_core, 200, tag, "<sip:192.0.2.20:5060>", plain_sdp("192.0.2.21", 6000)));
        b.receive(b.pbx_flow(), Bench::ack(invite, b.find("200"), b.pbx_flow()));
        b.sent.clear();
        b.media.clear();
        b.facts.clear();
        b.checkpoints.clear();
    }
    b.run_for(65s);
    b.give(TimerDue{});
}

}  // namespace

TEST_CASE("a call that stands keeps a few kilobytes") {
    Bench b(Bench::default_trunk(), 1, 0, false);
    b.bind();
    hold_calls(b, 0, 500);  // what is made once
    const auto before = heap_bytes();
    hold_calls(b, 500, 2'500);
    CHECK(b.stack.alive().calls == 2'500);
    CHECK(b.stack.alive().transactions == 0);
    const auto each = (heap_bytes() - before) / 2'000;
    CHECK(each < 9'000);
}

TEST_CASE("a call that has rested goes on where it was: hold, the same offer again, BYE") {
    Bench b;
    PbxCall call(b);
    b.run_for(60s);  // beyond every transaction
    CHECK(b.stack.alive().transactions == 0);
    const auto was = described(call.ok.body()).origin.version;
    const auto exchange = [&](std::string_view direction, std::string_view answered) {
        const auto version = direction == "sendrecv" ? 1u : 2u;
        const auto asked =
            parse(call.from_pbx("INVITE", secure_sdp("198.51.100.10", 5004, "A", direction, 1, version)));
        b.receive(b.pbx_flow(), asked.text());
        const auto reinvite = b.find("INVITE");
        b.receive(b.core_flow(),
                  b.answer(reinvite, 200, "bob", "<sip:192.0.2.20:5060>", plain_sdp("192.0.2.21", 6000, answered)));
        const auto ok = b.find("200");
        b.receive(b.pbx_flow(), Bench::ack(asked, ok, b.pbx_flow()));
        b.run_for(60s);
        return std::pair(described(reinvite.body()), described(ok.body()));
    };
    const auto told_core = described(call.to_core.body());
    // What nobody has changed is told as before, down to the version (RFC 3264 8), and the keys stay.
    auto [to_core, to_pbx] = exchange("sendrecv", "sendrecv");
    CHECK(to_core == told_core);
    CHECK(to_pbx == described(call.ok.body()));
    std::tie(to_core, to_pbx) = exchange("sendonly", "recvonly");
    CHECK(sdp::view_stream(to_core, 0).direction == sdp::Direction::sendonly);
    CHECK(std::stoull(to_pbx.origin.version) == std::stoull(was) + 1);
    call.hang_up();
    b.run_for(60s);
    CHECK(b.stack.alive().calls == 0);
    CHECK(b.stack.alive().transactions == 0);
    REQUIRE(b.records.size() == 1);
    CHECK(b.records[0].codecs == std::vector<std::string>{"PCMA/8000", "PCMU/8000", "telephone-event/8000"});
}

TEST_CASE(
    "a call that the second of two forks has answered keeps its dialog while it rests, and nothing beyond its end") {
    Bench b;
    b.bind();
    const auto invite =
        parse(b.invite("sip:+442055501@sip.example.net;user=phone", secure_sdp("198.51.100.10", 5004, "A")));
    b.receive(b.pbx_flow(), invite.text());
    const auto to_core = b.find("INVITE");
    for (const auto* tag : {"bob", "bill"})
        b.receive(b.core_flow(), b.answer(to_core, 180, tag, "<sip:192.0.2.20:5060>"));
    const auto first = b.find("180"), second = b.find("180");
    b.receive(b.core_flow(), b.answer(to_core, 200, "bill", "<sip:192.0.2.20:5060>", plain_sdp("192.0.2.21", 6000)));
    const auto ok = b.find("200");
    REQUIRE(ok.to_tag() == second.to_tag());
    REQUIRE(ok.to_tag() != first.to_tag());
    b.receive(b.pbx_flow(), Bench::ack(invite, ok, b.pbx_flow()));
    b.run_for(60s);
    b.sent.clear();
    const auto hang_up = [&](const sip::Message& dialog) {
        auto pbx = dialog::Dialog::as_uac(invite, dialog, b.pbx_flow(), {});
        b.receive(b.pbx_flow(),
                  pbx.request("BYE", "SIP/2.0/TLS 198.51.100.10:5061;branch=z9hG4bKbye" + std::string(dialog.to_tag()))
                      .finish());
        return b.next().status();
    };
    CHECK(hang_up(first) == 481);
    CHECK(hang_up(second) == 200);
    b.receive(b.core_flow(), b.answer(b.next("BYE"), 200, {}, {}));
    b.run_for(60s);
    CHECK(b.stack.alive().calls == 0);
    CHECK(hang_up(second) == 481);
}

}  // namespace sallyport::stack
