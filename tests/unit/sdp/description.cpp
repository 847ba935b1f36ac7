// Reading and writing session descriptions: RFC 8866, bounds, and what products really send.
#include <catch2/catch.hpp>
#include <map>

#include "signaling/sdp/session_description.h"
#include "tests/support/testdata.h"

using namespace sallyport;
using namespace sallyport::sdp;

namespace {

const std::string head = "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n";

SessionDescription described(std::string_view text) {
    auto parsed = sdp::parse(text);
    INFO(text);
    REQUIRE(parsed.has_value());
    return std::move(*parsed);
}
SdpErrc refusal(std::string_view text) {
    const auto parsed = sdp::parse(text);
    INFO(text.substr(0, 400));
    REQUIRE(parsed.has_error());
    return parsed.error().code;
}
StreamView stream(std::string_view media_lines, std::size_t index = 0) {
    return view_stream(described(head + std::string(media_lines)), index);
}
std::string names(const StreamView& v) {
    std::string out;
    for (const auto& c : v.codecs)
        out += std::to_string(c.payload_type) + "=" + c.name + "/" + std::to_string(c.clock_rate) + "/" +
               std::to_string(c.channels) + " ";
    return out;
}

}  // namespace

TEST_CASE("a description is taken apart and written in order") {
    const std::string text =
        "v=0\r\no=alice 2890844526 2890842807 IN IP6 2001:db8::1\r\ns=SDP Seminar\r\nc=IN IP4 "
        "192.0.2.4/127\r\nb=AS:80\r\nt=0 0\r\n"
        "a=x-session:kept\r\nm=audio 49170/2 RTP/AVP 0 101\r\nc=IN IP6 ::\r\nb=TIAS:64000\r\na=rtpmap:101 "
        "telephone-event/8000\r\na=sendonly\r\n"
        "m=image 0 udptl t38\r\n";
    const auto d = described(text);
    CHECK(d.origin == Origin{"alice", "2890844526", "2890842807", "2001:db8::1", Family::v6});
    CHECK(d.connection->host == "192.0.2.4");
    CHECK(d.media.size() == 2);
    CHECK(d.media[0].port == 49170);
    CHECK(d.media[0].formats == std::vector<std::string>{"0", "101"});
    CHECK(d.media[0].connection->address == IpAddress::parse("::"));
    CHECK_FALSE(d.media[0].find("sendonly")->has_value);
    CHECK(d.find("x-session")->value == "kept");
    CHECK(d.find("absent") == nullptr);
    CHECK(*sdp::parse(write(d)) == d);
    CHECK(write(d).find("m=image 0 udptl t38\r\n") != std::string::npos);
}

TEST_CASE("line ends: CRLF, LF, CR CR LF, none at the end, empty lines between") {
    const auto d = described(head + "m=audio 4000 RTP/AVP 0\r\na=ptime:20\r\n");
    CHECK(described(
              "v=0\no=- 1 1 IN IP4 192.0.2.1\ns=-\nc=IN IP4 192.0.2.1\nt=0 0\nm=audio 4000 RTP/AVP 0\na=ptime:20") ==
          d);
    CHECK(described(head + "m=audio 4000 RTP/AVP 0\r\r\na=ptime:20 \r\r\n\r\n\r\n") == d);
}

TEST_CASE("what products leave out or get wrong harmlessly is read") {
    const auto times = [](const std::string& lines) {
        const auto d = described("v=0\r\no=- 1 1 IN IP4 h\r\n" + lines + "m=audio 0 RTP/AVP 0\r\n");
        CHECK(described(write(d)) == d);
        return d.times;
    };
    using Times = std::vector<std::string>;
    CHECK(times("").empty());
    CHECK(times("t=0 0\r\n").empty());
    CHECK(times("t=1 2\r\n") == Times{"1 2"});
    CHECK(times("t=0 0\r\nt=1 2\r\n") == Times{"0 0", "1 2"});
    CHECK(times("t=1 2\r\nt=0 0\r\n") == Times{"1 2", "0 0"});
    CHECK(times("t=0 0\r\nt=0 0\r\n") == Times{"0 0", "0 0"});
    CHECK(described("v=0\r\no=Cisco-SIPUA (null) (null) IN IP4 192.0.2.9\r\n").origin ==
          Origin{"Cisco-SIPUA", "0", "0", "192.0.2.9", Family::v4});
    CHECK(described("v=0\r\no=-1307081803 2 IN IP4 192.0.2.9\r\n").origin.version == "2");
    CHECK(described("v=0\r\no=two words 5 6 IN IP4 h\r\n").origin.username == "two words");
    CHECK(described("v=0\r\no=- 99999999999999999999999 1 IN IP4 h\r\n").origin.session_id ==
          "99999999999999999999999");
    CHECK(described("v=0\r\ns=first\r\no=- 1 1 IN IP4 h\r\n").session_name == "first");
}

TEST_CASE("what addresses or counts something must be right") {
    CHECK(refusal("") == SdpErrc::empty);
    CHECK(refusal("\r\n") == SdpErrc::empty);
    CHECK(refusal("o=- 1 1 IN IP4 h\r\nv=0\r\n") == SdpErrc::bad_order);
    CHECK(refusal("v=1\r\n") == SdpErrc::bad_version);
    CHECK(refusal("v=0\r\ns=-\r\n") == SdpErrc::bad_origin);
    CHECK(refusal("v=0\r\no=- 1 1 IN IPX h\r\n") == SdpErrc::bad_origin);
    CHECK(refusal("v=0\r\no=- 1 1 IN IP4 h\r\no=- 1 1 IN IP4 h\r\n") == SdpErrc::bad_order);
    for (const auto line : {"hello", "m", "=x", "M=audio 1 RTP/AVP 0", "a=x\ry",
                            "\xef\xbb\xbf"
                            "a=x"})
        CHECK(refusal(head + line + "\r\n") == SdpErrc::bad_line);
    CHECK(refusal(head + std::string("a=x\0y\r\n", 8)) == SdpErrc::bad_line);
    for (const auto c :
         {"IN IP4", "IN IP4 2001:db8::1", "IN IP6 192.0.2.1", "IN IP6 [2001:db8::1]", "ATM NSAP x", "IN IP4 /127", ""})
        CHECK(refusal("v=0\r\no=- 1 1 IN IP4 h\r\nc=" + std::string(c) + "\r\n") == SdpErrc::bad_connection);
    for (const auto port : {"65536", "-1", "+5", "4294967297", "5x", "", "5/x", "/2"})
        CHECK((refusal(head + "m=audio " + port + " RTP/AVP 0\r\n") == SdpErrc::bad_port || *port == '\0'));
    for (const auto m : {"audio", "audio 4000", "au dio 4000 RTP/AVP 0", "a(b 4000 RTP/AVP 0", "audio 4000 RTP@AVP 0",
                         "audio 4000 R\xff 0"})
        CHECK(sdp::parse(head + "m=" + m + "\r\n").has_error());
    for (const auto a : {"", ":x", "na me:x", "\x01:x"})
        CHECK(refusal(head + "a=" + a + "\r\n") == SdpErrc::bad_attribute);
    CHECK(refusal("v=0\r\no=- 1 1 IN IP4 h\r\nm=audio 4000 RTP/AVP 0\r\n") == SdpErrc::missing_connection);
    CHECK(sdp::parse(head + "x=1\r\n").has_value());  // an unknown type is passed over
    CHECK(sdp::parse(head + "m=audio 4000 RTP/AVP 0\r\ns=x\r\n").error().line == 7);
}

TEST_CASE(
    "payload types have seven bits (CVE-2018-1000098) and fmtp may say anything (CVE-2018-1000099) [reliability 3]") {
    for (const auto f : {"128", "-1", "4294967296", "4294967295", "0 200", "x", ""})
        CHECK((refusal(head + "m=audio 17002 RTP/AVP " + f + "\r\n") == SdpErrc::bad_format));
    CHECK(stream("m=audio 17002 RTP/AVP 127\r\na=fmtp\r\na=fmtp:\r\na=fmtp:127\r\na=fmtp:4294967296 "
                 "x\r\na=rtpmap\r\na=rtpmap:\r\na=rtpmap:127\r\n")
              .codecs.size() == 1);
}

TEST_CASE("counts are limited: m-lines, attributes, formats, bytes [reliability 3]") {
    const auto repeated = [](std::string_view line, std::size_t n) {
        std::string out = head;
        for (std::size_t i = 0; i < n; ++i) out += line;
        return out;
    };
    CHECK(sdp::parse(repeated("m=audio 0 RTP/AVP 0\r\n", limits::media)).has_value());
    CHECK(refusal(repeated("m=audio 0 RTP/AVP 0\r\n", limits::media + 1)) == SdpErrc::too_many);
    CHECK(refusal(repeated("m=audio 0 RTP/AVP 0\r\n", 1'000)) == SdpErrc::too_many);
    CHECK(sdp::parse(repeated("a=x\r\n", limits::attributes)).has_value());
    CHECK(refusal(repeated("a=x\r\n", limits::attributes + 1)) == SdpErrc::too_many);
    CHECK(refusal(repeated("b=AS:1\r\n", limits::attributes + 1)) == SdpErrc::too_many);
    std::string m = "m=audio 4000 RTP/AVP";
    for (std::size_t i = 0; i < limits::formats; ++i) m += " " + std::to_string(i);
    CHECK(described(head + m + "\r\n").media[0].formats.size() == limits::formats);
    CHECK(refusal(head + m + " 1\r\n") == SdpErrc::too_many);
    CHECK(refusal(head + "a=" + std::string(limits::bytes, 'x')) == SdpErrc::too_large);
}

TEST_CASE("the largest description we accept is written and read back equal (CVE-2022-24764) [reliability 20]") {
    std::string text = head;
    for (std::size_t i = 0; i < limits::media; ++i) text += "m=audio 4000 RTP/AVP 0 8\r\n";
    while (text.size() + 70 < limits::bytes) text += "a=x:" + std::string(60, 'y') + "\r\n";
    const auto d = described(text);
    CHECK(write(d) == text);
    CHECK(described(write(d)) == d);
}

TEST_CASE("codecs by number: rtpmap, the static table, unknown, duplicates") {
    CHECK(names(stream("m=audio 4000 RTP/AVP 0 8 9 18 3 10 13 101 96 97 0\r\na=rtpmap:101 "
                       "telephone-event/8000\r\na=rtpmap:96 opus/48000/2\r\na=rtpmap:101 X/1\r\n")) ==
          "0=PCMU/8000/1 8=PCMA/8000/1 9=G722/8000/1 18=G729/8000/1 3=GSM/8000/1 10=L16/44100/2 13=CN/8000/1 "
          "101=telephone-event/8000/1 "
          "96=opus/48000/2 97=/8000/1 ");
    for (const auto bad : {"96 X", "96 /8000", "96 X/0", "96 X/-1", "96 X/8000/0", "96 X/8000/256", "96 X/4294967296",
                           "128 X/8000", "x X/8000"})
        CHECK(names(stream("m=audio 4000 RTP/AVP 96\r\na=rtpmap:" + std::string(bad) + "\r\n")) == "96=/8000/1 ");
    CHECK(names(stream("m=audio 4000 RTP/AVP 97\r\na=rtpmap: 97 iLBC/8000\r\n")) == "97=iLBC/8000/1 ");
    CHECK(names(stream("m=audio 4000 RTP/AVP 18 9\r\na=rtpmap:18 G729a/8000\r\na=rtpmap:9 G722/16000\r\n")) ==
          "18=G729/8000/1 9=G722/8000/1 ");
}

TEST_CASE("protocols: what is RTP for us, what is secure") {
    CHECK(stream("m=audio 4000 RTP/AVP 0\r\n").rtp);
    CHECK_FALSE(stream("m=audio 4000 RTP/AVP 0\r\n").secure);
    CHECK(stream("m=audio 4000 RTP/SAVPF 0\r\n").secure);
    CHECK(stream("m=audio 4000 rtp/avpf 0\r\n").rtp);
    CHECK_FALSE(stream("m=audio 4000 UDP/TLS/RTP/SAVPF 0\r\n").rtp);  // DTLS-SRTP: keys we cannot have
    const auto fax = stream("m=image 4000 udptl t38\r\n");
    CHECK_FALSE(fax.rtp);
    CHECK(fax.codecs.empty());
    CHECK(fax.rtp_endpoint == Endpoint::parse("192.0.2.1:4000"));
    CHECK(fax.t38);
    CHECK(stream("m=image 4000 UDPTL T38\r\n").t38);
    for (const auto other : {"m=image 4000 TCP t38", "m=image 4000 TCP/TLS t38", "m=image 4000 UDP/TLS/UDPTL t38",
                             "m=image 4000 RTP/AVP 98", "m=audio 4000 udptl t38", "m=image 4000 udptl t30"})
        CHECK_FALSE(stream(std::string(other) + "\r\n").t38);
}

TEST_CASE("RTCP: port + 1, or where a=rtcp says (RFC 3605)") {
    const auto rtcp = [](std::string_view lines) {
        const auto v = stream(lines);
        return v.rtcp_endpoint ? v.rtcp_endpoint->to_string() : "-";
    };
    CHECK(rtcp("m=audio 4000 RTP/AVP 0\r\n") == "192.0.2.1:4001");
    CHECK(rtcp("m=audio 4001 RTP/AVP 0\r\n") == "192.0.2.1:4002");  // odd ports are taken as signalled
    CHECK(rtcp("m=audio 65535 RTP/AVP 0\r\n") == "-");
    CHECK(rtcp("m=audio 4000 RTP/AVP 0\r\na=rtcp:53020\r\n") == "192.0.2.1:53020");
    CHECK(rtcp("m=audio 4000 RTP/AVP 0\r\na=rtcp:53020 IN IP6 2001:db8::2\r\n") == "[2001:db8::2]:53020");
    CHECK(rtcp("m=audio 4000 RTP/AVP 0\r\na=rtcp:53020 IN IP4 name.example\r\n") == "-");
    CHECK(rtcp("m=audio 4000 RTP/AVP 0\r\na=rtcp:65536\r\n") == "192.0.2.1:4001");
    CHECK(rtcp("m=audio 0 RTP/AVP 0\r\n") == "-");
}

TEST_CASE("direction is inherited, and a zero address is a hold (RFC 3264 8.4)", "[SC-14.10-06]") {
    const auto direction = [](std::string_view text) { return to_string(view_stream(described(text), 0).direction); };
    const std::string inactive_session = head + "a=inactive\r\n";
    CHECK(direction(head + "m=audio 4000 RTP/AVP 0\r\n") == "sendrecv");
    CHECK(direction(inactive_session + "m=audio 4000 RTP/AVP 0\r\n") == "inactive");
    CHECK(direction(inactive_session + "m=audio 4000 RTP/AVP 0\r\na=recvonly\r\n") == "recvonly");
    for (const auto zero : {"c=IN IP4 0.0.0.0\r\n", "c=IN IP6 ::\r\n"}) {
        const std::string m = "m=audio 4000 RTP/AVP 0\r\n" + std::string(zero);
        CHECK(stream(m).zero_address);
        CHECK(direction(head + m) == "sendonly");
        CHECK(direction(head + m + "a=sendrecv\r\n") == "sendonly");
        CHECK(direction(head + m + "a=recvonly\r\n") == "inactive");
        CHECK(direction(head + m + "a=inactive\r\n") == "inactive");
    }
    CHECK(reversed(Direction::sendonly) == Direction::recvonly);
    CHECK(reversed(reversed(Direction::recvonly)) == Direction::recvonly);
    CHECK(reversed(Direction::inactive) == Direction::inactive);
}

TEST_CASE("a name instead of an address gives no endpoint, port 0 is a refusal") {
    CHECK_FALSE(stream("m=audio 4000 RTP/AVP 0\r\nc=IN IP4 media.example.com\r\n").rtp_endpoint.has_value());
    const auto refused = stream("m=audio 0 RTP/AVP 0\r\n");
    CHECK(refused.rejected);
    CHECK_FALSE(refused.rtp_endpoint.has_value());
}

TEST_CASE("the SDP bodies of real products are read, with the exceptions listed") {
    if (!test::testdata()) {
        WARN("skipped: no test data");
        return;
    }
    const std::map<std::string, SdpErrc> refused{
        {"036", SdpErrc::bad_format},          // an m-line without any format
        {"060", SdpErrc::missing_connection},  // fragments of documents, without c= ...
        {"061", SdpErrc::missing_connection}, {"064", SdpErrc::missing_connection},
        {"104", SdpErrc::bad_origin},                                        // ... or without o=
        {"179", SdpErrc::bad_origin},         {"123", SdpErrc::bad_format},  // a parser test's payload type 140
        {"177", SdpErrc::bad_format},                                        // "*" as a format of RTP/AVP
        {"178", SdpErrc::bad_format},         {"205", SdpErrc::bad_format},  // CVE-2018-1000098 itself: 4294967296
    };
    const auto files = test::files_in(*test::testdata() / "corpus" / "sdp", ".sdp");
    CHECK(files.size() == 169);
    for (const auto& file : files) {
        INFO(file.filename());
        const auto parsed = sdp::parse(test::contents(file));
        const auto known = refused.find(file.filename().string().substr(0, 3));
        REQUIRE(parsed.has_value() == (known == refused.end()));
        if (parsed.has_error()) {
            CHECK(parsed.error().code == known->second);
            continue;
        }
        CHECK(*sdp::parse(write(*parsed)) == *parsed);
        for (std::size_t i = 0; i < parsed->media.size(); ++i) (void)view_stream(*parsed, i);
    }
}
