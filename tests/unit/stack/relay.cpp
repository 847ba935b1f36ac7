// Requests for a number that are no INVITE: carried from the core to the PBX that has it, and answered from there.
#include "tests/unit/stack/bench.h"

namespace sallyport::stack {
namespace {

std::string message(std::string_view method, std::string_view uri, std::string_view extra = {},
                    std::string_view body = {}, std::string_view branch = "core") {
    auto c = sip::Composer::request(method, uri);
    c.add("Via", "SIP/2.0/UDP 192.0.2.20:5060;branch=z9hG4bK" + std::string(branch))
        .add("Max-Forwards", "70")
        .add("From", "\"Carol\" <sip:+44205550100@core.example.org>;tag=carol")
        .add("To", "<" + std::string(uri) + ">")
        .add("Call-ID", "secret@192.0.2.20")
        .add("CSeq", "7 " + std::string(method));
    return Bench::with(c.finish(body.empty() ? "" : "text/plain", body), extra);
}

}  // namespace

TEST_CASE("OPTIONS and MESSAGE of a carrier reach the flow of the number's PBX, and its answer comes back") {
    for (const std::string method : {"OPTIONS", "MESSAGE"}) {
        Bench b;
        b.bind();
        b.auto_probes = false;  // the OPTIONS that follows is none
        const std::string body = method == "MESSAGE" ? "hello" : "";
        b.receive(b.core_flow(), message(method, "sip:+4930155@10.0.0.1;user=phone", "Subject: hi\r\n", body));
        const auto carried = b.next(method);
        b.auto_probes = true;
        CHECK(b.last.flow == b.pbx_flow());
        CHECK(carried.request_uri() == "sip:+4930155@198.51.100.10:5061");
        CHECK(carried.body() == body);
        CHECK(sip::own(carried.from().uri).text() == "sip:+44205550100@sip.example.net;user=phone");
        CHECK(carried.text().find("192.0.2.20") == std::string_view::npos);
        CHECK(carried.first(sip::HeaderName::max_forwards) == "69");
        b.receive(b.pbx_flow(), b.answer(carried, 200, "dave", {}, {}, "Server: pbx at 198.51.100.10\r\n"));
        const auto answer = b.next("200");
        CHECK(b.last.flow.remote == b.core_flow().remote);
        CHECK(answer.call_id() == "secret@192.0.2.20");
        CHECK(answer.text().find("198.51.100.") == std::string_view::npos);
        b.run_for(64s);
        CHECK(b.silent());
        CHECK(b.stack.alive().transactions == 0);
    }
}

TEST_CASE(
    "A PBX that is not there is 480, a number that nobody has 404; when one says nothing, whoever asked has given up") {
    Bench b;
    b.receive(b.core_flow(), message("MESSAGE", "sip:+4930155@10.0.0.1", {}, "hello"));
    b.next("480");
    b.run_for(64s);
    b.bind();
    b.receive(b.core_flow(), message("MESSAGE", "sip:+4930155@10.0.0.1", {}, "hello"));
    b.next("MESSAGE");
    b.run_for(33s);  // RFC 4320 4: an answer now would come too late
    CHECK(b.silent());
    CHECK(b.stack.alive().transactions == 0);
    b.receive(b.core_flow(), message("MESSAGE", "sip:+4930999@10.0.0.1", {}, "hello"));
    b.next("404");
    b.receive(b.core_flow(), message("OPTIONS", "sip:+4930999@10.0.0.1"));
    CHECK(b.next("200").has(sip::HeaderName::accept));
}

TEST_CASE("What a PBX answers of its own leg stays there; privacy holds for messages too") {
    Bench b;
    b.bind();
    b.receive(b.core_flow(), message("MESSAGE", "tel:+4930155", "Privacy: id\r\nX-Caller: +44205550100\r\n", "hello"));
    const auto carried = b.next("MESSAGE");
    CHECK(sip::own(carried.from().uri).text() == "sip:anonymous@anonymous.invalid");
    CHECK(carried.text().find("44205550100") == std::string_view::npos);
    b.receive(b.pbx_flow(),
              b.answer(carried, 401, "dave", {}, {}, "WWW-Authenticate: Digest realm=\"x\", nonce=\"y\"\r\n"));
    const auto answer = b.next("500");
    CHECK_FALSE(answer.has(sip::HeaderName::www_authenticate));
    b.receive(b.pbx_flow(), message("MESSAGE", "sip:+44205550100@sip.example.net", {}, "hello", "pbx"));
    b.next("405");
}

}  // namespace sallyport::stack
