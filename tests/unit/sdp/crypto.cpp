// SDES lines: RFC 4568 9.1 and E-20's odd ones.
#include <catch2/catch.hpp>

#include "signaling/sdp/session_description.h"

using namespace sallyport;
using namespace sallyport::sdp;

namespace {

const std::string key30 = "d0RmdmcmVCspeEc3QGZiNWpVLFJhQX1cfHAwJSoj";  // 40 characters, 30 bytes

CryptoLine line(std::string_view text) {
    auto parsed = parse_crypto(text);
    INFO(text);
    REQUIRE(parsed.has_value());
    return std::move(*parsed);
}

}  // namespace

TEST_CASE("a crypto line of RFC 4568 is read and written") {
    const auto c = line("1 AES_CM_128_HMAC_SHA1_80 inline:" + key30 + "|2^20|1:4 KDR=1 UNENCRYPTED_SRTCP");
    CHECK(c.tag == 1);
    CHECK(c.suite == "AES_CM_128_HMAC_SHA1_80");
    CHECK(c.key.size() == 30);
    CHECK(c.lifetime == "2^20");
    CHECK(c.mki == "1:4");
    CHECK(c.session_parameters == std::vector<std::string>{"KDR=1", "UNENCRYPTED_SRTCP"});
    CHECK(write_crypto(c) == "1 AES_CM_128_HMAC_SHA1_80 inline:" + key30 + "|2^20|1:4 KDR=1 UNENCRYPTED_SRTCP");
}

TEST_CASE("any tag is kept: the answer has to echo it") {
    CHECK(line("7 AES_CM_128_HMAC_SHA1_32 inline:" + key30).tag == 7);
    CHECK(line("999999999 AES_CM_128_HMAC_SHA1_32 inline:" + key30).tag == 999'999'999);
    for (const auto tag : {"0", "-1", "1000000000", "x", "1.5"})
        CHECK_FALSE(parse_crypto(std::string(tag) + " AES_CM_128_HMAC_SHA1_80 inline:" + key30).has_value());
}

TEST_CASE("wrong base64 padding changes no key, a wrong length does") {
    const Bytes key = line("1 AES_CM_128_HMAC_SHA1_80 inline:" + key30).key;
    CHECK(line("1 AES_CM_128_HMAC_SHA1_80 inline:" + key30 + "=").key == key);
    CHECK(line("1 AES_CM_128_HMAC_SHA1_80 inline:" + key30 + "==").key == key);
    // 46 bytes end in "==", which some leave out; 28 bytes likewise.
    const std::string key46 = to_base64(Bytes(46, 0x5a)), key28 = to_base64(Bytes(28, 0x5a));
    CHECK(line("1 AES_256_CM_HMAC_SHA1_80 inline:" + key46.substr(0, key46.find('='))).key == Bytes(46, 0x5a));
    CHECK(line("1 AEAD_AES_128_GCM inline:" + key28.substr(0, key28.find('='))).key == Bytes(28, 0x5a));
    for (const std::string& key_text :
         {key30.substr(0, 39), key30 + "AAAA", key46, std::string("!") + key30.substr(1), std::string()})
        CHECK_FALSE(parse_crypto("1 AES_CM_128_HMAC_SHA1_80 inline:" + key_text).has_value());
    CHECK(line("1 FUTURE_SUITE inline:AAAA").key.size() == 3);  // judged by whoever knows it
}

TEST_CASE("lifetime and MKI in every legal combination, and nothing else") {
    const std::string start = "1 AES_CM_128_HMAC_SHA1_80 inline:" + key30;
    CHECK(line(start + "|2^31").lifetime == "2^31");
    CHECK(line(start + "|1048576").lifetime == "1048576");
    CHECK(line(start + "|1:4").mki == "1:4");
    CHECK(line(start + "|1:4").lifetime.empty());
    CHECK_FALSE(
        parse_crypto(start + "|2^20|1:4;inline:" + key30 + "|2^20|2:4"));  // its sender changes them as it likes
    CHECK_FALSE(parse_crypto(start + ";inline:" + key30));
    for (const auto tail :
         {"|", "||", "|x", "|2^", "|2^0", "|2^49", "|0", "|01024", "|281474976710657", "|99999999999999999999",
          "|1:", "|:4", "|1:0", "|1:129", "|256:1", "|1:4|2^20", "|2^20|1:4|5", "|2^20|2^20", "|1x:4"})
        CHECK_FALSE(parse_crypto(start + tail).has_value());
    for (const auto text : {"", "1", "1 AES_CM_128_HMAC_SHA1_80", "1 AES_CM_128_HMAC_SHA1_80 outline:x",
                            "1 AES_CM_128_HMAC_SHA1_80 inline:"})
        CHECK_FALSE(parse_crypto(text).has_value());
}

TEST_CASE("what a line says of its key: how many packets, and by which octets they name it (RFC 4568 6.1) [E-20]") {
    const std::string start = "1 AES_CM_128_HMAC_SHA1_80 inline:" + key30;
    const auto lifetime = [&](std::string_view tail) { return lifetime_of(line(start + std::string(tail))); };
    CHECK(lifetime("") == 0);
    CHECK(lifetime("|2^20") == 1'048'576);
    CHECK(lifetime("|5000") == 5'000);
    CHECK(lifetime("|2^48") == lifetime("|281474976710656"));
    const auto mki = [&](std::string_view tail) { return mki_of(line(start + std::string(tail))); };
    CHECK(mki("|2^20").empty());
    CHECK(mki("|1:4") == Bytes{0, 0, 0, 1});
    CHECK(mki("|2^20|1066:4") == Bytes{0, 0, 4, 42});  // the example of RFC 4568 6.1
    CHECK(mki("|255:1") == Bytes{255});
    CHECK(mki("|18446744073709551616:9") == Bytes{1, 0, 0, 0, 0, 0, 0, 0, 0});  // more than any register holds
    CHECK(mki("|7:128").size() == 128);
}

TEST_CASE("an MKI of more digits than its octets can have is none, whatever they are") {
    const std::string start = "1 AES_CM_128_HMAC_SHA1_80 inline:" + key30 + "|2^20|";
    CHECK(parse_crypto(start + std::string(308, '0') + "1:4").has_value());
    CHECK_FALSE(parse_crypto(start + std::string(309, '0') + "1:4").has_value());
}

TEST_CASE("unusable crypto lines are not in the view, the usable ones are, in order") {
    const auto d = sdp::parse(
        "v=0\r\no=- 1 1 IN IP4 h\r\nc=IN IP4 192.0.2.1\r\nm=audio 4000 RTP/SAVP 0\r\na=crypto:1 "
        "AES_CM_128_HMAC_SHA1_80 inline:short\r\n"
        "a=crypto:2 AES_CM_128_HMAC_SHA1_32 inline:" +
        key30 + "\r\na=crypto:3 AES_CM_128_HMAC_SHA1_80 inline:" + key30 + "\r\n");
    REQUIRE(d.has_value());
    const auto view = view_stream(*d, 0);
    REQUIRE(view.crypto.size() == 2);
    CHECK(view.crypto[0].tag == 2);
    CHECK(view.crypto[1].tag == 3);
}
