// The SRTP keys of both legs: which line is taken, which key of ours goes with it, what the media plane is told of it.
#include "bridge_bench.h"

namespace sallyport::b2bua {

TEST_CASE("What a peer says of its key is said to the media plane, and nothing of it of ours [E-20] [SC-14.4-08]") {
    auto b = bridge(true, true);
    SeededRandom random(1);
    const std::string offer = sdp_text("m=audio 5004 RTP/SAVP 8\r\n" + crypto(key_a, "|2^20|1066:4", 7));
    REQUIRE(b.hear_offer(Side::a, offer).has_value());
    REQUIRE(b.speak_offer(Side::b, ports(), random).has_value());
    REQUIRE(b.hear_answer(Side::b, sdp_text("m=audio 6000 RTP/SAVP 8\r\n" + crypto(key_b, "|2:1"), "192.0.2.9"))
                .has_value());
    const auto answer = b.speak_answer(Side::a, ports(), random);
    REQUIRE(answer.has_value());
    const auto ours = view(*answer).crypto.at(0);
    CHECK(ours.tag == 7);
    CHECK(ours.lifetime.empty());
    CHECK(ours.mki.empty());
    const auto legs = b.media_legs();
    CHECK(legs.at(0).keys->receive_mki == Bytes{0, 0, 4, 42});
    CHECK(legs.at(0).keys->receive_lifetime == 1'048'576);
    CHECK(legs.at(1).keys->receive_mki == Bytes{2});
    CHECK(legs.at(1).keys->receive_lifetime == 0);

    auto older = bridge(true, false);
    older.set_profile(Side::a, {.srtp = true, .family = Family::v4, .takes_mki = false});
    CHECK(refusal(older, offer) == BridgeErrc::no_usable_key);  // the media plane would make noise of it
}

TEST_CASE("New keys are offered where they are asked for, though nothing else is new [E-20]") {
    auto b = bridge(true, false);
    SeededRandom random(1);
    REQUIRE(b.hear_offer(Side::a, sdp_text("m=audio 5004 RTP/SAVP 8\r\n" + crypto(key_a))).has_value());
    REQUIRE(b.speak_offer(Side::b, ports(), random).has_value());
    REQUIRE(b.hear_answer(Side::b, sdp_text("m=audio 6000 RTP/AVP 8\r\n", "192.0.2.9")).has_value());
    const auto answer = b.speak_answer(Side::a, ports(), random);
    REQUIRE(answer.has_value());
    b.at(Side::b).changed = false;
    b.renew_keys(Side::a);
    const auto offer = b.speak_offer(Side::a, ports(), random);
    REQUIRE(offer.has_value());
    CHECK(view(*offer).crypto.at(0).key != view(*answer).crypto.at(0).key);
}

TEST_CASE("The chosen crypto line is echoed by tag and suite with a key of our own [SC-14.4-05]") {
    auto b = bridge(true, true);
    SeededRandom random(1);
    const std::string offer =
        sdp_text("m=audio 5004 RTP/SAVP 8\r\n" + crypto(key_a, "|1:4", 3) + crypto(key_a, "|2^31", 7));
    REQUIRE(b.hear_offer(Side::a, offer).has_value());
    const auto to_b = b.speak_offer(Side::b, ports(), random);
    REQUIRE(to_b.has_value());
    const auto offered = view(*to_b).crypto;
    REQUIRE(offered.size() == 1);
    CHECK(offered[0].suite == default_suite);
    REQUIRE(b.hear_answer(Side::b, sdp_text("m=audio 6000 RTP/SAVP 8\r\n" + crypto(key_b), "192.0.2.9")).has_value());
    const auto to_a = b.speak_answer(Side::a, ports(), random);
    REQUIRE(to_a.has_value());
    const auto answered = view(*to_a).crypto;
    REQUIRE(answered.size() == 1);
    CHECK(answered[0].tag == 7);
    CHECK(answered[0].key != offered[0].key);
    CHECK(to_a->find(key_b) == std::string::npos);
    CHECK(to_b->find(key_a) == std::string::npos);
    const auto legs = b.media_legs();
    REQUIRE(legs.size() == 2);
    CHECK(legs[0].keys->send == answered[0].key);
    CHECK(legs[1].keys->send == offered[0].key);
    CHECK(legs[0].keys->receive != legs[1].keys->receive);
    CHECK(b.codecs() == std::vector<std::string>{"PCMA/8000"});
}

TEST_CASE("After an answer with another suite an offer has the suite that everybody has, and a new key [SC-14.4-04]") {
    SeededRandom random(1);
    auto b = bridge(true, false);
    const std::string gcm = "AEAD_AES_256_GCM";
    REQUIRE(b.hear_offer(Side::a,
                         sdp_text("m=audio 5004 RTP/SAVP 8\r\n" +
                                  crypto("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=", "", 4, gcm)))
                .has_value());
    REQUIRE(b.speak_offer(Side::b, ports(), random).has_value());
    REQUIRE(b.hear_answer(Side::b, sdp_text("m=audio 6000 RTP/AVP 8\r\n", "192.0.2.9")).has_value());
    const auto answer = b.speak_answer(Side::a, ports(), random);
    REQUIRE(answer.has_value());
    CHECK(view(*answer).crypto.at(0).suite == gcm);
    REQUIRE(b.hear_offer(Side::b, sdp_text("m=audio 6000 RTP/AVP 8\r\n", "192.0.2.9")).has_value());
    const auto offer = b.speak_offer(Side::a, ports(), random);
    REQUIRE(offer.has_value());
    CHECK(view(*offer).crypto.at(0).suite == "AES_CM_128_HMAC_SHA1_80");
    CHECK(view(*offer).crypto.at(0).key != view(*answer).crypto.at(0).key);
}

}  // namespace sallyport::b2bua
