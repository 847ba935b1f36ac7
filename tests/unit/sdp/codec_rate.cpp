// What a party may send, by codec, packet time and bandwidth.
#include "signaling/sdp/codec_rate.h"

#include <catch2/catch.hpp>

using namespace sallyport::sdp;

namespace {

StreamPace pace(const std::string& heard_lines, const std::string& told_lines) {
    const std::string head = "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n";
    const auto heard = parse(head + heard_lines), told = parse(head + told_lines);
    REQUIRE(heard.has_value());
    REQUIRE(told.has_value());
    return pace_of(view_stream(*heard, 0), heard->media[0], view_stream(*told, 0), told->media[0]);
}
StreamPace pace(const std::string& lines) { return pace(lines, lines); }

}  // namespace

TEST_CASE("G.711 in packets of 20 ms has twice its bytes, twice its packets and room for telephone-events") {
    CHECK(pace("m=audio 4000 RTP/AVP 8 101\r\na=rtpmap:101 telephone-event/8000\r\n") ==
          StreamPace{120, 2 * 8'000 + 120 * 40});
    CHECK(pace("m=audio 4000 RTP/SAVP 0\r\na=ptime:20\r\n") == StreamPace{120, 20'800});
}

TEST_CASE("The shorter packet time of what either has asked for counts, and no longer one than 20 ms") {
    CHECK(pace("m=audio 4000 RTP/AVP 8\r\na=ptime:10\r\n").packets_per_second == 220);
    CHECK(pace("m=audio 4000 RTP/AVP 8\r\n", "m=audio 4000 RTP/AVP 8\r\na=ptime:10\r\n").packets_per_second == 220);
    CHECK(pace("m=audio 4000 RTP/AVP 8\r\na=ptime:10\r\n", "m=audio 4000 RTP/AVP 8\r\na=ptime:30\r\n")
              .packets_per_second == 220);
    CHECK(pace("m=audio 4000 RTP/AVP 8\r\na=ptime:60\r\n").packets_per_second == 120);
    CHECK(pace("m=audio 4000 RTP/AVP 8\r\na=ptime:2.5\r\n").packets_per_second == 1'020);
    for (const char* odd : {"0", "", "x", "-20", "5000"})
        CHECK(pace(std::string("m=audio 4000 RTP/AVP 8\r\na=ptime:") + odd + "\r\n").packets_per_second == 120);
}

TEST_CASE("The greatest codec that both have named decides") {
    CHECK(pace("m=audio 4000 RTP/AVP 18\r\n").bytes_per_second == 2 * 1'000 + 120 * 40);
    CHECK(pace("m=audio 4000 RTP/AVP 8 18\r\n").bytes_per_second == 20'800);
    CHECK(pace("m=audio 4000 RTP/AVP 18 8\r\n", "m=audio 4000 RTP/AVP 18\r\n").bytes_per_second == 6'800);
    CHECK(pace("m=audio 4000 RTP/AVP 96\r\na=rtpmap:96 L16/16000/2\r\n").bytes_per_second == 2 * 64'000 + 4'800);
}

TEST_CASE("Of a codec that is not known nothing is said of its bytes") {
    CHECK(pace("m=audio 4000 RTP/AVP 96 8\r\na=rtpmap:96 X-NEW/8000\r\n") == StreamPace{120, 0});
    CHECK(pace("m=audio 4000 RTP/AVP 8\r\n", "m=audio 4000 RTP/AVP 0\r\n") == StreamPace{120, 0});
}

TEST_CASE("Video has what its receiver's bandwidth allows") {
    const std::string video = "m=video 4000 RTP/AVP 96\r\n", type = "a=rtpmap:96 H264/90000\r\n";
    CHECK(pace(video + type, video + "b=AS:512\r\n" + type) == StreamPace{0, 2 * 64'000});
    CHECK(pace(video + type, video + "b=TIAS:512000\r\n" + type) == StreamPace{0, 2 * 64'000});
    CHECK(pace(video + type, video + "b=AS:4294967295\r\n" + type) == StreamPace{0, 4'294'967'295});
    CHECK(pace(video + "b=AS:512\r\n" + type, video + type) == StreamPace{});  // what it wants to hear itself
}

TEST_CASE("What is no RTP has no pace") { CHECK(pace("m=image 4000 udptl t38\r\n") == StreamPace{}); }
