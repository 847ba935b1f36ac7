// What a call keeps while it stands: counted in bytes of the heap, and not more than it needs.
#include <malloc.h>

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
        const auto invite =
            parse(b.invite("sip:+442055501@sip.example.net;user=phone",
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

}  // namespace sallyport::stack
