// Structured header fields: Via, name-addr, CSeq, RAck, media types, lists, credentials.
#include "signaling/sip/fields.h"

#include <catch2/catch.hpp>

#include "signaling/sip/limits.h"

using namespace sallyport;
using namespace sallyport::sip;

namespace {

NameAddr name_addr(std::string_view text) {
    INFO(text);
    auto parsed = parse_name_addr(text);
    REQUIRE(parsed.has_value());
    return std::move(*parsed);
}
Via via(std::string_view text) {
    INFO(text);
    auto parsed = parse_via(text);
    REQUIRE(parsed.has_value());
    return std::move(*parsed);
}
using Values = std::vector<std::string_view>;

}  // namespace

TEST_CASE("parameters after a bare URI belong to the header, inside brackets to the URI") {
    const NameAddr bare = name_addr("sip:alice@example.com;tag=88sja8x");
    CHECK(bare.tag() == "88sja8x");
    CHECK(bare.uri.parameters.all().empty());
    CHECK(name_addr("sip:alice@example.com;p=\"<q>\";tag=x").tag() == "x");
    const NameAddr bracketed = name_addr("<sip:alice@example.com;lr>;tag=x");
    CHECK(bracketed.uri.parameters.has("lr"));
    CHECK_FALSE(bracketed.uri.parameters.has("tag"));
    CHECK(bracketed.tag() == "x");
    CHECK(parse_name_addr("sip:user@example.com?Route=%3Csip:sip.example.com%3E").has_error());
    CHECK(name_addr("<sip:user@example.com?Route=%3Csip:sip.example.com%3E>").uri.headers ==
          "Route=%3Csip:sip.example.com%3E");
}

TEST_CASE("display names: quoted with escapes, tokens, UTF-8, none") {
    CHECK(name_addr(R"("J Rosenberg \\\"" <sip:j@example.com>)").display_name == R"(J Rosenberg \")");
    CHECK(name_addr("\"a, b; <c>\"<sip:a@b>;tag=1").display_name == "a, b; <c>");
    CHECK(name_addr("caller<sip:caller@example.com>").display_name == "caller");
    CHECK(name_addr("Mr. Alice  Smith\t<sip:a@b>").display_name == "Mr. Alice  Smith");
    CHECK(name_addr("J\xc3\xb6rg <sip:a@b>").display_name == "J\xc3\xb6rg");
    CHECK(name_addr("\"\" <sip:a@b>").display_name.empty());
    CHECK(name_addr(std::string("\"a\\\0b\" <sip:a@b>", 16)).display_name == std::string("a\0b", 3));
    for (const auto text :
         {"\"unterminated <sip:a@b>", "\"a\" sip:a@b", "Bell, Alexander <sip:a@b>;tag=43", "a;b <sip:a@b>", "\"a\\",
          "<sip:a@b", "sip:a@b>", "< sip:a@b >", "<>", "", "  ", "*", "<sip:a@b> tag=x", "<sip:a@b>;",
          "<sip:a@b>;;tag=x", "<sip:a@b>;tag=\"x", "<sip:a@b>;tag=a;tag=b", "<sip:a@b>,<sip:c@d>"}) {
        INFO(text);
        CHECK(parse_name_addr(text).has_error());
    }
}

TEST_CASE("a name-addr is written in brackets and reads back equal") {
    for (const auto text :
         {R"("A \"B\" \\ C" <sip:a@b;lr>;tag=1;+sip.instance="<urn:uuid:00000000>";q=0.5;flag)", "tel:+1214;tag=x",
          "<sip:[2001:db8::1]:5061;transport=tls>;expires=60", "urn:service:sos"}) {
        const NameAddr first = name_addr(text);
        const NameAddr again = name_addr(first.text());
        CHECK(again.display_name == first.display_name);
        CHECK(again.uri == first.uri);
        CHECK(again.parameters == first.parameters);
        CHECK(again.text() == first.text());
    }
    CHECK(name_addr("<sip:a@b>;text=\"Normal\"").text() == "<sip:a@b>;text=\"Normal\"");  // quotes stay
    CHECK(name_addr("<sip:a@b>;+sip.instance=\"<urn:x>\"").text() == "<sip:a@b>;+sip.instance=\"<urn:x>\"");
}

TEST_CASE("Via allows white space around every separator") {
    const Via v = via(
        "SIP  /   2.0 /UDP    [2001:DB8::9:1] : 5070 ; branch = z9hG4bKas3-111 ;rport ; received=[2001:db8::9:255]");
    CHECK(v.protocol == "SIP/2.0");
    CHECK(v.transport == "UDP");
    CHECK(v.host == "[2001:db8::9:1]");
    CHECK(v.port == 5070);
    CHECK(v.branch() == "z9hG4bKas3-111");
    CHECK(v.parameters.has("rport"));
    CHECK(v.parameters.value("received") == std::optional<std::string_view>("[2001:db8::9:255]"));
    CHECK(v.text() == "SIP/2.0/UDP [2001:db8::9:1]:5070;branch=z9hG4bKas3-111;rport;received=[2001:db8::9:255]");
    CHECK(via("SIP/2.0/tls-sctp proxy_1.example.com").transport == "TLS-SCTP");
    CHECK(via("SIP/2.0/UDP h;received=2001:db8::9:255").parameters.value("received") ==
          std::optional<std::string_view>("2001:db8::9:255"));
    CHECK(via("SIP/2.0/UDP h;rport=").parameters.find("rport")->value.empty());
}

TEST_CASE("a Via that could be read in two ways is refused") {
    CHECK(parse_via("SIP/3.0/UDP h").error() == FieldErrc::bad_version);
    for (const auto text :
         {"", "SIP/2.0", "SIP/2.0/UDP", "SIP/2.0/UDP ;branch=x", "SIP/2.0/UDP h:", "SIP/2.0/UDP h:0",
          "SIP/2.0/UDP h:65536", "SIP/2.0/UDP 127.0.0.1:9997:9997", "SIP/2.0/UDP h;;branch=x", "SIP/2.0/UDP h;",
          "SIP/2.0/UDP h;branch=a;Branch=b", "SIP/2.0/UDP [::1", "SIP/2.0/UDP [bogus]", "SIP/2.0/UDP a b",
          "SIP/2.0/UDP h,SIP/2.0/UDP i", "2.0/UDP h", "SIP/2.0/UDP 2001:db8::1"}) {
        INFO(text);
        CHECK(parse_via(text).has_error());
    }
}

TEST_CASE("lengths of branch, tag and parameters are swept across every boundary (CVE-2018-8828) [reliability 6]") {
    for (std::size_t n = 1; n <= 300; ++n) {
        const std::string value(n, 'x');
        CHECK(via("SIP/2.0/UDP h;branch=" + value).branch() == value);
        CHECK(name_addr("<sip:a@b>;tag=" + value).tag() == value);
        CHECK(name_addr("\"" + value + "\" <sip:" + value + "@b>").display_name == value);
    }
}

TEST_CASE("CSeq and RAck keep their bounds") {
    CHECK(parse_cseq("0009\t INVITE")->number == 9);
    CHECK(parse_cseq("2147483647 BYE")->method == Method::bye);
    CHECK(parse_cseq(" 1 NEWMETHOD ")->method_text == "NEWMETHOD");
    CHECK(parse_cseq("2147483648 BYE").error() == FieldErrc::out_of_range);
    CHECK(parse_cseq("36893488147419103232 REGISTER").error() == FieldErrc::out_of_range);
    for (const auto text : {"", "BYE", "1", "1BYE", "-1 BYE", "+1 BYE", "1 BYE x", "1 B(E", "0x1 BYE"})
        CHECK(parse_cseq(text).has_error());
    const auto rack = parse_rack("776656 1 INVITE");
    REQUIRE(rack.has_value());
    CHECK(rack->rseq == 776656);
    CHECK(rack->cseq == 1);
    CHECK(rack->method == Method::invite);
    for (const auto text : {"", "1", "1 INVITE", "1 1", "4294967296 1 INVITE", "1 2147483648 INVITE", "a 1 INVITE"})
        CHECK(parse_rack(text).has_error());
}

TEST_CASE("numbers are digits only") {
    CHECK(*parse_number(" 3600\t") == 3600);
    CHECK(*parse_number("4294967295") == 4294967295u);
    CHECK(parse_number("4294967296").error() == FieldErrc::out_of_range);
    for (const auto text : {"", " ", "-1", "+1", "1 2", "1.5", "0x10", "five"}) CHECK(parse_number(text).has_error());
}

TEST_CASE("a list is split at its commas, not at those in quotes or brackets") {
    CHECK(split_list("a, b ,c") == Values{"a", "b", "c"});
    CHECK(split_list(R"("a, \", b" <sip:x@y;p=1,2>;q=1, <sip:z>)") ==
          Values{R"("a, \", b" <sip:x@y;p=1,2>;q=1)", "<sip:z>"});
    CHECK(split_list(",, a,, ,b,") == Values{"a", "b"});
    CHECK(split_list("").empty());
    CHECK(split_list("\"open, quote") == Values{"\"open, quote"});
    CHECK(split_list("<sip:a\">,<sip:b>") == Values{"<sip:a\">", "<sip:b>"});
}

TEST_CASE("media types and free parameters") {
    const auto type = parse_media_type("Multipart / Mixed ;boundary=\"a b\";x");
    REQUIRE(type.has_value());
    CHECK(type->is("multipart/mixed"));
    CHECK(type->is("MULTIPART/Mixed"));
    CHECK_FALSE(type->is("multipart"));
    CHECK(type->parameters.value("boundary") == std::optional<std::string_view>("a b"));
    for (const auto text : {"", "text", "text/", "/plain", "text/plain x", "text/plain;"})
        CHECK(parse_media_type(text).has_error());
    CHECK(parse_parameters(" ;refresher=uac;x ")->value("refresher") == std::optional<std::string_view>("uac"));
    CHECK(parse_parameters("")->all().empty());
    CHECK(parse_parameters("refresher=uac").has_error());
}

TEST_CASE("credentials: form, empty elements, foreign schemes, limits (CVE-2023-28098) [reliability 9]") {
    const auto c = parse_credentials("Digest ,username=\"a\\\"b\" , , REALM = \"x,y\",nc=00000001,");
    REQUIRE(c.has_value());
    CHECK(c->scheme == "Digest");
    CHECK(c->parameters.value("username") == std::optional<std::string_view>("a\"b"));
    CHECK(c->parameters.value("realm") == std::optional<std::string_view>("x,y"));
    CHECK(c->parameters.all().size() == 3);
    CHECK(parse_credentials("Bearer mF_9.B5f-4.1JqM")->parameters.all().empty());
    CHECK(parse_credentials("NoOneKnowsThisScheme opaque-data=here")->parameters.has("opaque-data"));
    for (const auto text :
         {"", "Digest username", "Digest username=", "Digest =x", "Digest a=\"x", "Digest a=b c=d", "\"Digest\" a=b"})
        CHECK(parse_credentials(text).has_error());
    CHECK(parse_credentials("Digest response=\"" + std::string(65'536, 'a') + "\"").error() == FieldErrc::out_of_range);
}

TEST_CASE("a challenge is read with what a client needs to answer it") {
    const auto c = parse_challenge(
        R"(Digest realm="core", nonce="n", qop="auth,auth-int", algorithm=SHA-256, opaque="o", stale=TRUE)");
    REQUIRE(c.has_value());
    CHECK(c->realm == "core");
    CHECK(c->nonce == "n");
    CHECK(c->qop == "auth,auth-int");
    CHECK(c->algorithm == "SHA-256");
    CHECK(c->opaque == "o");
    CHECK(c->stale);
    CHECK(parse_challenge("Basic realm=\"x\"").has_error());
    CHECK(parse_challenge("Digest realm=\"x\"").has_error());
}

TEST_CASE("header parameters are kept up to their limit") {
    std::string text = "SIP/2.0/UDP h";
    for (std::size_t i = 0; i < limits::parameters; ++i) text += ";p" + std::to_string(i);
    CHECK(via(text).parameters.all().size() == limits::parameters);
    CHECK(parse_via(text + ";one-more").error() == FieldErrc::out_of_range);
}

TEST_CASE("quote leaves tokens alone and escapes the rest") {
    CHECK(quote("token") == "token");
    CHECK(quote("two words") == "\"two words\"");
    CHECK(quote(R"(a"b\c)") == R"("a\"b\\c")");
    CHECK(quote("") == "\"\"");
}

TEST_CASE("views keep the text and find parameters in any case, not inside of quotes") {
    const auto party = view_name_addr(R"("A \"B\"" <SIP:Bob@Example.COM;X=1;x2=>;note=";tag=no";Tag=yes)");
    REQUIRE(party.has_value());
    CHECK(party->display == R"(A \"B\")");
    CHECK(party->display_name() == R"(A "B")");
    CHECK(party->uri.host == "Example.COM");
    CHECK(party->tag == "yes");
    CHECK(party->parameters.value("NOTE") == std::optional<std::string_view>(";tag=no"));
    CHECK_FALSE(party->parameters.has("no"));
    const NameAddr owned = own(*party);
    CHECK(owned.uri.host == "example.com");
    CHECK(owned.uri.parameters.value("x") == std::optional<std::string_view>("1"));
    CHECK(owned.text() == R"("A \"B\"" <sip:Bob@example.com;x=1;x2=>;note=";tag=no";tag=yes)");
}

TEST_CASE("a tag or branch in quotes has to be a token") {
    CHECK(view_name_addr("<sip:a@b>;tag=\"a1\"")->tag == "a1");
    CHECK(view_name_addr("<sip:a@b>;tag=\"a\\\"1\"").error() == FieldErrc::bad_parameter);
    CHECK(view_name_addr("<sip:a@b>;tag=\"a b\"").error() == FieldErrc::bad_parameter);
    CHECK(view_name_addr("<sip:a@b>;tag=\"\"")->tag.empty());
    CHECK(view_via("SIP/2.0/UDP h;branch=\"z9;x\"").error() == FieldErrc::bad_parameter);
}
