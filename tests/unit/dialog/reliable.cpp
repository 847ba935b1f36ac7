#include "signaling/dialog/reliable.h"

#include <catch2/catch.hpp>

#include "signaling/sip/parser.h"

namespace sallyport::dialog {
namespace {

using Response = ReliableSaid::Response;

sip::Message message(const std::string& start, const std::string& fields) {
    auto parsed = sip::Parser::parse(
        start + "\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKx\r\nFrom: <sip:a@b>;tag=1\r\n" +
        "To: <sip:c@d>\r\nCall-ID: x\r\nCSeq: 1 INVITE\r\nMax-Forwards: 70\r\n" + fields + "Content-Length: 0\r\n\r\n");
    REQUIRE(parsed.has_value());
    return std::move(*parsed);
}
sip::Message invite(const std::string& fields) { return message("INVITE sip:c@d SIP/2.0", fields); }
sip::Message ringing(const std::string& fields) { return message("SIP/2.0 180 Ringing", fields); }
sip::RAck rack(std::uint32_t rseq, std::uint32_t cseq = 1, sip::Method method = sip::Method::invite) {
    return {rseq, cseq, method};
}

TEST_CASE("Whether a caller takes responses that are to be acknowledged: RFC 3262 3") {
    CHECK(reliability_of(invite("")) == Reliability::none);
    CHECK(reliability_of(invite("Supported: timer, 100REL\r\n")) == Reliability::taken);
    CHECK(reliability_of(invite("Require: 100rel\r\nSupported: 100rel\r\n")) == Reliability::required);
}

TEST_CASE("A response is to be acknowledged where it requires that and has a number: RFC 3262 7.1") {
    CHECK(reliable_number(ringing("Require: 100rel\r\nRSeq: 4294967295\r\n")) == 4'294'967'295u);
    CHECK(reliable_number(ringing("RSeq: 7\r\n")) == 0);
    CHECK(reliable_number(ringing("Supported: 100rel\r\nRSeq: 7\r\n")) == 0);
    CHECK(reliable_number(ringing("Require: 100rel\r\n")) == 0);
    for (const auto* bad : {"-1", "4294967296", "x", "0", ""})
        CHECK(reliable_number(ringing(std::string("Require: 100rel\r\nRSeq: ") + bad + "\r\n")) == 0);
}

TEST_CASE("As UAC: any number first, then each the last and one: RFC 3262 4") {
    ReliableHeard heard;
    CHECK(heard.is_next(1'000));
    heard.take(1'000);
    CHECK_FALSE(heard.is_next(1'000));
    CHECK_FALSE(heard.is_next(999));
    CHECK_FALSE(heard.is_next(1'002));
    CHECK(heard.is_next(1'001));
}

TEST_CASE("As UAS: one at a time, each acknowledged by its own number, INVITE and method: RFC 3262 3") {
    ReliableSaid said;
    const TimePoint now{1'000s};
    CHECK(said.waiting() == nullptr);
    CHECK_FALSE(said.matches(rack(0), 1));
    CHECK(said.next_number(41) == 41);
    CHECK(said.next_number(7) == 42);
    CHECK(said.add({41, 180, "first", {}}, 500ms, now));
    CHECK_FALSE(said.add({42, 183, "second", "v=0"}, 500ms, now));
    REQUIRE(said.waiting() != nullptr);
    CHECK(said.waiting()->text == "first");
    CHECK_FALSE(said.matches(rack(42), 1));
    CHECK_FALSE(said.matches(rack(41, 2), 1));
    CHECK_FALSE(said.matches(rack(41, 1, sip::Method::bye), 1));
    CHECK(said.matches(rack(41), 1));
    const auto* next = said.acknowledge(500ms, now + 3s);
    REQUIRE(next != nullptr);
    CHECK(next->description == "v=0");
    CHECK(said.acknowledge(500ms, now + 4s) == nullptr);
    CHECK(said.waiting() == nullptr);
}

TEST_CASE("As UAS: again after T1, 2*T1, 4*T1 ..., given up 64*T1 after the first time") {
    ReliableSaid said;
    TimePoint now{1'000s};
    said.add({1, 180, "x", {}}, 500ms, now);
    std::vector<Duration> pauses;
    while (!said.is_given_up(now)) {
        pauses.push_back(said.next_pause(now));
        now += pauses.back();
    }
    CHECK(pauses == std::vector<Duration>{500ms, 1s, 2s, 4s, 8s, 16s, 500ms});
    CHECK(now == TimePoint{1'032s});
}

TEST_CASE("As UAS: after a final response nothing that waits for its turn is sent, and what was sent is acknowledged") {
    ReliableSaid said;
    const TimePoint now{1'000s};
    for (std::uint32_t i = 1; i <= 8; ++i) {
        CHECK(said.has_room());
        said.add({i, 180, "x", {}}, 500ms, now);
    }
    CHECK_FALSE(said.has_room());
    CHECK_FALSE(said.settle());
    CHECK(said.matches(rack(1), 1));
    said.add({9, 183, "x", "v=0"}, 500ms, now);
    CHECK(said.settle());
    CHECK(said.acknowledge(500ms, now) == nullptr);
    CHECK_FALSE(said.settle());
    CHECK(said.waiting() == nullptr);
    said.add({10, 183, "x", "v=0"}, 500ms, now);
    CHECK_FALSE(said.settle());  // it is on the wire
}

}  // namespace
}  // namespace sallyport::dialog
