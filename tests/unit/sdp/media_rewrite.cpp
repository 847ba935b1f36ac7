// What one leg is told about the other: our addresses and keys, their codecs and directions, nothing else.
#include "signaling/sdp/media_rewrite.h"

#include <algorithm>
#include <catch2/catch.hpp>

#include "tests/support/testdata.h"

using namespace sallyport;
using namespace sallyport::sdp;

namespace {

const std::string head = "v=0\r\no=pbx 77 88 IN IP4 10.1.2.3\r\ns=secret name\r\nc=IN IP4 10.1.2.3\r\nt=0 0\r\n";
const Endpoint our_rtp{IpAddress::v4(203, 0, 113, 1), 20000}, our_rtcp{IpAddress::v4(203, 0, 113, 1), 20001};

SessionDescription described(std::string_view media) {
    auto parsed = sdp::parse(head + std::string(media));
    REQUIRE(parsed.has_value());
    return std::move(*parsed);
}
std::vector<StreamAnchor> anchors(std::size_t n, bool srtp = false) {
    std::vector<StreamAnchor> out(n);
    for (auto& a : out) {
        a.rtp = our_rtp;
        a.rtcp = our_rtcp;
        if (srtp) a.crypto = CryptoLine{1, "AES_CM_128_HMAC_SHA1_80", Bytes(30, 1), {}, {}, {}};
    }
    return out;
}
SessionDescription anchored(const SessionDescription& source, const SessionDescription* offer = nullptr,
                            const LegProfile& profile = {}, const SessionDescription* previous = nullptr) {
    auto out = anchor(source, offer, anchors(16, profile.srtp), profile, previous);
    REQUIRE(out.has_value());
    return std::move(*out);
}
RewriteErrc refusal(const SessionDescription& source, const SessionDescription* offer,
                    const std::vector<StreamAnchor>& with, const LegProfile& profile) {
    const auto out = anchor(source, offer, with, profile);
    REQUIRE(out.has_error());
    return out.error();
}
std::string text_of(const SessionDescription& d) { return OriginState(1, 1).stamp(d); }
std::vector<std::string> formats(const SessionDescription& d, std::size_t i = 0) { return d.media.at(i).formats; }
using Events = std::vector<TelephoneEventType>;
using Formats = std::vector<std::string>;

}  // namespace

TEST_CASE("an offer crosses with our address, their codecs and direction") {
    const auto out = anchored(described(
        "b=AS:80\r\nm=audio 4000 RTP/AVP 8 0 101\r\nb=TIAS:64000\r\na=rtpmap:101 telephone-event/8000\r\na=fmtp:101 "
        "0-15\r\na=ptime:20\r\na=maxptime:40\r\na=x-harmless:yes\r\na=sendonly\r\n"));
    CHECK(text_of(out) ==
          "v=0\r\no=- 1 1 IN IP4 203.0.113.1\r\ns=-\r\nc=IN IP4 203.0.113.1\r\nb=AS:80\r\nt=0 0\r\nm=audio 20000 "
          "RTP/AVP 8 0 101\r\nb=TIAS:64000\r\n"
          "a=rtpmap:8 PCMA/8000\r\na=rtpmap:0 PCMU/8000\r\na=rtpmap:101 telephone-event/8000\r\na=fmtp:101 "
          "0-15\r\na=ptime:20\r\na=maxptime:40\r\n"
          "a=x-harmless:yes\r\na=sendonly\r\n");
}

TEST_CASE("the packet time of audio is the leg's where one is set, whatever was described; that of other media stays") {
    const auto source = described(
        "m=audio 4000 RTP/AVP 8\r\na=ptime:60\r\na=maxptime:150\r\na=x:1\r\n"
        "m=video 4002 RTP/AVP 31\r\na=ptime:40\r\n");
    LegProfile profile;
    profile.packet_milliseconds = 20;
    const auto has = [](const SessionDescription& d, std::size_t i, const std::string& name, const std::string& value) {
        const auto& all = d.media.at(i).attributes;
        return std::count_if(all.begin(), all.end(),
                             [&](const Attribute& a) { return a.name == name && a.value == value; });
    };
    const auto offer = anchored(source, nullptr, profile);
    CHECK(has(offer, 0, "ptime", "20") == 1);
    CHECK(has(offer, 0, "ptime", "60") == 0);
    CHECK(has(offer, 0, "maxptime", "150") == 0);
    CHECK(has(offer, 0, "x", "1") == 1);
    CHECK(has(offer, 1, "ptime", "40") == 1);
    const auto silent = described("m=audio 4000 RTP/AVP 8\r\n");
    CHECK(has(anchored(silent, &silent, profile), 0, "ptime", "20") == 1);
    CHECK(has(anchored(source), 0, "ptime", "60") == 1);
}

TEST_CASE("hold is told as the leg's music wants it, and an answer to less than sendrecv is no hold [SC-14.10-02]") {
    const auto told = [](const std::string& theirs, HoldToldAs hold, const std::string& offered = {}) {
        const auto stream = [](const std::string& direction) {
            return described("m=audio 4000 RTP/AVP 8\r\na=" + direction + "\r\n");
        };
        LegProfile profile;
        profile.hold = hold;
        const auto source = stream(theirs);
        const auto offer = stream(offered.empty() ? "sendrecv" : offered);
        const auto out = anchored(source, offered.empty() ? nullptr : &offer, profile);
        return std::string(to_string(view_stream(out, 0).direction));
    };
    CHECK(told("sendonly", HoldToldAs::said) == "sendonly");
    CHECK(told("sendonly", HoldToldAs::unannounced) == "sendrecv");
    CHECK(told("sendonly", HoldToldAs::announced) == "sendonly");
    CHECK(told("sendonly", HoldToldAs::inactive) == "inactive");
    CHECK(told("inactive", HoldToldAs::said) == "inactive");
    CHECK(told("inactive", HoldToldAs::unannounced) == "inactive");
    CHECK(told("inactive", HoldToldAs::announced) == "sendonly");
    CHECK(told("inactive", HoldToldAs::inactive) == "inactive");
    for (const auto hold : {HoldToldAs::said, HoldToldAs::unannounced, HoldToldAs::announced, HoldToldAs::inactive}) {
        CHECK(told("sendrecv", hold) == "sendrecv");
        CHECK(told("recvonly", hold) == "recvonly");
        CHECK(told("sendonly", hold, "recvonly") == "sendonly");
        CHECK(told("inactive", hold, "inactive") == "inactive");
        CHECK(told("recvonly", hold, "sendonly") == "recvonly");
    }
    CHECK(told("sendonly", HoldToldAs::said, "sendrecv") == "sendonly");
    CHECK(told("sendonly", HoldToldAs::unannounced, "sendrecv") == "sendrecv");
    CHECK(told("sendonly", HoldToldAs::inactive, "sendrecv") == "inactive");
    CHECK(told("inactive", HoldToldAs::announced, "sendrecv") == "sendonly");
}

TEST_CASE("what was told is said again without what was not taken of it") {
    const auto told = described(
        "m=audio 4000 RTP/AVP 8 0 101\r\na=rtpmap:8 PCMA/8000\r\na=rtpmap:101 telephone-event/8000\r\na=fmtp:101 "
        "0-15\r\n"
        "m=video 5000 RTP/AVP 34\r\n");
    CHECK(agreed(told, told) == told);
    // Another number for the events is the answerer's right.
    const auto out = agreed(told, described("m=audio 4000 RTP/AVP 8 96\r\na=rtpmap:96 Telephone-Event/8000\r\n"
                                            "m=video 0 RTP/AVP 34\r\n"));
    CHECK(formats(out) == Formats{"8", "101"});
    CHECK(out.media[0].attributes == told.media[0].attributes);
    CHECK(out.media[1].port == 0);
    const auto less = agreed(told, described("m=audio 4000 RTP/AVP 0\r\nm=video 5000 RTP/AVP 34\r\n"));
    CHECK(formats(less) == Formats{"0"});
    CHECK(less.media[0].attributes.empty());
    CHECK(agreed(told, described("m=audio 4000 RTP/AVP 9\r\n")).media[0] == told.media[0]);
}

TEST_CASE("RTP/AVP becomes RTP/SAVP with our key, and back without theirs") {
    const auto plain = described("m=audio 4000 RTP/AVP 0\r\n");
    const auto secure = described(
        "m=audio 4000 RTP/SAVP 0\r\na=crypto:3 AES_CM_128_HMAC_SHA1_80 "
        "inline:d0RmdmcmVCspeEc3QGZiNWpVLFJhQX1cfHAwJSoj\r\n");
    const auto to_pbx = anchored(plain, nullptr, {true, {}});
    CHECK(to_pbx.media[0].protocol == "RTP/SAVP");
    CHECK(parse_crypto(to_pbx.media[0].find("crypto")->value)->key == Bytes(30, 1));
    const auto to_core = anchored(secure);
    CHECK(to_core.media[0].protocol == "RTP/AVP");
    CHECK(to_core.media[0].find("crypto") == nullptr);
    CHECK(write(to_core).find("d0Rmdm") == std::string::npos);
    const auto answer = anchored(plain, &secure, {true, {}});
    CHECK(answer.media[0].protocol == "RTP/SAVP");
    CHECK(answer.media[0].find("crypto") != nullptr);
}

TEST_CASE("an answer speaks the offer's protocol, and a stream whose security does not fit is refused (D-20)") {
    const auto feedback = described("m=audio 4000 RTP/SAVPF 0\r\n"), plain = described("m=audio 4000 RTP/AVP 0\r\n");
    CHECK(anchored(plain, &feedback, {true, {}}).media[0].protocol == "RTP/SAVPF");
    CHECK(refusal(plain, &plain, anchors(1, true), {true, {}}) == RewriteErrc::no_usable_stream);
    CHECK(refusal(plain, &feedback, anchors(1), {}) == RewriteErrc::no_usable_stream);
}

TEST_CASE("nothing of the other side's transport, keys or place crosses") {
    const auto out = write(anchored(described(
        "a=group:BUNDLE 0\r\na=ice-ufrag:UFRAG\r\na=ice-lite\r\na=fingerprint:sha-256 AA:BB\r\na=tool:Vendor "
        "10.1.2.3\r\na=lang:en\r\na=x-host:unknown\r\n"
        "m=audio 4000 RTP/AVP 0\r\nc=IN IP4 pbx.internal\r\na=candidate:1 1 UDP 2130706431 10.1.2.4 4000 typ "
        "host\r\na=ice-pwd:PASSWORD\r\n"
        "a=setup:actpass\r\na=mid:0\r\na=ssrc:1 cname:user@pbx\r\na=rtcp-mux\r\na=rtcp:4001 IN IP4 "
        "10.1.2.3\r\na=rtcp-fb:0 nack\r\na=extmap:1 urn:x\r\n"
        "a=key-mgmt:mikey AQAFg\r\na=tcap:1 RTP/SAVP\r\na=pcfg:1 t=1\r\na=acap:1 crypto:1 X inline:KEY\r\na=curr:qos "
        "local none\r\na=des:qos mandatory local sendrecv\r\n"
        "a=alt:1 1 : XYZ KEY 10.1.2.3 4000\r\na=X-route:see "
        "10.9.8.7:5060\r\na=X-six:[2001:db8::77]\r\na=X-name:pbx.internal\r\na=X-time:12:30\r\na=CANDIDATE:x\r\n")));
    for (const auto secret :
         {"10.1.2",    "10.9.8.7",  "2001:db8", "pbx",  "UFRAG",  "PASSWORD",    "AA:BB", "KEY",  "AQAFg",
          "candidate", "CANDIDATE", "group",    "mid:", "ssrc",   "ice",         "setup", "mux",  "tcap",
          "pcfg",      "acap",      "curr",     "des:", "extmap", "secret name", "77 88", "tool", "x-host"}) {
        INFO(out << secret);
        CHECK(out.find(secret) == std::string::npos);
    }
    CHECK(out.find("a=lang:en\r\n") != std::string::npos);
    CHECK(out.find("a=X-time:12:30\r\n") != std::string::npos);  // not everything with a colon is an address
}

TEST_CASE("no word of an m-line or rtpmap can carry an address across") {
    const auto out = write(
        anchored(described("m=audio 4000 RTP/AVP 0 96\r\na=rtpmap:96 x10.1.2.3y/8000\r\nm=a10.1.2.3 4000 RTP/AVP 0\r\n"
                           "m=message 4000 TCP/10.1.2.3 10.1.2.3 *\r\n")));
    CHECK(out.find("10.1.2.3") == std::string::npos);
    CHECK(out.find("m=application 0 RTP/AVP 0\r\nm=message 0 RTP/AVP 0\r\n") != std::string::npos);
}

TEST_CASE("the host name of the o= line stays behind as well") {
    const auto source = sdp::parse(
        "v=0\r\no=- 1 1 IN IP4 pbx.inside\r\nc=IN IP4 10.0.0.1\r\nm=audio 4000 RTP/AVP 0\r\na=X-from:pbx.inside\r\n");
    REQUIRE(source.has_value());
    CHECK(write(anchored(*source)).find("pbx.inside") == std::string::npos);
    const auto odd = sdp::parse("v=0\r\no=- 1 1 IN IP4 audio\r\nc=IN IP4 RTP\r\nm=audio 4000 RTP/AVP 0\r\n");
    REQUIRE(odd.has_value());
    CHECK(anchored(*odd).media[0].port == 20000);  // a word as a host takes no word away
}

TEST_CASE("an answer keeps the offer's slots: number, order, media and formats of what is refused") {
    const auto offer = described(
        "m=audio 4000 RTP/AVP 0 8\r\nm=video 4002 RTP/AVP 99\r\na=rtpmap:99 H264/90000\r\nm=image 4004 udptl "
        "t38\r\nm=audio 4006 UDP/TLS/RTP/SAVPF 111\r\n");
    const auto answer = anchored(described("m=audio 5000 RTP/AVP 8\r\n"), &offer);
    REQUIRE(answer.media.size() == 4);
    CHECK(answer.media[0].port == 20000);
    CHECK(formats(answer) == Formats{"8"});
    CHECK(write(answer).find("m=video 0 RTP/AVP 99\r\nm=image 0 udptl t38\r\nm=audio 0 UDP/TLS/RTP/SAVPF 111\r\n") !=
          std::string::npos);
    const auto longer = described("m=audio 5000 RTP/AVP 8\r\nm=audio 5002 RTP/AVP 8\r\n"),
               one = described("m=audio 4000 RTP/AVP 8\r\n");
    CHECK(anchored(longer, &one).media.size() == 1);
    CHECK(refusal(described("m=video 5000 RTP/AVP 31\r\n"), &one, anchors(1), {}) == RewriteErrc::no_usable_stream);
}

namespace {
const std::string fax_lines =
    "a=T38FaxVersion:0\r\na=T38MaxBitRate:14400\r\na=T38FaxFillBitRemoval\r\na=T38FaxRateManagement:transferredTCF\r\n"
    "a=T38FaxMaxBuffer:1024\r\na=T38FaxMaxDatagram:238\r\na=T38FaxUdpEC:t38UDPRedundancy\r\n";
}

TEST_CASE(
    "a fax crosses with all that the gateways say of it, at our address, instead of the call or beside it "
    "[SC-14.7-02]") {
    const auto said = "m=image 4004 udptl t38\r\nb=AS:40\r\n" + fax_lines;
    const auto told = "m=image 20000 udptl t38\r\nb=AS:40\r\n" + fax_lines;
    const auto offer = text_of(anchored(described(said)));
    CHECK(offer == "v=0\r\no=- 1 1 IN IP4 203.0.113.1\r\ns=-\r\nc=IN IP4 203.0.113.1\r\nt=0 0\r\n" + told);
    const auto offered = described("m=image 6000 UDPTL t38\r\na=T38FaxVersion:3\r\n");
    const auto answer = write(anchored(described(said), &offered));
    CHECK(answer.find("m=image 20000 UDPTL t38\r\nb=AS:40\r\n" + fax_lines) != std::string::npos);
    CHECK(answer.find("T38FaxVersion:3") == std::string::npos);
    const auto both = described("m=audio 4000 RTP/AVP 8\r\n" + said);
    CHECK(write(anchored(both)).ends_with("a=sendrecv\r\n" + told));
    const auto audio = described("m=audio 4000 RTP/AVP 8\r\n");
    const auto before = anchored(audio);
    CHECK(anchored(described(said), nullptr, {}, &before).media.at(0).media == "image");  // in the slot of the call
    const auto fax = anchored(described(said));
    CHECK(anchored(audio, nullptr, {}, &fax).media.at(0).formats == Formats{"8"});  // and back
}

TEST_CASE("T.38 is not for a leg with SRTP, nor over TCP, nor over RTP [SC-14.7-03]") {
    const LegProfile secure{.srtp = true, .codecs = {}, .hold = {}};
    const auto fax = described("m=image 4004 udptl t38\r\n"), audio = described("m=audio 4000 RTP/AVP 8\r\n");
    CHECK(refusal(fax, nullptr, anchors(1, true), secure) == RewriteErrc::no_usable_stream);
    const auto both = described("m=audio 4000 RTP/AVP 8\r\nm=image 4004 udptl t38\r\n" + fax_lines);
    CHECK(write(anchored(both, nullptr, secure)).ends_with("m=image 0 udptl t38\r\n"));
    for (const auto other : {"m=image 4004 TCP t38\r\n", "m=image 4004 TCP/TLS t38\r\n"})
        CHECK(refusal(described(other), nullptr, anchors(1), {}) == RewriteErrc::no_usable_stream);
    const auto over_rtp = " 4004 RTP/AVP 98\r\na=rtpmap:98 t38/8000\r\n";
    for (const auto& [media, why] :
         {std::pair{"m=audio", RewriteErrc::no_common_codec}, std::pair{"m=image", RewriteErrc::no_usable_stream}})
        CHECK(refusal(described(std::string(media) + over_rtp), nullptr, anchors(1), {}) == why);
    CHECK(refusal(fax, &audio, anchors(1), {}) == RewriteErrc::no_usable_stream);  // no answer to a call
    CHECK(refusal(audio, &fax, anchors(1), {}) == RewriteErrc::no_usable_stream);
}

TEST_CASE("an answer uses the offer's payload type numbers (E-38), with the other side's fmtp under them") {
    const auto offer = described(
        "m=audio 4000 RTP/AVP 0 96 97 101\r\na=rtpmap:96 opus/48000/2\r\na=rtpmap:97 "
        "telephone-event/48000\r\na=rtpmap:101 telephone-event/8000\r\n");
    const auto theirs = described(
        "m=audio 5000 RTP/AVP 111 0 100 110\r\na=rtpmap:111 OPUS/48000/2\r\na=fmtp:111 useinbandfec=1\r\na=rtpmap:100 "
        "telephone-event/8000\r\na=fmtp:100 0-16\r\na=rtpmap:110 telephone-event/48000\r\n");
    const auto answer = anchored(theirs, &offer);
    CHECK(formats(answer) == Formats{"96", "0", "101", "97"});
    const std::string text = write(answer);
    CHECK(text.find("a=rtpmap:96 OPUS/48000/2\r\na=fmtp:96 useinbandfec=1\r\n") != std::string::npos);
    CHECK(text.find("a=fmtp:101 0-16\r\n") != std::string::npos);
    CHECK(text.find("111") == std::string::npos);
    using Map = std::vector<std::pair<std::uint8_t, std::uint8_t>>;
    CHECK(payload_map(view_stream(theirs, 0), view_stream(answer, 0)) == Map{{111, 96}, {0, 0}, {100, 101}, {110, 97}});
    CHECK(payload_map(view_stream(answer, 0), view_stream(theirs, 0)) == Map{{96, 111}, {0, 0}, {101, 100}, {97, 110}});
    CHECK(payload_map(view_stream(offer, 0), view_stream(theirs, 0)).size() == 4);
    CHECK(telephone_events(view_stream(theirs, 0), view_stream(answer, 0)) ==
          Events{{100, 8'000, 8'000}, {110, 48'000, 48'000}});
    CHECK(telephone_events(view_stream(described("m=audio 4000 RTP/AVP 0 13\r\n"), 0), view_stream(theirs, 0)).empty());
    CHECK(payload_map(view_stream(described("m=audio 4000 RTP/AVP 0 13\r\n"), 0),
                      view_stream(described("m=audio 4000 RTP/AVP 0 8\r\n"), 0)) == Map{{0, 0}});
}

TEST_CASE("events of one clock cross as those of the clock that the audio has, or that the other side has [E-38]") {
    using Map = std::vector<std::pair<std::uint8_t, std::uint8_t>>;
    const std::string opus = "a=rtpmap:96 opus/48000/2\r\na=rtpmap:101 telephone-event/";
    const auto slow = described("m=audio 4000 RTP/AVP 96 101\r\n" + opus + "8000\r\na=fmtp:101 0-16\r\n");
    const auto fast = described("m=audio 4000 RTP/AVP 96 101\r\n" + opus + "48000\r\n");
    const auto check = [&](const auto& party, const auto& other, std::uint8_t type, std::uint32_t theirs,
                           std::uint32_t others) {
        CHECK(payload_map(view_stream(party, 0), view_stream(other, 0)) == Map{{96, 96}, {type, 101}});
        CHECK(telephone_events(view_stream(party, 0), view_stream(other, 0)) == Events{{type, theirs, others}});
    };
    SECTION("offered by who has them of another clock than its audio") {
        const auto told = anchored(slow);
        CHECK(formats(told) == Formats{"96", "127"});  // 101 would mean another clock than it may once have meant
        CHECK(write(told).find("a=rtpmap:127 telephone-event/48000\r\na=fmtp:127 0-16\r\n") != std::string::npos);
        const auto answer = anchored(fast, &slow);
        CHECK(formats(answer) == Formats{"96", "101"});
        CHECK(write(answer).find("a=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\n") != std::string::npos);
        check(answer, fast, 101, 8'000, 48'000);
        check(told, slow, 127, 48'000, 8'000);
    }
    SECTION("answered so") {
        const auto answer = anchored(slow, &fast);
        CHECK(write(answer).find("a=rtpmap:101 telephone-event/48000\r\na=fmtp:101 0-16\r\n") != std::string::npos);
        check(answer, slow, 101, 48'000, 8'000);
    }
    SECTION("of several clocks each has events, under a number that is free") {
        const auto wide = described(
            "m=audio 4000 RTP/AVP 97 96 101 127\r\na=rtpmap:127 L16/44100\r\na=rtpmap:97 "
            "speex/16000\r\n" +
            opus + "8000\r\n");
        const auto told = anchored(wide);
        CHECK(formats(told) == Formats{"97", "96", "127", "126", "125", "124"});
        CHECK(write(told).find("a=rtpmap:126 telephone-event/16000\r\na=fmtp:126 0-15\r\n") != std::string::npos);
        CHECK(formats(anchored(wide, nullptr, {}, &told)) == formats(told));  // and keeps it
    }
    SECTION("who has events of the clock of one of his codecs is told those") {
        const auto both = described("m=audio 4000 RTP/AVP 8 96 101\r\n" + opus + "8000\r\n");
        CHECK(formats(anchored(both)) == Formats{"8", "96", "101"});
    }
    SECTION("who hears none is told none") {
        const auto without = described("m=audio 4000 RTP/AVP 96\r\na=rtpmap:96 opus/48000/2\r\n");
        CHECK(formats(anchored(without)) == Formats{"96"});
        CHECK(formats(anchored(without, &slow)) == Formats{"96"});
        CHECK(formats(anchored(slow, &without)) == Formats{"96"});
    }
}

TEST_CASE("variants of one codec stay apart by their numbers") {
    const auto offer = described(
        "m=audio 4000 RTP/AVP 98 99\r\na=rtpmap:98 AMR/8000\r\na=rtpmap:99 AMR/8000\r\na=fmtp:99 octet-align=1\r\n");
    const auto theirs = described("m=audio 5000 RTP/AVP 99\r\na=rtpmap:99 AMR/8000\r\na=fmtp:99 octet-align=1\r\n");
    CHECK(formats(anchored(theirs, &offer)) == Formats{"99"});
}

TEST_CASE("a codec that the answer names twice takes one number of the offer") {
    const auto offer = described("m=audio 4000 RTP/AVP 0\r\n");
    const auto theirs = described("m=audio 5000 RTP/AVP 96 0\r\na=rtpmap:96 PCMU/8000\r\n");
    CHECK(formats(anchored(theirs, &offer)) == Formats{"0"});
}

TEST_CASE("codec policy filters and orders; telephone-event and CN follow an audio codec of their rate") {
    const auto source = described(
        "m=audio 4000 RTP/AVP 9 101 0 8 13 96 102 97\r\na=rtpmap:101 telephone-event/8000\r\na=rtpmap:96 "
        "opus/48000/2\r\na=rtpmap:102 telephone-event/48000\r\na=rtpmap:97 red/8000\r\n");
    CHECK(formats(anchored(source)) == Formats{"9", "0", "8", "96", "101", "13", "102"});
    CHECK(formats(anchored(source, nullptr, {false, {"pcma", "PCMU"}})) == Formats{"8", "0", "101", "13"});
    CHECK(formats(anchored(source, nullptr, {false, {"opus"}})) == Formats{"96", "102"});
    CHECK(refusal(source, nullptr, anchors(1), {false, {"G729"}}) == RewriteErrc::no_common_codec);
    CHECK(refusal(described("m=audio 4000 RTP/AVP 101\r\na=rtpmap:101 telephone-event/8000\r\n"), nullptr, anchors(1),
                  {}) == RewriteErrc::no_common_codec);
    CHECK(refusal(described("m=audio 4000 RTP/AVP 97\r\n"), nullptr, anchors(1), {}) == RewriteErrc::no_common_codec);
    const auto offer = described("m=audio 4000 RTP/AVP 8 101\r\na=rtpmap:101 telephone-event/8000\r\n");
    const auto other = described("m=audio 5000 RTP/AVP 0 101\r\na=rtpmap:101 telephone-event/8000\r\n");
    CHECK(refusal(other, &offer, anchors(1), {}) ==
          RewriteErrc::no_common_codec);  // events alone carry no conversation
    const auto only_pcma = described("m=audio 4000 RTP/AVP 8\r\n");
    CHECK(refusal(described("m=audio 4000 RTP/AVP 0\r\n"), &only_pcma, anchors(1), {}) == RewriteErrc::no_common_codec);
}

TEST_CASE("hold by zero address becomes sendonly with our real address", "[SC-14.10-06][SC-14.10-07]") {
    const auto out = anchored(described("m=audio 4000 RTP/AVP 0\r\nc=IN IP4 0.0.0.0\r\n"));
    CHECK(out.media[0].find("sendonly") != nullptr);
    CHECK(write(out).find("0.0.0.0") == std::string::npos);
}

TEST_CASE("an answer never opens a direction that the offer left closed (RFC 3264 6.1)") {
    const auto direction = [](std::string_view offered, std::string_view answered) {
        const auto offer = described("m=audio 4000 RTP/AVP 0\r\na=" + std::string(offered) + "\r\n");
        const auto answer =
            anchored(described("m=audio 5000 RTP/AVP 0\r\na=" + std::string(answered) + "\r\n"), &offer);
        return to_string(view_stream(answer, 0).direction);
    };
    CHECK(direction("sendrecv", "sendrecv") == "sendrecv");
    CHECK(direction("sendrecv", "sendonly") == "sendonly");
    CHECK(direction("sendonly", "sendrecv") == "recvonly");
    CHECK(direction("recvonly", "sendrecv") == "sendonly");
    CHECK(direction("inactive", "sendrecv") == "inactive");
    CHECK(direction("sendonly", "sendonly") == "inactive");
}

TEST_CASE("streams without an anchor, refused by policy, or not RTP keep their slot with port 0") {
    const auto source = described(
        "m=audio 4000 RTP/AVP 0\r\nm=video 4002 RTP/AVP 31\r\nm=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\n");
    auto a = anchors(2);
    a[1].refuse = true;
    const auto out = anchor(source, nullptr, a, {});
    REQUIRE(out.has_value());
    CHECK(write(*out).find("m=video 0 RTP/AVP 31\r\nm=application 0 UDP/DTLS/SCTP webrtc-datachannel\r\n") !=
          std::string::npos);
    CHECK(refusal(source, nullptr, {}, {}) == RewriteErrc::no_usable_stream);
    CHECK(refusal(described(""), nullptr, anchors(1), {}) == RewriteErrc::no_usable_stream);
}

TEST_CASE("media that nobody has registered keep their slot with port 0, in offers and answers (RFC 3264 6)") {
    const std::string audio = "m=audio 4000 RTP/AVP 0\r\n";
    for (const std::string_view media : {"foobar", "*", "audio1", "message", "image"}) {
        INFO(media);
        const auto strange = "m=" + std::string(media) + " 4002 RTP/AVP 0\r\n",
                   refused = "m=" + std::string(media) + " 0 RTP/AVP 0\r\n";
        const auto offer = described(strange + audio);
        const auto told = write(anchored(offer));
        CHECK(told.find(refused + "m=audio 20000 RTP/AVP 0\r\n") != std::string::npos);
        const auto answer = write(anchored(described(strange + audio), &offer));
        CHECK(answer.find(refused + "m=audio 20000 RTP/AVP 0\r\n") != std::string::npos);
        CHECK(refusal(described(strange), nullptr, anchors(1), {}) == RewriteErrc::no_usable_stream);
    }
    for (const std::string_view media : {"audio", "video", "text", "application"})
        CHECK(anchored(described("m=" + std::string(media) + " 4002 RTP/AVP 0\r\n")).media.at(0).port == 20000);
}

TEST_CASE("an anchor without address, port or the key it needs is our own error, and said so") {
    const auto source = described("m=audio 4000 RTP/AVP 0\r\n");
    CHECK(refusal(source, nullptr, {StreamAnchor{}}, {}) == RewriteErrc::bad_anchor);
    CHECK(refusal(source, nullptr, {StreamAnchor{Endpoint{IpAddress::v4(0, 0, 0, 0), 20000}, {}, {}, false}}, {}) ==
          RewriteErrc::bad_anchor);
    CHECK(refusal(source, nullptr, anchors(1), {true, {}}) == RewriteErrc::bad_anchor);
    CHECK(refusal(source, nullptr, anchors(1, true), {}) == RewriteErrc::bad_anchor);
}

TEST_CASE("telephone-event always crosses with its events listed, 0-15 if the other side lists none",
          "[SC-14.5-04][SC-14.5-06]") {
    const auto source = described(
        "m=audio 4000 RTP/AVP 0 101 102\r\na=rtpmap:101 telephone-event/8000\r\na=rtpmap:102 "
        "telephone-event/8000\r\na=fmtp:102 0-16\r\n");
    const std::string text = write(anchored(source));
    CHECK(text.find("a=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\n") != std::string::npos);
    CHECK(text.find("a=rtpmap:102 telephone-event/8000\r\na=fmtp:102 0-16\r\n") != std::string::npos);
}

TEST_CASE("addresses of both families, and RTCP elsewhere, are written where they differ") {
    auto a = anchors(2);
    a[0].rtcp.port = 30000;
    a[1].rtp = {*IpAddress::parse("2001:db8::5"), 20002};
    a[1].rtcp = {*IpAddress::parse("2001:db8::6"), 20003};
    const auto out = anchor(described("m=audio 4000 RTP/AVP 0\r\nm=audio 4002 RTP/AVP 0\r\n"), nullptr, a, {});
    REQUIRE(out.has_value());
    CHECK(out->connection->host == "203.0.113.1");
    CHECK(out->media[0].find("rtcp")->value == "30000");
    CHECK(out->media[1].connection->host == "2001:db8::5");
    CHECK(out->media[1].find("rtcp")->value == "20003 IN IP6 2001:db8::6");
}

TEST_CASE("our next offer keeps slots and the meaning of payload types (E-16, RFC 3264 8.3.2)") {
    const auto before = described(
        "m=audio 4000 RTP/AVP 0 101 96\r\na=rtpmap:101 telephone-event/8000\r\na=rtpmap:96 opus/48000/2\r\nm=video "
        "0 RTP/AVP 31\r\n");
    const auto next = described(
        "m=audio 4000 RTP/AVP 8 96 101 102\r\na=rtpmap:96 telephone-event/8000\r\na=rtpmap:101 "
        "iLBC/8000\r\na=rtpmap:102 speex/8000\r\n");
    const auto out = anchored(next, nullptr, {}, &before);
    REQUIRE(out.media.size() == 2);
    CHECK(out.media[1].port == 0);
    CHECK(out.media[1].media == "video");
    CHECK(formats(out) == Formats{"8", "127", "102", "101"});
    CHECK(write(out).find("a=rtpmap:101 telephone-event/8000") != std::string::npos);
    CHECK(write(out).find("a=rtpmap:127 iLBC/8000") != std::string::npos);
}

TEST_CASE("the version goes up by one exactly when something changed (RFC 3264 8)", "[SC-14.1-09]") {
    OriginState origin(4711, 10);
    auto d = anchored(described("m=audio 4000 RTP/AVP 0\r\n"));
    CHECK(origin.stamp(d).find("o=- 4711 10 IN IP4 203.0.113.1\r\n") != std::string::npos);
    CHECK(origin.stamp(d).find("o=- 4711 10 ") != std::string::npos);
    d.media[0].port = 20002;
    CHECK(origin.stamp(d).find("o=- 4711 11 ") != std::string::npos);
    d.origin.username = "somebody";
    CHECK(origin.stamp(d).find("o=- 4711 11 ") != std::string::npos);
    OriginState restored(origin.session_id(), origin.version(), origin.last());
    CHECK(restored.stamp(d).find("o=- 4711 11 ") != std::string::npos);
    d.media[0].port = 20000;
    CHECK(restored.stamp(d).find("o=- 4711 12 ") != std::string::npos);
}

TEST_CASE("no address, candidate, key or name of any product's description crosses") {
    if (!test::testdata()) {
        WARN("skipped: no test data");
        return;
    }
    std::size_t crossed = 0;
    for (const auto& file : test::files_in(*test::testdata() / "corpus" / "sdp", ".sdp")) {
        const auto source = sdp::parse(test::contents(file));
        if (source.has_error()) continue;
        INFO(file.filename());
        for (const bool srtp : {false, true}) {
            const auto out = anchor(*source, nullptr, anchors(16, srtp), {srtp, {}});
            if (out.has_error()) continue;
            ++crossed;
            const std::string text = text_of(*out);
            INFO(text);
            CHECK(sdp::parse(text).has_value());
            std::vector<std::string> secrets{source->origin.address};
            if (source->connection) secrets.push_back(source->connection->host);
            for (const auto& m : source->media) {
                if (m.connection) secrets.push_back(m.connection->host);
                for (const auto& a : m.attributes)
                    if (a.name == "crypto" || a.name == "candidate" || a.name == "ice-pwd" || a.name == "ssrc")
                        secrets.push_back(a.value);
            }
            for (const auto& secret : secrets)
                if (secret.size() > 2 && secret != our_rtp.address.to_string())  // one of them has the tests' own
                    CHECK(text.find(secret) == std::string::npos);
            for (const auto word : {"candidate", "fingerprint", "a=ice-", "BUNDLE", "a=ssrc", "a=mid"})
                CHECK(text.find(word) == std::string::npos);
            REQUIRE(out->media.size() == source->media.size());
            // What the other side would answer comes back in the offer's slots, with the offer's numbers.
            const auto answer = anchor(*out, &*source, anchors(16, view_stream(*source, 0).secure),
                                       {view_stream(*source, 0).secure, {}});
            if (answer.has_value()) CHECK(answer->media.size() == source->media.size());
        }
    }
    CHECK(crossed > 200);
}
