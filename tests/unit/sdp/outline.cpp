// A description in a few words says what its streams say, whatever way it is written.
#include <catch2/catch.hpp>

#include "signaling/sdp/outline.h"
#include "signaling/sdp/session_description.h"

using namespace sallyport::sdp;

namespace {

const std::string head = "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n";
std::string of(std::string_view media) { return outline(head + std::string(media)); }

}  // namespace

TEST_CASE("an outline names streams, security, direction and the first three codecs") {
    CHECK(of("m=audio 4000 RTP/AVP 8 0 101 18\r\na=rtpmap:101 telephone-event/8000\r\n") == "audio PCMA,PCMU,te");
    CHECK(of("m=audio 4000 RTP/SAVP 96 8 8 97\r\na=sendonly\r\na=rtpmap:96 opus/48000/2\r\n") ==
          "audio srtp sendonly opus,PCMA,97");
    CHECK(of("m=audio 0 RTP/AVP 8\r\nm=image 4002 udptl t38\r\n") == "audio off + image t38");
    CHECK(of("a=recvonly\r\nm=audio 4000 RTP/AVP 0\r\nm=audio 4002 RTP/AVP 0\r\na=inactive\r\n") ==
          "audio recvonly PCMU + audio inactive PCMU");
    CHECK(of("m=audio 4000 RTP/AVP 0\r\nc=IN IP4 0.0.0.0\r\n") == "audio sendonly PCMU");
    CHECK(of("m=audio 4000 RTP/AVP 18\na=rtpmap:18 G729a/8000 \n") == "audio G729");
    CHECK(of("m=application 4000 TCP/MRCPv2 1\r\n") == "applicat");
    CHECK(of("") == "SDP without media");
    for (const auto* bad : {"", "o=- 1 1 IN IP4 h\r\n", "v=0\r\nm=audio\r\n", "v=0\r\nm=audio x RTP/AVP 0\r\n"})
        CHECK(outline(bad) == "SDP?");
}

TEST_CASE("an outline is short and has no address and no key, whatever the description says") {
    const std::string name(5'000, 'x');
    const auto text = of("m=audio 4000 RTP/SAVP 96 97 98 99\r\na=rtpmap:96 " + name + "/8000\r\na=rtpmap:97 " + name +
                         "/8000\r\na=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:AAAA\r\n");
    CHECK(text.size() < 100);
    CHECK(text.find("inline") == std::string::npos);
    CHECK(text.find("192.0.2") == std::string::npos);
}
