// What one message costs the grammar: a 1,327-byte INVITE with SDP, as a PBX sends it over a trunk. "invite/..." is
// ours and its rivals' (invite_rivals.h), the other rows are ours alone. One core, no I/O.
#include <benchmark/benchmark.h>

#include "bench/micro/invite_rivals.h"
#include "control/base/check.h"
#include "signaling/sdp/media_rewrite.h"
#include "signaling/sip/compose.h"
#include "signaling/sip/digest.h"
#include "signaling/sip/framer.h"
#include "signaling/sip/parser.h"

namespace {

using namespace sallyport;

constexpr std::string_view body =
    "v=0\r\n"
    "o=- 1732538871 1732538871 IN IP4 198.51.100.24\r\n"
    "s=-\r\n"
    "c=IN IP4 198.51.100.24\r\n"
    "t=0 0\r\n"
    "m=audio 18432 RTP/SAVP 8 0 9 101\r\n"
    "a=rtpmap:8 PCMA/8000\r\n"
    "a=rtpmap:0 PCMU/8000\r\n"
    "a=rtpmap:9 G722/8000\r\n"
    "a=rtpmap:101 telephone-event/8000\r\n"
    "a=fmtp:101 0-15\r\n"
    "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:d0RmdmcmVCspeEc3QGZiNWpVLFJhQX1cfHAwJSoj\r\n"
    "a=ptime:20\r\n"
    "a=sendrecv\r\n";

std::string invite() {
    std::string head =
        "INVITE sip:+12145550100@sip.provider.example;user=phone SIP/2.0\r\n"
        "Via: SIP/2.0/TLS 198.51.100.20:5061;branch=z9hG4bK-524287-1---a3f1c09be6d24e71;rport\r\n"
        "Max-Forwards: 70\r\n"
        "Route: <sip:edge-1.provider.example:5061;transport=tls;lr>\r\n"
        "From: \"Front Desk\" <sip:+19725550123@sip.provider.example;user=phone>;tag=8f1d2a6e\r\n"
        "To: <sip:+12145550100@sip.provider.example;user=phone>\r\n"
        "Call-ID: 7d0c9f52-3b61-4e1a-9a55-0d2f64c1be77@198.51.100.20\r\n"
        "CSeq: 102 INVITE\r\n"
        "Contact: "
        "<sip:+19725550123@198.51.100.20:5061;transport=tls>;+sip.instance=\"<urn:uuid:3c1e5f5e-0000-1000-8000-"
        "000A95A0E128>\"\r\n"
        "P-Asserted-Identity: \"Front Desk\" <sip:+19725550123@sip.provider.example>\r\n"
        "Allow: INVITE, ACK, CANCEL, OPTIONS, BYE, REFER, NOTIFY, INFO, PRACK, UPDATE\r\n"
        "Supported: replaces, timer, 100rel\r\n"
        "Session-Expires: 1800;refresher=uac\r\n"
        "Min-SE: 90\r\n"
        "Accept: application/sdp, application/dtmf-relay\r\n"
        "User-Agent: ";
    const std::string tail =
        "\r\nContent-Type: application/sdp\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n";
    constexpr std::size_t size = 1'327;
    SALLYPORT_CHECK(head.size() + tail.size() + body.size() <= size);
    constexpr std::string_view agent = "Example IP-PBX 18.9.0 (build 20260114; trunk module 4.2.117; Linux x86_64)";
    const std::size_t room = size - head.size() - tail.size() - body.size();
    SALLYPORT_CHECK(room <= agent.size());
    head.append(agent.substr(0, room)).append(tail).append(body);
    return head;
}

void message_alone(benchmark::State& state) {
    const std::string text = invite();
    for (auto _ : state) {
        const auto m = sip::Parser::parse(text);
        benchmark::DoNotOptimize(m.has_value());
    }
}

void framed(benchmark::State& state) {
    const std::string text = invite();
    sip::Framer framer;
    for (auto _ : state) {
        framer.append(text);
        const auto event = framer.next();
        benchmark::DoNotOptimize(std::holds_alternative<sip::Framer::Message>(event));
    }
}

void response_100(benchmark::State& state) {
    const auto m = sip::Parser::parse(invite());
    SALLYPORT_CHECK(m.has_value());
    const Endpoint source{IpAddress::v4(198, 51, 100, 20), 40112};
    for (auto _ : state) benchmark::DoNotOptimize(sip::respond(*m, 100, {}, &source).finish());
}

void sdp_parsed(benchmark::State& state) {
    for (auto _ : state) {
        const auto d = sdp::parse(body);
        benchmark::DoNotOptimize(d.has_value());
    }
}

void sdp_rewritten(benchmark::State& state) {
    const auto source = sdp::parse(body);
    SALLYPORT_CHECK(source.has_value());
    const sdp::StreamAnchor ours{
        {IpAddress::v4(203, 0, 113, 1), 20000}, {IpAddress::v4(203, 0, 113, 1), 20001}, {}, false};
    const std::vector<sdp::StreamAnchor> anchors{ours};
    for (auto _ : state) {
        sdp::OriginState origin(1, 1);
        benchmark::DoNotOptimize(origin.stamp(*sdp::anchor(*source, nullptr, anchors, {})));
    }
}

void digest_checked(benchmark::State& state) {
    constexpr std::string_view header =
        "Digest username=\"pbx-acme\", realm=\"edge.example.com\", nonce=\"6f1c0a6f1c0a6f1c0a6f1c0a\", "
        "uri=\"sip:edge.example.com\","
        " algorithm=SHA-256, qop=auth, nc=00000002, cnonce=\"c0ffee\","
        " response=\"a118b5e9aa359bf48d57bc35390bb02ab0788c1895afb81ed55e50cf9af3f857\"";
    const auto ha1 = sip::digest_ha1(sip::DigestAlgorithm::sha256, "pbx-acme", "edge.example.com", "secret");
    for (auto _ : state) {
        const auto answer = sip::parse_digest_answer(header);
        benchmark::DoNotOptimize(sip::digest_response(*answer, ha1, "REGISTER"));
    }
}

BENCHMARK(message_alone)->Name("message");
BENCHMARK(framed)->Name("framer");
BENCHMARK(response_100)->Name("respond");
BENCHMARK(sdp_parsed)->Name("sdp/parse");
BENCHMARK(sdp_rewritten)->Name("sdp/rewrite");
BENCHMARK(digest_checked)->Name("digest/sha256");

}  // namespace

int main(int argc, char** argv) {
    invite_rivals::check_that_all_say_the_same(invite());
    invite_rivals::add(invite());
    benchmark::Initialize(&argc, argv);
    if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 1;
    benchmark::RunSpecifiedBenchmarks();
    return 0;
}
