// Kilobits by hand: RFC 3551 payload, 12 bytes of RTP, 8 of UDP, 20 or 40 of IP, 10 of an SRTP tag.
#include "signaling/policy/bandwidth.h"

#include <catch2/catch.hpp>

#include "signaling/policy/engine.h"

namespace sallyport::policy {
namespace {

config::Trunk trunk(config::SrtpPolicy srtp = config::SrtpPolicy::off) {
    config::Trunk t;
    t.media.srtp = srtp;
    return t;
}
std::string offer(std::string_view media, std::string_view attributes = "",
                  std::string_view address = "IP4 192.0.2.1") {
    return "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN " + std::string(address) + "\r\nt=0 0\r\n" +
           std::string(media) + "\r\n" + std::string(attributes);
}

}  // namespace

TEST_CASE("A call takes what the greatest codec of its offer does, at its ptime, headers included") {
    CHECK(offered_kbps(offer("m=audio 5004 RTP/AVP 8 0 101", "a=rtpmap:101 telephone-event/8000\r\n"), trunk()) == 80);
    CHECK(offered_kbps(offer("m=audio 5004 RTP/AVP 18"), trunk()) == 24);  // 8 + 16
    CHECK(offered_kbps(offer("m=audio 5004 RTP/AVP 18 8"), trunk()) == 80);
    CHECK(offered_kbps(offer("m=audio 5004 RTP/AVP 8", "a=ptime:10\r\n"), trunk()) == 96);
    CHECK(offered_kbps(offer("m=audio 5004 RTP/AVP 8", "a=ptime:30\r\n"), trunk()) == 75);  // 64 + 10.66
    CHECK(offered_kbps(offer("m=audio 5004 RTP/AVP 4"), trunk()) == 18);                    // 6.4 + 10.66 at 30 ms
    CHECK(offered_kbps(offer("m=audio 5004 RTP/AVP 96", "a=rtpmap:96 AMR-WB/16000\r\n"), trunk()) == 40);
    const auto of = [](std::string_view encoding) {
        return offered_kbps(offer("m=audio 5004 RTP/AVP 96", "a=rtpmap:96 " + std::string(encoding) + "\r\n"), trunk());
    };
    CHECK(of("something/8000") == 80);
    CHECK(of("something/48000/2") == 768 + 16);  // as G.711 at that clock
    CHECK(of("PCMU/16000/2") == 256 + 16);
    CHECK(of("opus/48000/2") == 510 + 16);
    CHECK(of("EVS/16000") == 128 + 16);
    CHECK(of("L16/8000") == 128 + 16);
    CHECK(of("DVI4/16000") == 64 + 16);
    CHECK(of("L16/4294967295/255") > 1'000'000);                            // nonsense is a lot, and no little
    CHECK(offered_kbps(offer("m=audio 5004 RTP/AVP 11"), trunk()) == 722);  // 44100 * 16 and headers
}

TEST_CASE("SRTP adds its tag, IPv6 its larger header, a trunk's codecs what they let through") {
    const auto secure = config::SrtpPolicy::required;
    CHECK(offered_kbps(offer("m=audio 5004 RTP/SAVP 8"), trunk(secure)) == 84);
    CHECK(offered_kbps(offer("m=audio 5004 RTP/AVP 8", "", "IP6 2001:db8::1"), trunk()) == 88);
    auto t = trunk();
    t.network.family = Family::v6;
    CHECK(offered_kbps(offer("m=audio 5004 RTP/AVP 8"), t) == 88);
    t = trunk();
    t.media.codecs = {"g729"};
    CHECK(offered_kbps(offer("m=audio 5004 RTP/AVP 8 18"), t) == 24);
    CHECK(offered_kbps(offer("m=audio 5004 RTP/AVP 8"), t) == 0);  // will be refused for it
}

TEST_CASE("Streams add up; what is refused, absent or nonsense counts as it can") {
    const auto two = offer("m=audio 5004 RTP/AVP 8\r\nm=video 5006 RTP/AVP 31\r\nb=AS:384\r\nm=audio 0 RTP/AVP 0");
    CHECK(offered_kbps(two, trunk()) == 80 + 384);
    CHECK(offered_kbps(offer("m=video 5006 RTP/AVP 31"), trunk()) == 512);
    for (const auto* little : {"b=AS:0\r\n", "b=AS:1\r\n", "b=AS:255\r\n"})
        CHECK(offered_kbps(offer("m=video 5006 RTP/AVP 31", little), trunk()) == 256);
    CHECK(offered_kbps(offer("m=video 5006 RTP/AVP 31", "b=AS:x\r\n"), trunk()) == 512);
    CHECK(offered_kbps(offer("m=image 5006 udptl t38"), trunk()) == 80);
    CHECK(offered_kbps("", trunk()) == 80);  // offered later
    CHECK(offered_kbps("garbage", trunk()) == 80);
    for (const auto* ptime : {"a=ptime:0\r\n", "a=ptime:x\r\n", "a=ptime:99999\r\n", "a=ptime\r\n"})
        CHECK(offered_kbps(offer("m=audio 5004 RTP/AVP 8", ptime), trunk()) == 80);
}

TEST_CASE(
    "A later offer is judged by what it takes more, but never of an emergency or where nothing was measured at first") {
    config::Snapshot snapshot;
    config::Trunk acme = trunk();
    acme.id = "acme";
    acme.limits.bandwidth_kbps = 100;
    acme.limits.cost_per_day = 1;
    snapshot.trunks.emplace("acme", acme);
    const TimePoint now{std::chrono::seconds(1'800'000'000)};
    const std::string gauge = trunk_gauge("acme"), narrow = offer("m=audio 5004 RTP/AVP 18"),
                      wide = offer("m=audio 5004 RTP/AVP 8\r\nm=video 5006 RTP/AVP 31\r\nb=AS:0");
    const auto ask = [&](Admitted call, const std::string& description) {
        CallGauges gauges;
        gauges.hold(call.holding);
        const auto why = decide_offer(snapshot, description, now, call, gauges);
        const auto held = gauges.use(gauge);
        CHECK(held.calls == 1);
        CHECK(held.kbps == call.holding.kbps);
        gauges.release(call.holding);
        CHECK(gauges.use(gauge).kbps == 0);
        return std::pair(why.value_or(""), held.kbps);
    };
    Admitted call{.trunk = "acme", .holding = {{gauge}, 24, 5}};  // its price is no reason: it is let in already
    using Answer = std::pair<std::string, std::uint64_t>;
    CHECK(ask(call, narrow) == Answer("", 24));
    CHECK(ask(call, offer("m=audio 5004 RTP/AVP 8")) == Answer("", 80));
    CHECK(ask(call, wide) == Answer("trunk acme has no 336 of its 100 kbit/s left", 24));
    call.emergency = true;
    CHECK(ask(call, wide) == Answer("", 336));
    call.emergency = false;
    call.holding.kbps = 0;
    CHECK(ask(call, wide) == Answer("", 0));
}

}  // namespace sallyport::policy
