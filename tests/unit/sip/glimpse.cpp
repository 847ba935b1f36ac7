// What is told of a message before it is parsed, and the refusal made from it.
#include "signaling/sip/glimpse.h"

#include <catch2/catch.hpp>

#include "signaling/sip/parser.h"

namespace sallyport::sip {
namespace {

const Endpoint source = Endpoint::parse("198.51.100.7:5090").value();

std::string invite(std::string_view extra = {}) {
    return "INVITE sip:+493010@sip.example.net SIP/2.0\r\nVia: SIP/2.0/UDP 10.0.0.1:5060;branch=z9hG4bKa;rport\r\n"
           "v: SIP/2.0/TCP 10.0.0.2;branch=z9hG4bKb\r\nMax-Forwards: 70\r\nf: <sip:a@example.net;tag=no>;tag=f\r\n"
           "t: \"x;tag=no\" <sip:b@example.net;tag=no>\r\ni: call-1\r\nCSeq: 1 INVITE\r\n" +
           std::string(extra) + "Content-Length: 0\r\n\r\nTo: <sip:in@the.body>;tag=no\r\n";
}

}  // namespace

TEST_CASE("A glimpse sees what a message is about, in long and short form, and nothing of its body") {
    const auto text = invite();
    const auto seen = glimpse(text);
    CHECK(seen.method == "INVITE");
    CHECK(seen.request_uri == "sip:+493010@sip.example.net");
    CHECK(seen.via_count == 2);
    CHECK(seen.call_id == "call-1");
    CHECK(seen.cseq == "1 INVITE");
    CHECK(seen.to_tag.empty());
    CHECK_FALSE(seen.credentials);
    CHECK_FALSE(seen.response);
    CHECK(seen.answerable());
    CHECK(glimpse("SIP/2.0 200 OK\r\nTo: <sip:b@h> ; TAG = abc;x=y\r\n\r\n").to_tag == "abc");
    CHECK(glimpse("SIP/2.0 200 OK\r\n\r\n").response);
    CHECK(glimpse("REGISTER sip:h SIP/2.0\r\nAuthorization: Digest x\r\n\r\n").credentials);
    CHECK(glimpse("INVITE sip:h SIP/2.0\r\nResource-Priority: esnet.0\r\n\r\n").esnet);
}

TEST_CASE("What is no message gives a glimpse of nothing") {
    for (const std::string_view text :
         {"", "\r\n\r\n", "x", "INVITE", "\n\n\n", "INVITE sip:h SIP/2.0\r\n: \r\n:::\r\n"})
        CHECK_FALSE(glimpse(text).answerable());
    std::string many = "INVITE sip:h SIP/2.0\r\n";
    for (int i = 0; i < 40; ++i) many += "Via: SIP/2.0/UDP h;branch=z9hG4bK1\r\n";
    many += "From: <sip:a@h>;tag=1\r\nTo: <sip:a@h>\r\nCall-ID: 1\r\nCSeq: 1 INVITE\r\n\r\n";
    CHECK_FALSE(glimpse(many).answerable());
}

TEST_CASE("The brief refusal is a right response: every Via, received and rport, the same tag for the same request") {
    const auto text = invite();
    const auto refused = refuse_briefly(glimpse(text), source, "0badc0de", "17");
    REQUIRE(refused.has_value());
    const auto parsed = Parser::parse(refused->text);
    REQUIRE(parsed.has_value());
    CHECK(parsed->status() == 503);
    CHECK(parsed->first(HeaderName::retry_after) == "17");
    CHECK(parsed->values(HeaderName::via).size() == 2);
    CHECK(parsed->top_via().parameters.value("received") == "198.51.100.7");
    CHECK(parsed->top_via().parameters.value("rport") == "5090");
    CHECK(parsed->call_id() == "call-1");
    CHECK(parsed->cseq().number == 1);
    CHECK(parsed->to_tag().substr(0, 8) == "0badc0de");
    CHECK(parse_via(refused->via).has_value());
    CHECK(refuse_briefly(glimpse(text), source, "0badc0de", "17")->text == refused->text);
}

TEST_CASE("A To tag that is there stays; an ACK, a response and what cannot be answered are not answered") {
    std::string text = invite();
    text.replace(text.find("t: \"x;tag=no\" <sip:b@example.net;tag=no>"), 40, "t: <sip:b@example.net>;tag=there");
    const auto refused = refuse_briefly(glimpse(text), source, "mark", "1");
    REQUIRE(refused.has_value());
    CHECK(Parser::parse(refused->text)->to_tag() == "there");
    text.replace(text.find("tag=there"), 9, "tag= ;x=y");
    const auto filled = refuse_briefly(glimpse(text), source, "mark", "1");
    REQUIRE(filled.has_value());
    CHECK(Parser::parse(filled->text)->to_tag().substr(0, 4) == "mark");
    CHECK(Parser::parse(filled->text)->to().parameters.value("x") == "y");
    std::string ack = invite();
    ack.replace(0, 6, "ACK");
    CHECK_FALSE(refuse_briefly(glimpse(ack), source, "mark", "1").has_value());
    CHECK_FALSE(refuse_briefly(glimpse("SIP/2.0 200 OK\r\n\r\n"), source, "mark", "1").has_value());
    std::string folded = invite();
    folded.replace(folded.find("i: call-1"), 9, "i:\r\n call-1");
    const auto unfolded = refuse_briefly(glimpse(folded), source, "mark", "1");
    REQUIRE(unfolded.has_value());
    CHECK(Parser::parse(unfolded->text)->call_id() == "call-1");
}

}  // namespace sallyport::sip
