// The offer/answer state between the legs: what is refused, which keys are made and kept, what the media plane is told.
#include <catch2/catch.hpp>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>

#include "bridge_bench.h"
#include "tests/support/testdata.h"

namespace sallyport::b2bua {

TEST_CASE("Offers a leg may not have are refused for what is wrong with them") {
    CHECK(refusal(bridge(true, false), sdp_text("m=audio 5004 RTP/AVP 8\r\n")) == BridgeErrc::srtp_required);
    CHECK(refusal(bridge(true, false), sdp_text("m=audio 5004 RTP/AVP 8\r\n" + crypto(key_a))) ==
          BridgeErrc::srtp_required);
    CHECK(refusal(bridge(false, false), sdp_text("m=audio 5004 RTP/SAVP 8\r\n" + crypto(key_a))) ==
          BridgeErrc::srtp_not_allowed);
    CHECK(refusal(bridge(true, false), sdp_text("m=audio 5004 RTP/SAVP 8\r\n")) == BridgeErrc::no_usable_key);
    for (const std::string_view behind : {"|1:4;inline:BBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBB|2:4", "|2^11", "|4095"})
        CHECK(refusal(bridge(true, false), sdp_text("m=audio 5004 RTP/SAVP 8\r\n" + crypto(key_a, behind))) ==
              BridgeErrc::no_usable_key);
    CHECK(refusal(bridge(true, false), sdp_text("m=audio 5004 RTP/SAVP 8\r\n" + crypto(key_a, " UNENCRYPTED_SRTP"))) ==
          BridgeErrc::no_usable_key);
    CHECK(refusal(bridge(true, false), sdp_text("m=audio 5004 RTP/SAVP 8\r\n" + crypto("AAAA"))) ==
          BridgeErrc::no_usable_key);
    for (const auto* address : {"224.0.0.1", "127.0.0.1", "169.254.1.1"})
        CHECK(refusal(bridge(false, false), sdp_text("m=audio 5004 RTP/AVP 8\r\n", address)) ==
              BridgeErrc::bad_address);
    CHECK(refusal(bridge(false, false),
                  "v=0\r\no=- 1 1 IN IP6 2001:db8::1\r\ns=-\r\nc=IN IP6 2001:db8::1\r\nt=0 0\r\nm=audio 5004 RTP/AVP "
                  "8\r\n") == BridgeErrc::wrong_family);  // [SC-15-10]
    CHECK(refusal(bridge(false, false),
                  "v=0\r\no=- 1 1 IN IP6 ::1\r\ns=-\r\nc=IN IP6 ::ffff:127.0.0.1\r\nt=0 0\r\nm=audio 5004 RTP/AVP "
                  "8\r\n") == BridgeErrc::bad_address);
    CHECK(refusal(bridge(false, false), sdp_text("m=image 5004 TCP t38\r\n")) == BridgeErrc::nothing_in_common);
    CHECK(refusal(bridge(true, false), sdp_text("m=image 5004 udptl t38\r\n")) == BridgeErrc::srtp_required);
    CHECK(refusal(bridge(false, false), "garbage") == BridgeErrc::not_sdp);
}

TEST_CASE(
    "A private media address: with NAT mode the source of the signalling stands in for it, without it is refused") {
    const IpAddress source = IpAddress::v4(198, 51, 100, 99);
    const auto heard = [&](MediaProfile profile, std::string_view address, std::string_view rtcp = "") {
        SdpBridge b = bridge(false, false);
        b.set_profile(Side::a, std::move(profile));
        const auto media = "m=audio 5004 RTP/AVP 8\r\n" + std::string(rtcp);
        const auto result = b.hear_offer(Side::a, sdp_text(media, address));
        if (result.has_error()) return std::string(to_string(result.error()));
        const auto leg = b.media_legs().at(0);
        return leg.remote->to_string() + " " + leg.remote_rtcp->to_string();
    };
    const MediaProfile on{false, {}, false, Family::v4, false, source, false, {}};
    const MediaProfile off{false, {}, false, Family::v4, false, {}, true, {}};
    const MediaProfile vpn{false, {}, false, Family::v4, false, {}, false, {}};
    for (const auto* address : {"10.0.0.1", "172.16.0.1", "172.31.255.1", "192.168.1.20", "100.64.0.1"}) {
        CHECK(heard(on, address) == "198.51.100.99:5004 198.51.100.99:5005");
        CHECK(heard(off, address) == to_string(BridgeErrc::private_address));
        CHECK(heard(vpn, address) == std::string(address) + ":5004 " + address + ":5005");
    }
    for (const auto* address :
         {"198.51.100.10", "172.32.0.1", "100.128.0.1", "11.0.0.1"}) {  // what is public is believed
        CHECK(heard(on, address) == std::string(address) + ":5004 " + address + ":5005");
        CHECK(heard(off, address) == std::string(address) + ":5004 " + address + ":5005");
    }
    CHECK(heard(on, "192.168.1.20", "a=rtcp:6000 IN IP4 10.1.1.1\r\n") == "198.51.100.99:5004 198.51.100.99:6000");
    CHECK(heard(off, "198.51.100.10", "a=rtcp:6000 IN IP4 10.1.1.1\r\n") == "198.51.100.10:5004 198.51.100.10:5005");
    CHECK(warning_of(BridgeErrc::wrong_family) == "301 sallyport \"a media address of the other IP version\"");
}

TEST_CASE("An RTCP address is as good as an RTP address must be, or RTCP goes to the port after RTP's") {
    const auto rtcp = [](std::string_view attribute) {
        auto b = bridge(false, false);
        REQUIRE(b.hear_offer(Side::a, sdp_text("m=audio 5004 RTP/AVP 8\r\na=rtcp:" + std::string(attribute) + "\r\n"))
                    .has_value());
        const auto to = b.media_legs().at(0).remote_rtcp;
        return to ? to->to_string() : "none";
    };
    CHECK(rtcp("6000") == "198.51.100.10:6000");
    CHECK(rtcp("6000 IN IP4 198.51.100.11") == "198.51.100.11:6000");
    for (const auto* bad : {"224.0.0.1", "127.0.0.1", "169.254.1.1", "0.0.0.0"})
        CHECK(rtcp("6000 IN IP4 " + std::string(bad)) == "198.51.100.10:5005");
    CHECK(rtcp("6000 IN IP6 2001:db8::1") == "198.51.100.10:5005");
}

TEST_CASE("The media plane is told the clock of the codec that is agreed upon, and who wants no RTCP (RFC 3556)") {
    SeededRandom random(1);
    auto b = bridge(false, false);
    const auto offer =
        "m=audio 5004 RTP/AVP 96 101 8\r\nb=RS:0\r\nb=RR:0\r\na=rtpmap:96 opus/48000/2\r\na=rtpmap:101 "
        "telephone-event/48000\r\n";
    REQUIRE(b.hear_offer(Side::a, sdp_text(offer)).has_value());
    REQUIRE(b.speak_offer(Side::b, ports(), random).has_value());
    REQUIRE(b.hear_answer(Side::b, sdp_text("m=audio 5004 RTP/AVP 8\r\nb=RS:0\r\nb=RR:600\r\n", "198.51.100.20"))
                .has_value());
    REQUIRE(b.speak_answer(Side::a, ports(), random).has_value());
    const auto legs = b.media_legs();
    REQUIRE(legs.size() == 2);
    for (const auto& leg : legs) {
        CHECK(leg.clock_rate == 8000u);
        CHECK(leg.reports == (leg.side == Side::b));
    }

    // The codec that is told first may be one of the other clock, where both have it.
    const auto both = "m=audio 5004 RTP/AVP 96 8\r\na=rtpmap:96 opus/48000/2\r\n";
    REQUIRE(b.hear_offer(Side::a, sdp_text(both)).has_value());
    REQUIRE(b.speak_offer(Side::b, ports(), random).has_value());
    REQUIRE(b.hear_answer(Side::b, sdp_text(both, "198.51.100.20")).has_value());
    REQUIRE(b.speak_answer(Side::a, ports(), random).has_value());
    for (const auto& leg : b.media_legs()) CHECK(leg.clock_rate == 48'000u);

    const auto no_rtcp = [](std::string session, std::string media) {
        return view("v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\n" + session +
                    "t=0 0\r\nm=audio 5004 RTP/AVP 8\r\n" + media)
            .no_rtcp;
    };
    CHECK(no_rtcp("b=RS:0\r\nb=RR:0\r\n", ""));
    CHECK(no_rtcp("b=RS:0\r\n", "b=AS:64\r\nb=RR:0\r\n"));
    CHECK_FALSE(no_rtcp("b=RS:0\r\nb=RR:0\r\n", "b=RR:800\r\n"));
    CHECK_FALSE(no_rtcp("", "b=RS:0\r\n"));
    CHECK_FALSE(no_rtcp("", ""));
}

TEST_CASE("A call becomes a fax and a call again, on both legs at once, where neither has SRTP [SC-14.7-02]") {
    SeededRandom random(1);
    const auto exchange = [&](SdpBridge& b, std::string_view offer, std::string_view answer) {
        REQUIRE(b.hear_offer(Side::a, sdp_text(offer)).has_value());
        const auto told = b.speak_offer(Side::b, ports(), random);
        REQUIRE(told.has_value());
        REQUIRE(b.hear_answer(Side::b, sdp_text(answer, "198.51.100.20")).has_value());
        REQUIRE(b.speak_answer(Side::a, ports(), random).has_value());
        return *told;
    };
    const auto audio = "m=audio 5004 RTP/AVP 8\r\n", fax = "m=image 5006 udptl t38\r\na=T38FaxVersion:0\r\n";
    auto b = bridge(false, false);
    exchange(b, audio, audio);
    for (const auto& leg : b.media_legs()) CHECK(leg.udptl == false);
    const auto told = exchange(b, fax, fax);
    CHECK(told.find("m=image 40000 udptl t38\r\na=T38FaxVersion:0\r\n") != std::string::npos);
    REQUIRE(b.media_legs().size() == 2);
    for (const auto& leg : b.media_legs()) {
        CHECK(leg.udptl == true);
        CHECK_FALSE(leg.disabled);
        CHECK(leg.remote->port == 5006);
    }
    CHECK(b.codecs() == std::vector<std::string>{"t38"});
    CHECK(describe(told) == "image t38");
    exchange(b, audio, audio);
    for (const auto& leg : b.media_legs()) CHECK(leg.udptl == false);

    // RFC 3264 8.3.2: what a number has meant before the fax it means after it, whoever asks.
    auto numbered = bridge(false, false);
    const auto iLBC = "m=audio 5004 RTP/AVP 97 8\r\na=rtpmap:97 iLBC/8000\r\n";
    const auto opus = "m=audio 5004 RTP/AVP 97 8\r\na=rtpmap:97 opus/48000/2\r\n";
    exchange(numbered, iLBC, iLBC);
    exchange(numbered, fax, fax);
    REQUIRE(numbered.hear_offer(Side::a, sdp_text(opus)).has_value());
    const auto again = numbered.speak_offer(Side::b, ports(), random);
    REQUIRE(again.has_value());
    CHECK(again->find("a=rtpmap:97 ") == std::string::npos);
    CHECK(again->find(" opus/48000/2") != std::string::npos);

    auto secure = bridge(false, true);  // what the far leg cannot have is not offered to it
    CHECK(refusal(secure, sdp_text(fax)) == BridgeErrc::nothing_in_common);
    auto late = bridge(false, false);  // a call's first offer is heard before it is known who will get it
    REQUIRE(late.hear_offer(Side::a, sdp_text(fax)).has_value());
    late.set_profile(Side::b, {.srtp = true, .family = Family::v4});
    const auto refused = late.speak_offer(Side::b, ports(), random);
    REQUIRE(refused.has_error());
    CHECK(refused.error() == BridgeErrc::nothing_in_common);

    REQUIRE(b.hear_offer(Side::a, sdp_text(fax)).has_value());
    REQUIRE(b.speak_offer(Side::b, ports(), random).has_value());
    const auto mixed = b.hear_answer(Side::b, sdp_text("m=audio 5004 RTP/AVP 8\r\n", "198.51.100.20"));
    REQUIRE(mixed.has_error());
    CHECK(mixed.error() == BridgeErrc::wrong_answer);
}

TEST_CASE("An offer on the second stream only keeps the first in its slot, with port 0") {
    auto b = bridge(true, false);
    REQUIRE(b.hear_offer(Side::a, sdp_text("m=audio 5004 RTP/AVP 8\r\nm=audio 5006 RTP/SAVP 8\r\n" + crypto(key_a)))
                .has_value());
    SeededRandom random(1);
    const auto offer = b.speak_offer(Side::b, ports(2), random);
    REQUIRE(offer.has_value());
    CHECK(view(*offer, 0).rejected);
    CHECK_FALSE(view(*offer, 1).rejected);
    CHECK(b.streams() == 2);
}

TEST_CASE("A stream of media that nobody has registered is refused in its slot, and asks no port to be opened") {
    auto b = bridge(false, false);
    SeededRandom random(1);
    REQUIRE(b.hear_offer(Side::a, sdp_text("m=audio 5004 RTP/AVP 8\r\nm=foobar 5006 RTP/AVP 8\r\n")).has_value());
    const auto offer = b.speak_offer(Side::b, ports(2), random);
    REQUIRE(offer.has_value());
    CHECK(offer->find("m=foobar 0 RTP/AVP 8\r\n") != std::string::npos);
    REQUIRE(b.hear_answer(Side::b, sdp_text("m=audio 6004 RTP/AVP 8\r\nm=foobar 0 RTP/AVP 8\r\n")).has_value());
    const auto answer = b.speak_answer(Side::a, ports(2), random);
    REQUIRE(answer.has_value());
    CHECK(answer->find("m=foobar 0 RTP/AVP 8\r\n") != std::string::npos);
    for (const auto& leg : b.media_legs()) CHECK(leg.disabled == (leg.stream == 1));
    auto alone = bridge(false, false);
    CHECK(refusal(alone, sdp_text("m=foobar 5006 RTP/AVP 8\r\n")) == BridgeErrc::nothing_in_common);
}

TEST_CASE("Answers that do not fit are refused: another number of streams, another suite, plain RTP, our own key") {
    SeededRandom random(1);
    auto b = bridge(false, true);
    REQUIRE(b.hear_offer(Side::a, sdp_text("m=audio 5004 RTP/AVP 8\r\n")).has_value());
    const auto offer = b.speak_offer(Side::b, ports(), random);
    REQUIRE(offer.has_value());
    const auto error = [&](std::string_view text) {
        SdpBridge copy = b;
        const auto heard = copy.hear_answer(Side::b, text);
        REQUIRE(heard.has_error());
        return heard.error();
    };
    CHECK(error(sdp_text("")) == BridgeErrc::wrong_answer);
    CHECK(error(sdp_text("m=audio 6000 RTP/AVP 8\r\n")) == BridgeErrc::wrong_answer);
    CHECK(error(sdp_text("m=audio 6000 RTP/SAVP 8\r\n")) == BridgeErrc::no_usable_key);
    CHECK(error(sdp_text("m=audio 6000 RTP/SAVP 8\r\n" + crypto(key_b, "", 1, "AES_CM_128_HMAC_SHA1_32"))) ==
          BridgeErrc::no_usable_key);
    CHECK(error(*offer) == BridgeErrc::no_usable_key);
}

TEST_CASE("Payload types are mapped where the legs number a codec differently") {
    SeededRandom random(1);
    auto b = bridge(false, false);
    REQUIRE(b.hear_offer(Side::a, sdp_text("m=audio 5004 RTP/AVP 8 101\r\na=rtpmap:101 telephone-event/8000\r\n"))
                .has_value());
    REQUIRE(b.speak_offer(Side::b, ports(), random).has_value());
    REQUIRE(b.hear_answer(Side::b,
                          sdp_text("m=audio 6000 RTP/AVP 8 96\r\na=rtpmap:96 telephone-event/8000\r\n", "192.0.2.9"))
                .has_value());
    const auto answer = b.speak_answer(Side::a, ports(), random);
    REQUIRE(answer.has_value());
    CHECK(view(*answer).codecs.back().payload_type == 101);
    const auto legs = b.media_legs();
    using Map = std::vector<std::pair<std::uint8_t, std::uint8_t>>;
    CHECK(*legs[0].payload_map == Map{{8, 8}, {101, 96}});  // and nothing else: the others are not agreed upon
    using Events = std::vector<sdp::TelephoneEventType>;
    CHECK(legs[0].telephone_events == Events{{101, 8'000, 8'000}});
    CHECK(legs[1].telephone_events == Events{{101, 8'000, 8'000}});  // as that side was told to send them
}

TEST_CASE("Who is expected to send follows the directions of both") {
    SeededRandom random(1);
    auto b = bridge(false, false);
    REQUIRE(b.hear_offer(Side::a, sdp_text("m=audio 5004 RTP/AVP 8\r\na=sendonly\r\n")).has_value());
    REQUIRE(b.speak_offer(Side::b, ports(), random).has_value());
    REQUIRE(b.hear_answer(Side::b, sdp_text("m=audio 6000 RTP/AVP 8\r\na=recvonly\r\n", "192.0.2.9")).has_value());
    CHECK(b.expects_media(Side::a, 0));
    CHECK_FALSE(b.expects_media(Side::b, 0));
    CHECK_FALSE(b.expects_media(Side::a, 1));
}

TEST_CASE("An offer that nobody is left to answer is refused with our own address, never with 0.0.0.0 (RFC 6157)") {
    SdpBridge b = bridge(false, false);
    REQUIRE(b.hear_offer(Side::b, sdp_text("m=audio 5004 RTP/AVP 8\r\n")).has_value());
    const std::string refusal = b.speak_refusal(Side::b, ports());
    CHECK(refusal.find("m=audio 0 RTP/AVP 8") != std::string::npos);
    CHECK(refusal.find("0.0.0.0") == std::string::npos);
    CHECK(refusal.find("c=IN IP4 ") != std::string::npos);
    CHECK(b.speak_refusal(Side::b, {}).find("unknown.invalid") != std::string::npos);
}

TEST_CASE("Hold with c=0.0.0.0 is a hold, not an address [D-02]") {
    SeededRandom random(1);
    auto b = bridge(false, false);
    REQUIRE(b.hear_offer(Side::a, sdp_text("m=audio 5004 RTP/AVP 8\r\n", "0.0.0.0")).has_value());
    const auto offer = b.speak_offer(Side::b, ports(), random);
    REQUIRE(offer.has_value());
    CHECK(offer->find("0.0.0.0") == std::string::npos);
    CHECK(view(*offer).direction == sdp::Direction::sendonly);
    const auto legs = b.media_legs();  // the media plane sends nothing there, RTCP neither
    REQUIRE(legs.at(0).remote.has_value());
    CHECK(legs.at(0).remote->address.is_unspecified());
    CHECK_FALSE(legs.at(0).relearn);
}

TEST_CASE("A failed exchange goes back to everything but the versions the parties have seen") {
    SeededRandom random(1);
    auto b = bridge(false, false);
    const std::string first = sdp_text("m=audio 5004 RTP/AVP 8\r\n");
    REQUIRE(b.hear_offer(Side::a, first).has_value());
    const auto told = b.speak_offer(Side::b, ports(), random);
    const SdpBridge before = b;
    REQUIRE(b.hear_offer(Side::a, sdp_text("m=audio 5004 RTP/AVP 0\r\n")).has_value());
    REQUIRE(b.speak_offer(Side::b, ports(), random).has_value());
    b.go_back_to(before);
    CHECK(sdp::write(*b.at(Side::a).heard) == first + "");
    const auto again = b.speak_offer(Side::b, ports(), random);
    REQUIRE(again.has_value());
    const auto version = [](const std::string& text) { return std::stoull(sdp::parse(text)->origin.version); };
    CHECK(version(*again) == version(*told) + 2);
}

TEST_CASE("Products' descriptions as offers: anchored without their addresses and keys, or refused") {
    const auto root = test::testdata();
    if (!root) {
        std::cout << "skipped: no test data (corpus/sdp)\n";
        return;
    }
    std::size_t anchored = 0;
    for (const auto& file : test::files_in(*root / "corpus/sdp", ".sdp")) {
        const std::string text = test::contents(file);
        INFO(file);
        for (const bool srtp : {true, false}) {
            SdpBridge b = bridge(srtp, !srtp);
            b.set_profile(Side::a, {.srtp = srtp});
            SeededRandom random(3);
            if (!b.hear_offer(Side::a, text).has_value()) continue;
            const auto offer = b.speak_offer(Side::b, ports(b.streams()), random);
            if (!offer.has_value()) continue;
            ++anchored;
            const auto source = sdp::parse(text);
            REQUIRE(sdp::parse(*offer).has_value());
            for (std::size_t i = 0; i < source->media.size(); ++i) {
                const auto theirs = sdp::view_stream(*source, i);
                if (theirs.rtp_endpoint && !theirs.rtp_endpoint->address.is_unspecified())
                    CHECK(offer->find(theirs.rtp_endpoint->address.to_string()) == std::string::npos);
                for (const auto& line : theirs.crypto) CHECK(offer->find(to_base64(line.key)) == std::string::npos);
            }
            CHECK(offer->find("candidate") == std::string::npos);
        }
    }
    CHECK(anchored >= 90);
}

TEST_CASE("A call may end all its streams and begin them again; it may not begin without one (RFC 3264 8.2)") {
    SeededRandom random(1);
    SdpBridge b = bridge(true, false);
    CHECK(refusal(b, sdp_text("m=audio 0 RTP/SAVP 8\r\n")) == BridgeErrc::nothing_in_common);
    const std::string first = sdp_text("m=audio 5004 RTP/SAVP 8 97\r\na=rtpmap:97 opus/48000/2\r\n" + crypto(key_a));
    const std::string answer = sdp_text("m=audio 6004 RTP/AVP 97 8\r\na=rtpmap:97 opus/48000/2\r\n", "192.0.2.21");
    const auto exchange = [&](const std::string& offered, const std::string& answered) {
        REQUIRE(b.hear_offer(Side::a, offered).has_value());
        const auto to_b = b.speak_offer(Side::b, ports(), random);
        REQUIRE(to_b.has_value());
        REQUIRE(b.hear_answer(Side::b, answered).has_value());
        const auto to_a = b.speak_answer(Side::a, ports(), random);
        REQUIRE(to_a.has_value());
        return std::pair(*to_b, *to_a);
    };
    exchange(first, answer);
    const auto [to_b, to_a] = exchange(sdp_text("m=audio 0 RTP/SAVP 8\r\n"), sdp_text("m=audio 0 RTP/AVP 8\r\n"));
    CHECK(view(to_b).rejected);
    CHECK(view(to_a).rejected);
    CHECK(view(to_a).secure);
    CHECK((to_b + to_a).find("crypto") == std::string::npos);
    for (const MediaLeg& leg : b.media_legs()) CHECK(leg.disabled);
    CHECK_FALSE(b.expects_media(Side::a, 0));
    const auto [again_b, again_a] = exchange(first, answer);
    CHECK_FALSE(view(again_b).rejected);
    CHECK_FALSE(view(again_a).rejected);
    CHECK(again_a.find("crypto") != std::string::npos);
    for (const MediaLeg& leg : b.media_legs()) CHECK_FALSE(leg.disabled);
}

TEST_CASE("An offer that drops an m-line is refused, and changes nothing (RFC 3264 8)") {
    SeededRandom random(1);
    SdpBridge b = bridge(false, false);
    const std::string two = sdp_text("m=audio 5004 RTP/AVP 8\r\nm=video 5006 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\n");
    REQUIRE(b.hear_offer(Side::a, two).has_value());
    REQUIRE(b.speak_offer(Side::b, ports(2), random).has_value());
    REQUIRE(b.hear_answer(Side::b, two).has_value());
    REQUIRE(b.speak_answer(Side::a, ports(2), random).has_value());
    for (const Side side : {Side::a, Side::b}) {
        const auto heard = b.hear_offer(side, sdp_text("m=audio 5004 RTP/AVP 8\r\n"));
        REQUIRE(heard.has_error());
        CHECK(heard.error() == BridgeErrc::too_few_streams);
    }
    CHECK(b.media_legs().size() == 4);
    REQUIRE(b.hear_offer(Side::a, sdp_text("m=audio 5004 RTP/AVP 8\r\nm=video 0 RTP/AVP 96\r\n")).has_value());
    const auto told = b.speak_offer(Side::b, ports(2), random);
    REQUIRE(told.has_value());
    CHECK_FALSE(view(*told, 0).rejected);
    CHECK(view(*told, 1).rejected);
    REQUIRE(b.hear_answer(Side::b, sdp_text("m=audio 5004 RTP/AVP 8\r\nm=video 0 RTP/AVP 96\r\n")).has_value());
    REQUIRE(b.speak_answer(Side::a, ports(2), random).has_value());
    for (const MediaLeg& leg : b.media_legs()) CHECK(leg.disabled == (leg.stream == 1));
    CHECK(b.expects_media(Side::a, 0));
    CHECK_FALSE(b.expects_media(Side::b, 1));
}

}  // namespace sallyport::b2bua
