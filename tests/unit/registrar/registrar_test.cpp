#include "signaling/registrar/registrar.h"

#include "tests/unit/registrar/register_text.h"

using namespace sallyport;
using namespace sallyport::test;
using Texts = std::vector<std::string>;

TEST_CASE("a PBX registers in bulk, is listed with bnc and called by number [SC-16.4-01] [SC-16.7-02]") {
    RegistrarBench b;
    REQUIRE(b.handle({}) == 200);
    CHECK(b.last.changed);
    CHECK(b.contacts() == Texts{"<sip:198.51.100.7:5070;bnc>;expires=3600"});
    CHECK(header(b.last.response, "Supported") == "path, gin");
    CHECK(header(b.last.response, "Date") == "Sun, 09 Sep 2001 01:46:40 GMT");
    const auto bindings = b.usable();
    REQUIRE(bindings.size() == 1);
    CHECK(bindings[0].bulk);
    CHECK(bindings[0].flow == b.flow);
    CHECK(bindings[0].contact == "sip:198.51.100.7:5070");
    CHECK(registrar::target_uri(bindings[0], "+12145550102") == "sip:+12145550102@198.51.100.7:5070");
}

TEST_CASE("parameters of the bulk contact other than bnc are kept for every number [SC-16.4-08]") {
    RegistrarBench b;
    b.handle({.contact = "<sip:h.example:5062;foo=bar;bnc;transport=tls;x>"});
    CHECK(registrar::target_uri(b.usable().at(0), "+1") == "sip:+1@h.example:5062;foo=bar;transport=tls;x");
    CHECK(b.contacts() == Texts{"<sip:h.example:5062;foo=bar;transport=tls;x;bnc>;expires=3600"});
}

TEST_CASE("a bulk contact with a user part or user parameter gets 400 and no binding [SC-16.4-07]") {
    RegistrarBench b;
    CHECK(b.handle({.contact = "<sip:u@h.example;bnc>"}) == 400);
    CHECK(b.handle({.contact = "<sip:h.example;user=phone;bnc>"}) == 400);
    CHECK(b.handle({.contact = "<sip:@h.example;bnc>"}) == 400);
    CHECK(b.locations.size() == 0);
}

TEST_CASE("a bulk contact needs Require: gin [SC-16.4-06]") {
    RegistrarBench b;
    CHECK(b.handle({.extensions = "Supported: path, gin\n"}) == 400);
    CHECK(b.handle({.extensions = "Require: GIN\n"}) == 200);
}

TEST_CASE("unknown extensions in Require or Proxy-Require get 420 and are named") {
    RegistrarBench b;
    CHECK(b.handle({.extensions = "Require: gin, foo\nProxy-Require: bar\n"}) == 420);
    CHECK(header(b.last.response, "Unsupported") == "foo, bar");
    CHECK(b.locations.size() == 0);
}

TEST_CASE("Path is stored, echoed and refused when the user agent does not know it [SC-16.4-10]") {
    RegistrarBench b;
    const std::string path = "Path: <sip:p2.example;lr>\nPath: <sip:p1.example;lr>\n";
    CHECK(b.handle({.extensions = "Require: gin\nSupported: path\n" + path}) == 200);
    CHECK(b.usable().at(0).path == Texts{"<sip:p2.example;lr>", "<sip:p1.example;lr>"});
    CHECK(header(b.last.response, "Path") == "<sip:p2.example;lr>");
    CHECK(b.handle({.extensions = "Require: gin\n" + path, .number = 2}) == 420);
    CHECK(header(b.last.response, "Unsupported") == "path");
}

TEST_CASE("only the trunk's own AOR may be registered, by itself [SC-16.4-04] [SC-9-06] [SC-16.4-09]") {
    RegistrarBench b;
    CHECK(b.handle({.to = "<sip:acme@other.example>"}) == 404);
    CHECK(b.handle({.to = "<sip:+12145550102@sp.example;user=phone>"}) == 403);
    CHECK(b.handle({.from = "<sip:mallory@sp.example>;tag=p"}) == 403);
    CHECK(b.handle({.to = "<sip:%61cme@SP.Example>"}) == 200);
}

TEST_CASE("a single contact is for compatibility mode only") {
    RegistrarBench b;
    const Register single{.contact = "<sip:phone@10.0.0.9:5062;transport=tls>", .extensions = ""};
    CHECK(b.handle(single) == 403);
    CHECK(b.last.reason.find("RFC 6140") != std::string::npos);
    b.policy.single_aor_compatibility = true;
    CHECK(b.handle(single) == 200);
    CHECK(b.contacts() == Texts{"<sip:phone@10.0.0.9:5062;transport=tls>;expires=3600"});
    CHECK(registrar::target_uri(b.usable().at(0), "+12145550102") == "sip:phone@10.0.0.9:5062;transport=tls");
}

TEST_CASE("removing a single contact leaves the bulk binding alone") {
    RegistrarBench b;
    b.handle({});
    CHECK(b.handle({.contact = "<sip:198.51.100.7:5070>", .extensions = "", .expires = "0", .number = 2}) == 200);
    CHECK_FALSE(b.last.changed);
    CHECK(b.usable().size() == 1);
    CHECK(b.contacts().size() == 1);
}

TEST_CASE("a query lists the bindings with the time they have left") {
    RegistrarBench b;
    b.handle({});
    b.now += 1500ms;
    CHECK(b.handle({.contact = "", .number = 2}) == 200);
    CHECK(b.contacts() == Texts{"<sip:198.51.100.7:5070;bnc>;expires=3599"});
    CHECK_FALSE(b.last.changed);
    b.now += 3600s;
    CHECK(b.handle({.contact = "", .number = 3}) == 200);
    CHECK(b.contacts().empty());
}

TEST_CASE("expiry: parameter before header before default, capped, refused when too brief [SC-16.5-03]") {
    RegistrarBench b;
    b.policy.max_expires = 1800;
    auto granted = [&](const Register& r) {
        b.handle(r);
        const auto list = b.contacts();
        return list.empty() ? "none" : list[0].substr(list[0].find("expires="));
    };
    CHECK(granted({.contact = "<sip:a.example;bnc>;expires=90", .expires = "600", .number = 1}) == "expires=90");
    CHECK(granted({.contact = "<sip:a.example;bnc>", .expires = "600", .number = 2}) == "expires=600");
    CHECK(granted({.contact = "<sip:a.example;bnc>", .number = 3}) == "expires=1800");
    CHECK(granted({.contact = "<sip:a.example;bnc>;expires=4294967295", .number = 4}) == "expires=1800");
    CHECK(granted({.contact = "<sip:a.example;bnc>;expires=soon", .number = 5}) == "expires=1800");
    CHECK(b.handle({.contact = "<sip:a.example;bnc>;expires=59", .number = 6}) == 423);
    CHECK(header(b.last.response, "Min-Expires") == "60");
    CHECK(granted({.contact = "<sip:a.example;bnc>;expires=0", .number = 7}) == "none");
    CHECK(b.last.changed);
    CHECK(b.locations.size() == 0);
}

TEST_CASE("Contact * removes everything, and only in its right form (RFC 3261 10.3 step 6)") {
    RegistrarBench b;
    b.handle({});
    CHECK(b.handle({.contact = "*", .number = 2}) == 400);
    CHECK(b.handle({.contact = "*", .expires = "60", .number = 3}) == 400);
    CHECK(b.handle({.contact = "*, <sip:a.example;bnc>", .expires = "0", .number = 4}) == 400);
    CHECK(b.handle({.contact = "*", .expires = "0", .number = 1}) == 500);  // not after what is stored
    CHECK(b.usable().size() == 1);
    CHECK(b.handle({.contact = "*", .expires = "0", .number = 5}) == 200);
    CHECK(b.last.changed);
    CHECK(b.contacts().empty());
    CHECK(b.locations.size() == 0);
}

TEST_CASE("within a Call-ID only a higher CSeq counts; another Call-ID is a client that restarted") {
    RegistrarBench b;
    b.handle({.number = 5});
    CHECK(b.handle({.number = 5}) == 500);
    CHECK(b.handle({.number = 4}) == 500);
    CHECK(b.handle({.number = 6}) == 200);
    CHECK(b.handle({.call_id = "r2@pbx", .number = 1}) == 200);
    CHECK(b.usable().size() == 1);
}

TEST_CASE("an update is done wholly or not at all (RFC 3261 10.3 step 7)") {
    RegistrarBench b;
    b.handle({.contact = "<sip:a.example;bnc>"});
    CHECK(b.handle({.contact = "<sip:b.example;bnc>, <sip:c.example;bnc>;expires=5", .number = 2}) == 423);
    CHECK(b.handle({.contact = "<sip:b.example;bnc>, <sip:single@c.example>", .number = 3}) == 403);
    CHECK(b.handle({.contact = "<sip:b.example;bnc>, <sip:u@c.example;bnc>", .number = 4}) == 400);
    REQUIRE(b.usable().size() == 1);
    CHECK(b.usable()[0].contact == "sip:a.example");
    CHECK(b.usable()[0].cseq == 1);
}

TEST_CASE("the same contact over a new flow replaces the binding: the PBX has come back [SC-7-05] [SC-16.4.2-02]") {
    RegistrarBench b;
    b.handle({});
    const auto first = b.usable().at(0).registered_at;
    b.now += 10s;
    b.handle({.number = 2});
    CHECK_FALSE(b.last.changed);
    CHECK(b.usable().at(0).registered_at == first);
    b.flow = pbx_flow(2, 40'001);
    CHECK(b.handle({.call_id = "r2@pbx"}) == 200);
    CHECK(b.last.changed);
    REQUIRE(b.usable().size() == 1);
    CHECK(b.usable()[0].flow.connection == 2);
    CHECK_FALSE(b.locations.trunk_of(pbx_flow(1), b.now));
    CHECK(b.locations.trunk_of(b.flow, b.now) == "acme-hq");
}

TEST_CASE("an instance is recognised by its id, also when its contact has changed") {
    RegistrarBench b;
    const std::string one = ";+sip.instance=\"<urn:uuid:1>\"", two = ";+sip.instance=\"<urn:uuid:2>\"";
    b.handle({.contact = "<sip:10.0.0.1:5070;bnc>" + one});
    b.handle({.contact = "<sip:10.0.0.1:6070;bnc>" + one, .number = 2});
    REQUIRE(b.usable().size() == 1);
    CHECK(b.usable()[0].contact == "sip:10.0.0.1:6070");
    CHECK(b.contacts() == Texts{"<sip:10.0.0.1:6070;bnc>;expires=3600;+sip.instance=\"<urn:uuid:1>\""});
    b.flow = pbx_flow(2);
    b.handle({.contact = "<sip:10.0.0.1:6070;bnc>" + two, .call_id = "r2@pbx"});  // another box behind another NAT
    CHECK(b.usable().size() == 2);
}

TEST_CASE("contacts are limited; those of dead connections give way first") {
    RegistrarBench b;
    b.policy.max_contacts = 2;
    b.handle({.contact = "<sip:a.example;bnc>"});
    b.flow = pbx_flow(2);
    b.handle({.contact = "<sip:b.example;bnc>", .number = 2});
    b.flow = pbx_flow(3);
    CHECK(b.handle({.contact = "<sip:c.example;bnc>", .number = 3}) == 403);
    b.locations.flow_closed(pbx_flow(1));
    CHECK(b.handle({.contact = "<sip:c.example;bnc>", .number = 4}) == 200);
    CHECK(b.usable().size() == 2);
    CHECK(b.locations.size() == 2);
}

TEST_CASE("q values order the contacts and come back in the answer") {
    RegistrarBench b;
    b.handle({.contact = "<sip:low.example;bnc>;q=0.25, <sip:high.example;bnc>;q=0.9, <sip:odd.example;bnc>;q=7"});
    const auto bindings = b.usable();
    REQUIRE(bindings.size() == 3);
    CHECK(bindings[0].contact == "sip:odd.example");  // what is no q value counts as none: 1.0
    CHECK(bindings[1].contact == "sip:high.example");
    CHECK(bindings[2].contact == "sip:low.example");
    CHECK(b.contacts()[0] == "<sip:low.example;bnc>;expires=3600;q=0.250");
}

TEST_CASE("contacts that nobody can call, or twice the same, are refused") {
    RegistrarBench b;
    b.policy.single_aor_compatibility = true;
    for (const std::string bad : {"<mailto:a@b.example>", "<tel:+123>", "<sip:", "%",
                                  "<sip:a.example;bnc>, <sip:A.example;bnc>", "sip:u@h.example?Route=%3Csip:x%3E"}) {
        INFO(bad);
        CHECK(b.handle({.contact = bad}) == 400);
    }
    CHECK(b.handle({.contact = "<sip:u@h.example?Route=%3Csip:evil.example%3E>"}) == 200);
    CHECK(registrar::target_uri(b.usable().at(0), "+1") == "sip:u@h.example");  // URI headers never reach a request
}
