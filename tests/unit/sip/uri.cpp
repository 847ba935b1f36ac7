// URIs: RFC 3261 19.1, RFC 3966, and what other stacks stumbled over.
#include "signaling/sip/uri.h"

#include <catch2/catch.hpp>

using namespace sallyport;
using namespace sallyport::sip;

namespace {

Uri uri(std::string_view text) {
    INFO(text);
    auto parsed = parse_uri(text);
    REQUIRE(parsed.has_value());
    return std::move(*parsed);
}
UriErrc refusal(std::string_view text) {
    INFO(text);
    const auto parsed = parse_uri(text);
    REQUIRE(parsed.has_error());
    return parsed.error();
}
std::string number(std::string_view text) { return e164(uri(text)).value_or("-"); }

}  // namespace

TEST_CASE("a SIP URI is taken apart and put together again") {
    const Uri u = uri(
        "SIPS:alice;day=tuesday:secret@Atlanta.Example.COM:5071;Transport=TCP;lr?subject=project%20x&priority=urgent");
    CHECK(u.scheme == Scheme::sips);
    CHECK(u.user == "alice;day=tuesday");
    CHECK(u.password == "secret");
    CHECK(u.host == "atlanta.example.com");
    CHECK(u.port == 5071);
    CHECK(u.parameters.value("transport") == std::optional<std::string_view>("TCP"));
    CHECK(u.parameters.has("lr"));
    CHECK_FALSE(u.parameters.find("lr")->has_value);
    CHECK(u.headers == "subject=project%20x&priority=urgent");
    CHECK(
        u.text() ==
        "sips:alice;day=tuesday:secret@atlanta.example.com:5071;transport=TCP;lr?subject=project%20x&priority=urgent");
    CHECK(uri(u.text()) == u);
}

TEST_CASE("an IPv6 reference is a host, with and without a port, and never cut at its colons") {
    CHECK(uri("sip:[2001:db8::10]").host == "[2001:db8::10]");
    CHECK(uri("sip:[2001:db8::10]").port == 0);
    CHECK(uri("sip:a@[2001:db8::10]:5070").port == 5070);
    CHECK(uri("sip:[2001:db8::10:5070]").host_address() == IpAddress::parse("2001:db8::10:5070"));
    CHECK(uri("sip:[2001:db8:::192.0.2.1]").host_address() == IpAddress::parse("2001:db8::192.0.2.1"));
    CHECK(refusal("sip:2001:db8::10") == UriErrc::bad_port);
    CHECK(refusal("sip:[2001:db8::10") == UriErrc::bad_host);
    CHECK(refusal("sip:[fe80::1%25eth0]") == UriErrc::bad_host);
    CHECK(refusal("sip:[]") == UriErrc::bad_host);
    CHECK(refusal("sip:a@[::1]x") == UriErrc::bad_host);
}

TEST_CASE(
    "broken escapes, empty user parts and bad ports are refused (CVE-2022-31001 to 31003, CVE-2023-22741) [reliability "
    "23]") {
    for (const auto text : {"sip:%@host", "sip:%0@host", "sip:%zz@host", "sip:a%4@host", "sip:@host", "sip::pw@host"})
        CHECK(refusal(text) == UriErrc::bad_user);
    for (const auto text :
         {"sip:", "sip:a@", "sip:a@:5060", "sip:a@b@c", "sip:a@ho st", "sip:.example.com", "sip:a@%68ost"})
        CHECK(refusal(text) == UriErrc::bad_host);
    for (const auto text :
         {"sip:h:", "sip:h:0", "sip:h:65536", "sip:h:99999999999999999999", "sip:h:5060x", "sip:h:-1"})
        CHECK((refusal(text) == UriErrc::bad_port || refusal(text) == UriErrc::bad_host));
    for (const auto text : {"sip:h;", "sip:h;;lr", "sip:h;=x", "sip:h;a=%4", "sip:h;a;a=1"})
        CHECK((refusal(text) == UriErrc::bad_parameter || refusal(text) == UriErrc::bad_user));
    for (const auto text : {"%", "*", "", "1sip:h", ":h", "<sip:h>", "sip"})
        CHECK((refusal(text) == UriErrc::bad_scheme || refusal(text) == UriErrc::empty));
    CHECK(refusal("sip:h?") == UriErrc::bad_headers);
    CHECK(refusal("sip:h?a=b?c") == UriErrc::bad_headers);
    CHECK(refusal("sip:" + std::string(20'000, 'a')) == UriErrc::too_long);
}

TEST_CASE("more parameters than the limit are refused, as many as the limit are kept") {
    std::string text = "sip:h";
    for (int i = 0; i < 64; ++i) text += ";p" + std::to_string(i);
    CHECK(uri(text).parameters.all().size() == 64);
    CHECK(refusal(text + ";one-more") == UriErrc::bad_parameter);
}

TEST_CASE("a user part keeps its text and is decoded exactly once") {
    CHECK(uri("sip:null-%00-null@example.com").decoded_user() == std::string("null-\0-null", 11));
    CHECK(uri("sip:%2541@example.com").decoded_user() == "%41");
    CHECK(uri("sip:*67#5551212@example.com").user == "*67#5551212");
    CHECK(uri("sip:J\xc3\xb6rg@example.com").user == "J\xc3\xb6rg");
    CHECK(uri("sip:user;par=u%40example.net@example.com").user == "user;par=u%40example.net");
}

TEST_CASE("tel, urn and unknown schemes are kept") {
    const Uri tel = uri("tel:+1-201-555-0123;phone-context=x;ext=5");
    CHECK(tel.scheme == Scheme::tel);
    CHECK(tel.user == "+1-201-555-0123");
    CHECK(tel.parameters.value("ext") == std::optional<std::string_view>("5"));
    CHECK(tel.text() == "tel:+1-201-555-0123;phone-context=x;ext=5");
    CHECK(uri("urn:service:sos.fire").user == "service:sos.fire");
    CHECK(uri("URN:service:sos").text() == "urn:service:sos");
    const Uri other = uri("soap.beep://192.0.2.103:3002");
    CHECK(other.scheme == Scheme::other);
    CHECK(other.scheme_text == "soap.beep");
    CHECK(other.text() == "soap.beep://192.0.2.103:3002");
    CHECK(refusal("tel:") == UriErrc::bad_number);
    CHECK(refusal("tel:alice") == UriErrc::bad_number);
}

TEST_CASE("equivalence follows RFC 3261 19.1.4") {
    const auto same = [](const char* a, const char* b) {
        CHECK(equivalent(uri(a), uri(b)) == equivalent(uri(b), uri(a)));
        return equivalent(uri(a), uri(b));
    };
    CHECK(same("sip:%61lice@atlanta.com;transport=TCP", "sip:alice@AtLanTa.CoM;Transport=tcp"));
    CHECK(same("sip:carol@chicago.com", "sip:carol@chicago.com;newparam=5"));
    CHECK(same("sip:carol@chicago.com;newparam=5", "sip:carol@chicago.com;security=on"));
    CHECK(same("sip:biloxi.com;transport=tcp;method=REGISTER?to=sip:bob%40biloxi.com",
               "sip:biloxi.com;method=REGISTER;transport=tcp?to=sip:bob%40biloxi.com"));
    CHECK(same("sip:alice@atlanta.com?subject=project%20x&priority=urgent",
               "sip:alice@atlanta.com?priority=urgent&subject=project%20x"));
    CHECK_FALSE(same("SIP:ALICE@AtLanTa.CoM;Transport=udp", "sip:alice@AtLanTa.CoM;Transport=UDP"));
    CHECK_FALSE(same("sip:bob@biloxi.com", "sip:bob@biloxi.com:5060"));
    CHECK_FALSE(same("sip:bob@biloxi.com", "sip:bob@biloxi.com;transport=udp"));
    CHECK_FALSE(same("sip:bob@biloxi.com", "sips:bob@biloxi.com"));
    CHECK_FALSE(same("sip:carol@chicago.com", "sip:carol@chicago.com?Subject=next%20meeting"));
    CHECK_FALSE(same("sip:bob@phone21.boxesbybob.com", "sip:bob@192.0.2.4"));
    CHECK_FALSE(same("sip:carol@chicago.com;security=off", "sip:carol@chicago.com;security=on"));
    CHECK(same("tel:+1-201-555-0123", "tel:+12015550123"));
    CHECK_FALSE(same("tel:+12015550123", "tel:+12015550123;ext=1"));
    CHECK(same("URN:SERVICE:sos", "urn:service:sos"));
}

TEST_CASE("the E.164 number of a URI: separators, escapes, parameters inside the user part, contexts") {
    CHECK(number("sip:+12145550100@edge.example.com;user=phone") == "+12145550100");
    CHECK(number("sip:%2B1-214-555-0100@h") == "+12145550100");
    CHECK(number("sip:+1(214)555.0100;npdi;rn=+12145550000@h") == "+12145550100");
    CHECK(number("tel:+44-20-7946-0123;isub=1411") == "+442079460123");
    CHECK(number("tel:555-0100;phone-context=+1214") == "+12145550100");
    CHECK(number("sip:5550100;phone-context=%2B1214@h;user=phone") == "+12145550100");
    for (const auto text : {"sip:2145550100@h", "sip:alice@h", "sip:h", "sip:+@h", "sip:+1234567890123456@h",
                            "sip:+12x4@h", "tel:5550100;phone-context=example.com", "tel:5550100", "sip:+0123@h",
                            "urn:service:sos", "mailto:+12145550100", "sip:+1214%3B5550100@h", "sip:++12145550100@h"})
        CHECK(number(text) == "-");
    CHECK(number("sip:+123456789012345@h") == "+123456789012345");
}

TEST_CASE("a parameter set by our own code cannot end the URI early") {
    Uri u = uri("sip:h");
    u.parameters.set("x", "a;b>c?d@e f\r\n");
    CHECK(u.text() == "sip:h;x=a%3Bb%3Ec%3Fd%40e%20f%0D%0A");
    CHECK(uri(u.text()).parameters.all().size() == 1);
}
