// What is said last in a dialog that is gone here (the BYE after a 2xx that nobody wanted, the NOTIFY that ends a
// subscription) goes on to the next place of its next hop, as RFC 3263 4.3 has it.
#include "tests/unit/stack/next_places.h"

namespace sallyport::stack {
namespace {

std::string subscribe(std::uint32_t seconds, std::string_view contact, std::string_view to_tag = {}) {
    const std::string tag(to_tag);
    auto c = sip::Composer::request("SUBSCRIBE", "sip:+4930155@10.0.0.1");
    c.add("Via", "SIP/2.0/UDP 192.0.2.20:5060;branch=z9hG4bKs" + std::to_string(seconds) + tag)
        .add("Max-Forwards", "70")
        .add("From", "<sip:watcher@core.example.org>;tag=w")
        .add("To", "<sip:+4930155@10.0.0.1>" + (tag.empty() ? tag : ";tag=" + tag))
        .add("Call-ID", "watch@core")
        .add("CSeq", (tag.empty() ? "1" : "2") + std::string(" SUBSCRIBE"))
        .add("Contact", contact)
        .add("Event", "reg")
        .add("Expires", std::to_string(seconds));
    return c.finish();
}

// The call is given up, and then answered by a callee with this Contact. The BYE that he has.
sip::Message unwanted(PlacesLab& b, std::string_view contact) {
    const auto invite = parse(b.invite("sip:+442055501@sip.example.net", secure_sdp("198.51.100.10", 5004, "A")));
    b.receive(b.pbx_flow(), invite.text());
    const auto to_core = b.find("INVITE");
    b.receive(b.core_flow(), b.answer(to_core, 180, "bob", contact));
    auto cancel = sip::Composer::request("CANCEL", invite.request_uri());
    cancel.add("Via", invite.values(sip::HeaderName::via).front())
        .add("Max-Forwards", "70")
        .copy(invite, sip::HeaderName::from)
        .copy(invite, sip::HeaderName::to)
        .copy(invite, sip::HeaderName::call_id)
        .add("CSeq", "1 CANCEL");
    b.receive(b.pbx_flow(), cancel.finish());
    b.receive(b.core_flow(), b.answer(b.find("CANCEL"), 200, "bob", {}));
    b.receive(b.core_flow(), b.answer(to_core, 200, "bob", contact, plain_sdp("192.0.2.21", 6000)));
    b.find("ACK");
    auto bye = b.next("BYE");
    CHECK(b.last.flow == b.core_flow());
    b.sent.clear();
    b.questions.clear();  // of the call: nobody waits for them
    return bye;
}

}  // namespace

TEST_CASE("The BYE after a 2xx that nobody wanted goes on to the places that its Contact stands for") {
    PlacesLab b;
    const auto before = unwanted(b, core_contact);
    b.receive(b.core_flow(), b.answer(before, 503, {}, {}));
    CHECK(b.silent());
    b.answer_dns();
    const auto again = b.next("BYE");
    CHECK(b.last.flow.remote == first_place);
    check_same_request(again, before);
    b.give(FlowClosed{from(b.last), "unreachable"});
    const auto third = b.next("BYE");
    CHECK(b.last.flow.remote == second_place);
    check_same_request(third, before);
    CHECK(b.elsewhere() == 2);
    b.receive(from(b.last), b.answer(third, 481, {}, {}));
    b.stays_silent(70s);
    CHECK(b.stack.statistics().transactions.read() == 0);
}

TEST_CASE(
    "The BYE after a 2xx that nobody wanted goes on when nobody answers it, and no further than there are places") {
    PlacesLab b;
    const auto before = unwanted(b, core_contact);
    b.run_for(33s);
    b.sent.clear();
    b.answer_dns();
    const auto again = b.next("BYE");
    CHECK(b.last.flow.remote == first_place);
    check_same_request(again, before);
    const auto third = b.await("BYE", 33s, &again);
    CHECK(b.last.flow.remote == second_place);
    b.run_for(33s);
    CHECK(b.questions.empty());
    b.stays_silent(60s);
}

TEST_CASE("The BYE after a 2xx that nobody wanted stays where its Contact names an address, and asks DNS nothing") {
    PlacesLab b;
    const auto bye = unwanted(b, "<sip:192.0.2.20:5060>");
    b.receive(b.core_flow(), b.answer(bye, 503, {}, {}));
    CHECK(b.questions.empty());
    b.stays_silent(60s);
    PlacesLab of_no_use;  // a name that leads nowhere
    of_no_use.zones.clear();
    const auto lost = unwanted(of_no_use, core_contact);
    of_no_use.receive(of_no_use.core_flow(), of_no_use.answer(lost, 503, {}, {}));
    of_no_use.answer_dns();
    of_no_use.stays_silent(60s);
    CHECK(of_no_use.elsewhere() == 0);
}

TEST_CASE("The notification that ends a subscription goes on to the next place of its subscriber") {
    PlacesLab b;
    b.receive(b.core_flow(), subscribe(600, core_contact));
    b.next("200");
    const auto told = b.next("NOTIFY");
    b.receive(b.core_flow(), b.answer(told, 200, "w", {}));
    b.answer_dns();
    b.receive(b.core_flow(), subscribe(0, core_contact, told.from_tag()));
    b.next("200");
    const auto before = b.next("NOTIFY");
    CHECK(before.text().find("terminated;reason=timeout") != std::string_view::npos);
    CHECK(b.last.flow.remote == first_place);
    CHECK(b.stack.statistics().subscriptions.read() == 0);
    b.receive(from(b.last), b.answer(before, 503, {}, {}));
    const auto again = b.next("NOTIFY");
    CHECK(b.last.flow.remote == second_place);
    check_same_request(again, before);
    CHECK(b.elsewhere() == 1);
    b.receive(from(b.last), b.answer(again, 503, {}, {}));
    b.stays_silent(60s);
    CHECK(b.elsewhere() == 1);
}

TEST_CASE("Who asks once has his one notification at another place, whether DNS is being asked or not") {
    for (const bool had_one : {false, true}) {
        INFO(had_one);
        PlacesLab b;
        std::string tag;
        if (had_one) {  // whose question DNS has not answered yet
            b.receive(b.core_flow(), subscribe(600, core_contact));
            b.next("200");
            const auto told = b.next("NOTIFY");
            b.receive(b.core_flow(), b.answer(told, 200, "w", {}));
            tag = told.from_tag();
        }
        b.receive(b.core_flow(), subscribe(0, core_contact, tag));
        b.next("200");
        const auto before = b.next("NOTIFY");
        CHECK(b.last.flow == b.core_flow());
        b.receive(b.core_flow(), b.answer(before, 503, {}, {}));
        b.answer_dns();
        const auto again = b.next("NOTIFY");
        CHECK(b.last.flow.remote == first_place);
        check_same_request(again, before);
        b.receive(from(b.last), b.answer(again, 200, {}, {}));
        b.stays_silent(60s);
    }
}

}  // namespace sallyport::stack
