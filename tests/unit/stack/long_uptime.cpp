// What only a long life shows: calls that are changed ten thousand times, and a node that has been up for 200 days, so
// that 32 bits of milliseconds have gone round four times (PJSIP fa326c605, fcf0834e4).
#include <malloc.h>

#include "tests/unit/stack/digest_client.h"

namespace sallyport::stack {
namespace {

constexpr Duration day = 24h;

void forget(Bench& b) { b.sent.clear(), b.media.clear(), b.facts.clear(), b.checkpoints.clear(), b.questions.clear(); }

std::string registration(std::uint32_t cseq, std::string_view extra = {}) {
    auto c = sip::Composer::request("REGISTER", "sip:sip.example.net");
    c.add("Via", "SIP/2.0/TLS 198.51.100.10:5061;branch=z9hG4bKreg" + std::to_string(cseq))
        .add("Max-Forwards", "70")
        .add("From", "<sip:acme@sip.example.net>;tag=r")
        .add("To", "<sip:acme@sip.example.net>")
        .add("Call-ID", "reg@pbx")
        .add("CSeq", std::to_string(cseq) + " REGISTER")
        .add("Contact", "<sip:198.51.100.10:5061;bnc>")
        .add("Expires", "3600")
        .add("Require", "gin")
        .add("Proxy-Require", "gin")
        .add("Supported", "path");
    return Bench::with(c.finish(), extra);
}
std::string authorized(const sip::Message& challenge, std::uint32_t cseq) {
    return registration(cseq, "Authorization: " +
                                  credentials(challenge, sip::HeaderName::www_authenticate, "REGISTER",
                                              "sip:sip.example.net", "secret") +
                                  "\r\n");
}

}  // namespace

TEST_CASE("Ten thousand re-INVITEs in one call leave it as large as it was (PJSIP fcf0834e4) [reliability 29]") {
    Bench b;
    PbxCall call(b);
    std::uint32_t version = 1;
    const auto change = [&](int times) {
        for (int i = 0; i < times; ++i) {
            const bool hold = i % 2 == 0;
            const char* key = i % 4 < 2 ? "A" : "C";  // SRTP is negotiated anew as well
            const auto asked = parse(call.from_pbx(
                "INVITE", secure_sdp("198.51.100.10", 5004, key, hold ? "sendonly" : "sendrecv", 1, ++version)));
            b.receive(b.pbx_flow(), asked.text());
            const auto reinvite = b.find("INVITE");
            b.receive(b.core_flow(), b.answer(reinvite, 200, {}, "<sip:192.0.2.20:5060>",
                                              plain_sdp("192.0.2.21", 6000, hold ? "recvonly" : "sendrecv", version)));
            const auto ok = b.find("200");
            b.receive(b.pbx_flow(), Bench::ack(asked, ok, b.pbx_flow()));
            b.run_for(500ms);
            CHECK(b.stack.alive().transactions <= 300);
            CHECK(b.stack.alive().timers <= 700);
            forget(b);
        }
        b.run_for(65s);
        forget(b);
        b.give(TimerDue{});
        CHECK(b.stack.alive().transactions == 0);
    };
    change(1'000);
    const auto heap = mallinfo2().uordblks;
    const auto timers = b.stack.alive().timers;
    const auto ladder = b.stack.call(call.to_core.call_id())->ladder.size();
    change(9'000);
    CHECK(mallinfo2().uordblks < heap + (16u << 10));
    CHECK(b.stack.alive().timers == timers);
    CHECK(b.stack.call(call.to_core.call_id())->ladder.size() < ladder + 1'000);
    CHECK(b.stack.alive().calls == 1);
    call.hang_up();
    b.run_for(65s);
    CHECK(b.stack.alive().calls == 0);
    CHECK(b.stack.alive().timers <= 2);  // the bindings', the probes'
}

TEST_CASE(
    "After 200 days timers, nonces and bindings end when they should, as on the first day (PJSIP fa326c605) "
    "[reliability 29]") {
    Bench b;
    PbxCall standing(b);  // all the time
    b.shared.locations.remove_trunk("acme");
    const TimePoint start = b.now;
    std::uint32_t cseq = 0;
    int calls = 0;
    for (const Duration uptime : {Duration(0s), Duration(2'147'483'647ms), Duration(4'294'967'295ms), 100 * day,
                                  Duration(8'589'934'591ms), 200 * day}) {
        INFO("up for " << uptime / 1h << " hours");
        b.run_for(start + uptime - 100s - b.now);  // just before, so that all of this is on both sides of it
        forget(b);
        // A nonce lives 300 s, and a binding as long as it was granted.
        b.receive(b.pbx_flow(), registration(++cseq));
        const auto challenge = b.find("401");
        b.run_for(299s);
        b.receive(b.pbx_flow(), authorized(challenge, ++cseq));
        b.find("200");
        REQUIRE(b.shared.locations.of("acme").size() == 1);
        CHECK(b.shared.locations.of("acme").front().expires_at == b.now + 3600s);
        b.run_for(2s);
        b.receive(b.pbx_flow(), authorized(challenge, ++cseq));
        CHECK(sip::parse_challenge(b.find("401").values(sip::HeaderName::www_authenticate).front())->stale);
        // A 200 that nobody acknowledges is repeated at T1, doubling, and given up after 64*T1.
        const auto invite = parse(b.invite("sip:+442055501@sip.example.net", secure_sdp("198.51.100.10", 5004, "A"),
                                           "up" + std::to_string(++calls) + "@p"));
        b.receive(b.pbx_flow(), invite.text());
        const auto to_core = b.find("INVITE");
        b.receive(b.core_flow(), b.answer(to_core, 200, "bob", "<sip:192.0.2.20:5060>", plain_sdp("192.0.2.21", 6000)));
        b.find("200");
        CHECK(b.silent());
        b.run_for(499ms);
        CHECK(b.silent());
        b.run_for(1ms);
        b.next("200");
        b.run_for(31s);
        b.sent.clear();
        b.run_for(1s);
        b.find("BYE");
        b.sent.clear();
        b.run_for(65s);
        CHECK(b.stack.alive().calls == 1);
        CHECK(b.stack.alive().transactions == 0);
        // The binding ends to the second.
        b.run_for(3600s - 2s - 97s - 500ms - 500ms - 1s);
        CHECK(b.shared.locations.of("acme").size() == 1);
        b.run_for(2s);
        CHECK(b.shared.locations.of("acme").empty());
    }
    CHECK(b.now > start + 200 * day);
    forget(b);
    const auto before = b.records.size();
    standing.hang_up();
    REQUIRE(b.records.size() == before + 1);
    CHECK(b.records.back().ended - b.records.back().answered == b.now - start);
    b.run_for(65s);
    CHECK(b.stack.alive().calls == 0);
    CHECK(b.stack.alive().transactions == 0);
}

TEST_CASE("Two hundred days of refreshes, by one PBX, leave the node as it was on the first [reliability 29]") {
    Bench b;
    std::uint32_t cseq = 0;
    const auto refresh = [&](Duration duration) {
        for (const TimePoint end = b.now + duration; b.now < end; b.run_for(1800s)) {
            b.receive(b.pbx_flow(), registration(++cseq));
            b.receive(b.pbx_flow(), authorized(b.find("401"), ++cseq));
            b.find("200");
            CHECK(b.shared.locations.size() == 1);
            forget(b);
        }
    };
    refresh(20 * day);
    const auto heap = mallinfo2().uordblks;
    const auto timers = b.stack.alive().timers;
    refresh(180 * day);
    CHECK(mallinfo2().uordblks < heap + (32u << 10));
    CHECK(b.stack.alive().timers == timers);
    CHECK(b.stack.statistics().registrations_ok.read() == 200 * 48);
}

}  // namespace sallyport::stack
