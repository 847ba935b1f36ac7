// rooms: sdp
// corpora: corpus/sdp fuzz/janus/fuzzers/corpora/sdp_fuzzer fuzz/pjsip/seed/fuzz-sdp fuzz/pjsip/seed/fuzz-crypto
// Any text is a description or an error; a description is written and read back equal; what we tell the other leg
// about it parses, keeps the slots, and carries neither its addresses nor its keys.
#include <algorithm>

#include "control/base/check.h"
#include "signaling/sdp/media_rewrite.h"
#include "tests/support/fuzz_seeds.h"

using namespace sallyport;
using namespace sallyport::sdp;

namespace {

std::vector<StreamAnchor> anchors(bool srtp) {
    StreamAnchor one{{IpAddress::v4(203, 0, 113, 1), 20000}, {IpAddress::v4(203, 0, 113, 1), 20001}, {}, false};
    if (srtp) one.crypto = CryptoLine{1, "AES_CM_128_HMAC_SHA1_80", Bytes(30, 7), {}, {}, {}};
    return std::vector<StreamAnchor>(limits::media, one);
}

bool is_place(const std::optional<Connection>& c) {
    return c && c->address && c->address != IpAddress::v4(203, 0, 113, 1);
}

void check_rewritten(const SessionDescription& source, const SessionDescription* offer, bool srtp) {
    const auto out = anchor(source, offer, anchors(srtp), {srtp, {}});
    if (out.has_error()) return;
    SALLYPORT_CHECK(out->media.size() == (offer != nullptr ? offer : &source)->media.size());
    OriginState origin(1, 1);
    const std::string text = origin.stamp(*out);
    SALLYPORT_CHECK(origin.stamp(*out) == text);
    const auto again = sdp::parse(text);
    SALLYPORT_CHECK(again.has_value());
    for (std::size_t i = 0; i < again->media.size(); ++i) {
        const StreamView view = view_stream(*again, i);
        if (view.rejected) continue;
        // A fax is in the clear, and never beside keys.
        if (view.t38)
            SALLYPORT_CHECK(!srtp && !view.secure);
        else
            SALLYPORT_CHECK(view.rtp && view.secure == srtp && !view.codecs.empty());
        SALLYPORT_CHECK(view.crypto.size() == (srtp ? 1u : 0u));
        SALLYPORT_CHECK(view.rtp_endpoint == anchors(srtp)[0].rtp);
        for (const auto& a : again->media[i].attributes)
            SALLYPORT_CHECK(a.name != "candidate" && a.name != "fingerprint" && (a.name != "crypto" || srtp));
        if (offer == nullptr) continue;
        const StreamView offered = view_stream(*offer, i);
        for (const auto& c : view.codecs)  // the offer's numbers, for the offer's codecs
            SALLYPORT_CHECK(std::any_of(offered.codecs.begin(), offered.codecs.end(),
                                        [&](const Codec& o) { return o.payload_type == c.payload_type; }));
    }
    if (is_place(source.connection) && source.connection->host.find_first_of(".:") != std::string::npos)
        for (const auto& m : again->media)
            if (m.port != 0)
                SALLYPORT_CHECK(write(SessionDescription{.media = {m}}).find(source.connection->host) ==
                                std::string::npos);
}

}  // namespace

std::vector<std::string> test::fuzz_seeds() {
    return {
        "v=0\r\no=a 1 2 IN IP4 192.0.2.7\r\ns=-\r\nc=IN IP4 192.0.2.7\r\nt=0 0\r\nm=audio 4000 RTP/SAVP 0 "
        "101\r\na=rtpmap:101 telephone-event/8000\r\n"
        "a=fmtp:101 0-15\r\na=crypto:7 AES_CM_128_HMAC_SHA1_80 "
        "inline:d0RmdmcmVCspeEc3QGZiNWpVLFJhQX1cfHAwJSoj|2^20|1:4 KDR=1\r\na=rtcp:4009 IN IP4 192.0.2.8\r\n",
        "v=0\no=- 1 1 IN IP6 ::1\ns= \nt=0 0\nm=audio 4000 RTP/AVP 8 96\nc=IN IP6 2001:db8::1\na=rtpmap:96 "
        "opus/48000/2\na=sendonly\nm=image 9 udptl t38\n"};
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    if (const auto line = parse_crypto(text)) {
        const auto again = parse_crypto(write_crypto(*line));
        SALLYPORT_CHECK(again && again->key == line->key && again->tag == line->tag && again->mki == line->mki);
        SALLYPORT_CHECK(again->lifetime == line->lifetime && again->session_parameters == line->session_parameters);
    }
    const auto description = sdp::parse(text);
    if (description.has_error()) {
        SALLYPORT_CHECK(!to_string(description.error().code).empty());
        return 0;
    }
    // What was heard is the same as views of its text.
    const auto heard = sdp::view(text);
    SALLYPORT_CHECK(heard.has_value() && own(*heard) == *description && write(*heard) == write(*description));
    for (std::size_t i = 0; i < heard->media.size(); ++i)
        SALLYPORT_CHECK(view_stream(*heard, i).codecs.size() == view_stream(*description, i).codecs.size());
    const auto again = sdp::parse(write(*description));
    if (again.has_error())
        SALLYPORT_CHECK(again.error().code == SdpErrc::too_large);  // LF became CRLF
    else
        SALLYPORT_CHECK(*again == *description);
    for (const bool srtp : {false, true}) {
        check_rewritten(*description, nullptr, srtp);
        check_rewritten(*description, &*description, srtp);
    }
    // An answer to the first half with the second.
    const auto offer = sdp::parse(text.substr(0, size / 2)), answer = sdp::parse(text.substr(size / 2));
    if (offer.has_value() && answer.has_value()) check_rewritten(*answer, &*offer, false);
    return 0;
}
