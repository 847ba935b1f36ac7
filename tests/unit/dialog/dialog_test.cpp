#include "signaling/dialog/dialog.h"

#include "signaling/dialog/route_set.h"
#include "tests/support/message_text.h"

using namespace sallyport;
using namespace sallyport::test;
using dialog::Dialog;
using dialog::SequenceCheck;

namespace {

std::string invite(const std::string& extra = {}, const std::string& contact = "<sip:pbx@10.0.0.7:5070;ob>") {
    return "INVITE sip:+4930123@edge.example SIP/2.0\n"
           "Via: SIP/2.0/UDP pbx.example;branch=z9hG4bK1\n"
           "From: \"Jo \\\"J\\\" Ng\" <sip:+4940@pbx.example>;tag=theirs\n"
           "To: <sip:+4930123@edge.example;user=phone>\n"
           "Call-ID: c1@pbx.example\n"
           "CSeq: 100 INVITE\n" +
           (contact.empty() ? "" : "Contact: " + contact + "\n") + extra;
}

std::string answer(int status, const std::string& extra = {}, const std::string& contact = "<sip:gw@203.0.113.5>",
                   const std::string& method = "INVITE") {
    return "SIP/2.0 " + std::to_string(status) +
           " OK\n"
           "Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK2\n"
           "From: <sip:+4940@edge.example>;tag=ours\n"
           "To: <sip:+4930123@carrier.example>;tag=theirs\n"
           "Call-ID: c2@edge.example\n"
           "CSeq: 7 " +
           method + "\n" + (contact.empty() ? "" : "Contact: " + contact + "\n") + extra;
}

const char* const our_invite =
    "INVITE sip:+4930123@carrier.example SIP/2.0\n"
    "Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK2\n"
    "From: <sip:+4940@edge.example>;tag=ours\n"
    "To: <sip:+4930123@carrier.example>\n"
    "Call-ID: c2@edge.example\n"
    "CSeq: 7 INVITE\n";

Dialog uas(const std::string& text) { return Dialog::as_uas(message(text), {}, "ours"); }
Dialog uac(const std::string& response) { return Dialog::as_uac(message(our_invite), message(response), {}, "peer"); }

std::string request_line(const std::string& text) { return text.substr(0, text.find("\r\n")); }

}  // namespace

TEST_CASE("a dialog of a received INVITE takes its identity, target and sequence from it (RFC 3261 12.1.1)") {
    const auto d = uas(invite("Record-Route: <sip:p1.example;lr>, <sip:p2.example;lr>\n"));
    CHECK(d.id == dialog::DialogId{"c1@pbx.example", "ours", "theirs"});
    CHECK(d.local_uri == "<sip:+4930123@edge.example;user=phone>");
    CHECK(d.remote_uri == "\"Jo \\\"J\\\" Ng\" <sip:+4940@pbx.example>");
    CHECK(d.remote_target == "sip:pbx@10.0.0.7:5070;ob");
    CHECK(d.route_set == std::vector<std::string>{"<sip:p1.example;lr>", "<sip:p2.example;lr>"});
    CHECK(d.remote_cseq == 100u);
    CHECK(d.local_cseq == 0);
    CHECK_FALSE(d.confirmed);
}

TEST_CASE("a dialog of our INVITE has the reversed route set and the Contact of the response (RFC 3261 12.1.2)") {
    const auto d = uac(answer(180, "Record-Route: <sip:p2.example;lr>\nRecord-Route: <sip:p1.example;lr>\n"));
    CHECK(d.id == dialog::DialogId{"c2@edge.example", "ours", "theirs"});
    CHECK(d.route_set == std::vector<std::string>{"<sip:p1.example;lr>", "<sip:p2.example;lr>"});
    CHECK(d.remote_target == "sip:gw@203.0.113.5");
    CHECK(d.local_cseq == 7);
    CHECK(d.tls_name == "peer");
    CHECK_FALSE(d.confirmed);
    CHECK(uac(answer(200)).confirmed);
}

TEST_CASE("without a Contact the peer is asked where it was asked before") {
    CHECK(uas(invite({}, {})).remote_target == "sip:+4940@pbx.example");
    CHECK(uac(answer(200, {}, {})).remote_target == "sip:+4930123@carrier.example");
}

TEST_CASE("a request without routes goes to the remote target") {
    auto d = uac(answer(200));
    const auto text = d.request("BYE", "SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKbye").finish();
    CHECK(request_line(text) == "BYE sip:gw@203.0.113.5 SIP/2.0");
    CHECK(header(text, "Via") == "SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKbye");
    CHECK(header(text, "Max-Forwards") == "70");
    CHECK(header(text, "From") == "<sip:+4940@edge.example>;tag=ours");
    CHECK(header(text, "To") == "<sip:+4930123@carrier.example>;tag=theirs");
    CHECK(header(text, "Call-ID") == "c2@edge.example");
    CHECK(header(text, "CSeq") == "8 BYE");
    CHECK(header(text, "Route").empty());
    CHECK(d.next_hop() == "sip:gw@203.0.113.5");
    CHECK(sip::Parser::parse(text).has_value());
}

TEST_CASE("loose routers are listed, the request line keeps the target") {
    auto d = uac(answer(200, "Record-Route: <sip:p2.example;lr>, \"a<b\" <sip:p1.example:5070;lr=on>;x=y\n"));
    const auto sent = message(d.request("UPDATE", "SIP/2.0/UDP h;branch=z9hG4bKu").finish());
    CHECK(sent.request_uri() == "sip:gw@203.0.113.5");
    CHECK(sent.values(sip::HeaderName::route) ==
          std::vector<std::string_view>{"\"a<b\" <sip:p1.example:5070;lr=on>;x=y", "<sip:p2.example;lr>"});
    CHECK(d.next_hop() == "sip:p1.example:5070;lr=on");
}

TEST_CASE("a strict router gets its own URI in the request line and the target as the last Route") {
    auto d = uac(answer(200, "Record-Route: <sip:p2.example;lr>, <sip:p1.example;method=INVITE?x=y>\n"));
    const auto sent = message(d.request("BYE", "SIP/2.0/UDP h;branch=z9hG4bKb").finish());
    CHECK(sent.request_uri() == "sip:p1.example");
    CHECK(sent.values(sip::HeaderName::route) ==
          std::vector<std::string_view>{"<sip:p2.example;lr>", "<sip:gw@203.0.113.5>"});
}

TEST_CASE("ACK and CANCEL carry the INVITE's number and use none up") {
    auto d = uac(answer(200));
    CHECK(header(d.request("ACK", "SIP/2.0/UDP h;branch=z9hG4bKa", 7).finish(), "CSeq") == "7 ACK");
    CHECK(d.local_cseq == 7);
    CHECK(header(d.request("INFO", "SIP/2.0/UDP h;branch=z9hG4bKi").finish(), "CSeq") == "8 INFO");
}

TEST_CASE("as callee the first request of ours is number one, From and To change sides") {
    auto d = uas(invite());
    const auto text = d.request("BYE", "SIP/2.0/UDP h;branch=z9hG4bKb").finish();
    CHECK(header(text, "CSeq") == "1 BYE");
    CHECK(header(text, "From") == "<sip:+4930123@edge.example;user=phone>;tag=ours");
    CHECK(header(text, "To") == "\"Jo \\\"J\\\" Ng\" <sip:+4940@pbx.example>;tag=theirs");
}

TEST_CASE("a peer without a tag (RFC 2543) gets none") {
    auto text = invite();
    text.replace(text.find(";tag=theirs"), 11, "");
    CHECK(header(uas(text).request("BYE", "SIP/2.0/UDP h;branch=z9hG4bKb").finish(), "To") ==
          "\"Jo \\\"J\\\" Ng\" <sip:+4940@pbx.example>");
}

TEST_CASE("sequence numbers only rise; an ACK moves nothing (RFC 3261 12.2.2)") {
    auto d = uas(invite());
    auto request = [](int number, const std::string& method) {
        return message(method +
                       " sip:x@edge.example SIP/2.0\nVia: SIP/2.0/UDP p;branch=z9hG4bK9\n"
                       "From: <sip:a@b>;tag=theirs\nTo: <sip:c@d>;tag=ours\nCall-ID: c1@pbx.example\nCSeq: " +
                       std::to_string(number) + " " + method + "\n");
    };
    CHECK(d.check_sequence(request(100, "ACK")) == SequenceCheck::in_order);
    CHECK(d.check_sequence(request(99, "BYE")) == SequenceCheck::too_low);
    CHECK(d.check_sequence(request(105, "INFO")) == SequenceCheck::in_order);
    CHECK(d.remote_cseq == 105u);
    CHECK(d.check_sequence(request(105, "INFO")) == SequenceCheck::in_order);
    CHECK(d.check_sequence(request(104, "INFO")) == SequenceCheck::too_low);
    CHECK(d.check_sequence(request(100, "ACK")) == SequenceCheck::in_order);
    CHECK(d.remote_cseq == 105u);
}

TEST_CASE("a re-INVITE, an UPDATE and their 2xx move the target; refusals, INFO and broken Contacts do not") {
    auto d = uac(answer(200));
    d.refresh_target(message(answer(200, {}, "<sip:new@203.0.113.6>")));
    CHECK(d.remote_target == "sip:new@203.0.113.6");
    d.refresh_target(message(answer(200, {}, "<sip:update@203.0.113.7>", "UPDATE")));
    CHECK(d.remote_target == "sip:update@203.0.113.7");
    d.refresh_target(message(answer(488, {}, "<sip:no@203.0.113.8>")));
    d.refresh_target(message(answer(200, {}, "<sip:no@203.0.113.8>", "INFO")));
    d.refresh_target(message(answer(200, {}, "<sip:no@")));
    d.refresh_target(message(answer(200, {}, "*")));
    d.refresh_target(message(answer(200, {}, {})));
    CHECK(d.remote_target == "sip:update@203.0.113.7");
    d.refresh_target(message(invite({}, "<sip:request@203.0.113.9>")));
    CHECK(d.remote_target == "sip:request@203.0.113.9");
}

TEST_CASE("a route entry that does not parse stays a Route") {
    CHECK(dialog::is_loose("<garbage"));
    CHECK(dialog::addr_spec("sip:p.example;lr") == "sip:p.example");
    CHECK(dialog::addr_spec("\"unfinished <sip:x>") == "\"unfinished <sip:x>");
    CHECK(dialog::strict_request_uri("<::>") == "::");
}
