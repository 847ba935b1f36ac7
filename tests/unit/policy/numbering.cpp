// What a number is read as: forms of URIs, dial plans, translation tables.
#include "signaling/policy/numbering.h"

#include <catch2/catch.hpp>

namespace sallyport::policy {
namespace {

sip::Uri uri(std::string_view text) {
    auto parsed = sip::parse_uri(text);
    INFO(text);
    REQUIRE(parsed.has_value());
    return std::move(*parsed);
}
std::string called(std::string_view text, const config::Numbering& numbering = {}) {
    config::Trunk trunk;
    trunk.domain = "sip.example.net";
    trunk.numbering = numbering;
    if (const auto service = emergency_call(uri(text), trunk)) return "emergency " + *service;
    const auto number = called_number(uri(text), numbering, "sip.example.net");
    switch (number.kind) {
        case NumberKind::global: return number.text;
        case NumberKind::incomplete: return "incomplete " + number.text;
        case NumberKind::none: return "none";
    }
    return {};
}
config::Numbering german() {
    config::Numbering n;
    n.dial_plan = {"49", "30", "0", "00", "9", 0, {{"4711", "+49800330"}, {"*21", "+49800331"}}, {"112", "110"}};
    return n;
}
config::Numbering american() {
    config::Numbering n;
    n.dial_plan = {"1", "212", "1", "011", "9", 10, {}, {"911"}};
    return n;
}

}  // namespace

TEST_CASE("a number is the same in every form that names it") {
    for (const auto* form :
         {"sip:+4930123456@sip.example.net;user=phone", "sip:+4930123456@192.0.2.1:5061", "tel:+4930123456",
          "tel:+49-30-123.456", "tel:+49(30)123456;ext=12", "sip:%2B4930123456@x", "sip:+4930123456;npdi;rn=+4989@x",
          "sip:+4930123456;isub=1@x;user=phone", "tel:30123456;phone-context=+49", "sip:30123456;phone-context=+49@x"})
        CHECK(called(form) == "+4930123456");
}

TEST_CASE("without a dial plan digits are incomplete, and everything else is no number") {
    CHECK(called("sip:030123456@sip.example.net") == "incomplete 030123456");
    CHECK(called("sip:030123456@sip.example.net;user=phone") == "incomplete 030123456");
    CHECK(called("tel:030-123;phone-context=sip.example.net") == "incomplete 030123");
    for (const auto* form :
         {"sip:alice@sip.example.net", "sip:sip.example.net", "tel:4711;phone-context=elsewhere.example",
          "sip:4711;phone-context=elsewhere.example@x", "urn:service:sosage", "urn:service:counseling", "sip:%2321@x",
          "sip:+49x@x", "sip:+0123@x", "sip:+1234567890123456@x", "tel:abc;phone-context=sip.example.net", "sip:+@x"})
        CHECK(called(form) == "none");
}

TEST_CASE("a German dial plan: outside line, national, international and local numbers, codes and emergencies") {
    const auto plan = german();
    CHECK(called("sip:9030123456@x", plan) == "+4930123456");
    CHECK(called("sip:030123456@x;user=phone", plan) == "+4930123456");
    CHECK(called("sip:0044205550100@x", plan) == "+44205550100");
    CHECK(called("sip:123456@x", plan) == "+4930123456");
    CHECK(called("sip:4711@x", plan) == "+49800330");
    CHECK(called("sip:*21@x", plan) == "+49800331");
    CHECK(called("sip:*22@x", plan) == "none");
    CHECK(called("sip:23@x", plan) == "incomplete 23");
    CHECK(called("sip:112@x", plan) == "emergency 112");
    CHECK(called("sip:9112@x", plan) == "emergency 112");
    CHECK(called("tel:110;phone-context=sip.example.net", plan) == "emergency 110");
    CHECK(called("sip:112@x;user=phone", plan) == "emergency 112");
    for (const auto* form : {"urn:service:sos", "URN:service:SOS", "urn:service:sos.fire"})
        CHECK(called(form, plan) == "emergency urn:" + uri(form).user);
    CHECK(called("sip:0112@x", plan) == "+49112");
    CHECK(called("sip:+49112@x", plan) == "+49112");
    CHECK(called("sip:00@x", plan) == "incomplete 00");
    CHECK(called("sip:0000123@x", plan) == "incomplete 0000123");
}

TEST_CASE("a North American one: ten digits are a number with and without the outside line") {
    const auto plan = american();
    CHECK(called("sip:92125551212@x", plan) == "+12125551212");
    CHECK(called("sip:2125551212@x", plan) == "+12125551212");
    CHECK(called("sip:9125551212@x", plan) == "+19125551212");  // Savannah, not an outside line
    CHECK(called("sip:912125551212@x", plan) == "+12125551212");
    CHECK(called("sip:9011442055501@x", plan) == "+442055501");
    CHECK(called("sip:5551212@x", plan) == "+12125551212");
    CHECK(called("sip:911@x", plan) == "emergency 911");
    CHECK(called("sip:112@x", plan) == "incomplete 112");  // not +112
    CHECK(called("sip:121255512@x", plan) == "incomplete 121255512");
}

TEST_CASE("tables: the longest match applies once, before the dial plan, and an emergency is none of their business") {
    auto numbering = german();
    numbering.called_in = {{"", 0, ""}, {"0180", 4, "+49180"}, {"+490", 4, "+49"}, {"5", 1, "+4989"}, {"1", 1, "+1"}};
    CHECK(called("sip:0180555@x", numbering) == "+49180555");
    CHECK(called("sip:+49030123456@x", numbering) == "+4930123456");
    CHECK(called("sip:555@x", numbering) == "+498955");
    CHECK(called("sip:030123456@x", numbering) == "+4930123456");
    CHECK(called("sip:112@x", numbering) == "emergency 112");
    CHECK(translated({{"+49", 3, "0"}, {"+4930", 5, ""}, {"+", 1, "00"}}, "+4930123") == "123");
    CHECK(translated({{"+49", 3, "0"}, {"+", 1, "00"}}, "+44123") == "0044123");
    CHECK(translated({{"+49", 3, "0"}}, "+44123") == "+44123");
}

TEST_CASE("a caller's number is read by the same plan; nobody calls from a code or over an outside line") {
    const auto plan = german();
    CHECK(calling_number(uri("sip:030555@x"), plan) == "+4930555");
    CHECK(calling_number(uri("tel:+49-30-555"), plan) == "+4930555");
    CHECK(calling_number(uri("sip:4711@x"), plan) == "+49304711");
    CHECK(calling_number(uri("sip:9030555@x"), plan) == "+49309030555");
    CHECK_FALSE(calling_number(uri("sip:030555@x"), {}));
    CHECK_FALSE(calling_number(uri("sip:alice@x"), plan));
}

}  // namespace sallyport::policy
