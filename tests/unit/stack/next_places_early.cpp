// The next place (RFC 3263 4.3) for what is said in early dialogs, to who has been replaced, and to subscribers.
#include "tests/unit/stack/next_places.h"
#include "tests/unit/stack/replacing.h"

namespace sallyport::stack {

TEST_CASE("PRACK and UPDATE of an early dialog go on to the next place") {
    PlacesLab b;
    b.receive(b.pbx_flow(), b.invite("sip:+442055501@sip.example.net;user=phone",
                                     secure_sdp("198.51.100.10", 5004, "A"), "a-leg@pbx", 1, "Supported: 100rel\r\n"));
    b.next("100");
    const auto to_core = b.next("INVITE");
    const std::string reliable = "Require: 100rel\r\nAllow: INVITE, UPDATE, PRACK\r\nRSeq: ";
    const auto ring = [&](int number, std::string_view sdp) {
        b.receive(b.core_flow(),
                  b.answer(to_core, 183, "bob", core_contact, sdp, reliable + std::to_string(number) + "\r\n"));
    };
    ring(1, plain_sdp("192.0.2.21", 6000));
    const auto first_prack = b.find("PRACK");
    CHECK(b.last.flow == b.core_flow());  // DNS has said nothing yet
    b.answer_dns();
    b.receive(b.core_flow(), b.answer(first_prack, 503, {}, {}));
    const auto prack = b.find("PRACK");
    CHECK(b.last.flow.remote == first_place);
    check_same_request(prack, first_prack);
    CHECK(prack.first(sip::HeaderName::rack) == first_prack.first(sip::HeaderName::rack));
    b.receive(from(b.last), b.answer(prack, 200, {}, {}));
    b.run_for(600ms);
    const auto progress = b.find("183");
    auto pbx = dialog::Dialog::as_uac(parse(b.invite("sip:+442055501@sip.example.net;user=phone", {})), progress,
                                      b.pbx_flow(), {});
    auto acknowledge = pbx.request("PRACK", "SIP/2.0/TLS 198.51.100.10:5061;branch=z9hG4bKprack");
    acknowledge.add("RAck", std::string(progress.first(sip::HeaderName::rseq).value()) + " 1 INVITE");
    b.receive(b.pbx_flow(), acknowledge.finish());
    b.find("200");
    b.sent.clear();
    auto update = pbx.request("UPDATE", "SIP/2.0/TLS 198.51.100.10:5061;branch=z9hG4bKupdate");
    update.add("Contact", pbx_contact);
    b.receive(b.pbx_flow(), update.finish("application/sdp", secure_sdp("198.51.100.10", 5004, "A", "sendonly", 1, 2)));
    const auto before = b.find("UPDATE");
    CHECK(b.last.flow.remote == first_place);
    b.receive(from(b.last), b.answer(before, 503, {}, {}));
    const auto again = b.next("UPDATE");
    CHECK(b.last.flow.remote == second_place);
    check_same_request(again, before);
    b.receive(from(b.last), b.answer(again, 200, {}, core_contact, plain_sdp("192.0.2.21", 6000, "recvonly", 2)));
    CHECK(b.next("200").cseq().method == sip::Method::update);
    CHECK(b.elsewhere() == 2);
}

TEST_CASE("The BYE of a leg that somebody has replaced goes on to the next place of who was there") {
    PlacesLab b;
    configure(b, world());
    b.zones[0].places.emplace_back("192.0.2.79", 5070);
    const auto from_core =
        parse(Bench::with(b.core_invite("sip:+4930101@10.0.0.1", plain_sdp("192.0.2.21", 6000), "a-leg@core"), {}));
    std::string named(from_core.text());
    named.replace(named.find("<sip:192.0.2.20:5060>"), 21, core_contact);
    b.receive(b.core_flow(), named);
    const auto to_pbx = b.find("INVITE");
    b.receive(b.pbx_flow(), b.answer(to_pbx, 200, "dave", pbx_contact, secure_sdp("198.51.100.10", 5004, "B")));
    const auto ok = b.find("200");
    b.receive(b.core_flow(), Bench::ack(from_core, ok, b.core_flow()));
    b.answer_dns();
    const auto core = dialog::Dialog::as_uac(from_core, ok, b.core_flow(), {});
    b.receive(b.core_flow(),
              b.core_invite("sip:+4930101@10.0.0.1", plain_sdp("192.0.2.22", 6100), "new@core", place_of(core)));
    const auto offer = b.find("INVITE");
    b.receive(b.pbx_flow(),
              b.answer(offer, 200, {}, pbx_contact, secure_sdp("198.51.100.10", 5004, "B", "sendrecv", 1, 2)));
    const auto before = b.find("BYE");
    CHECK(b.last.flow.remote == first_place);
    b.receive(from(b.last), b.answer(before, 503, {}, {}));
    const auto again = b.find("BYE");
    CHECK(b.last.flow.remote == second_place);
    check_same_request(again, before);
    CHECK(again.call_id() == "a-leg@core");
    b.receive(from(b.last), b.answer(again, 200, {}, {}));
    CHECK(b.elsewhere() == 1);
}

TEST_CASE("A notification goes on to the next place of its subscriber, who loses it when none is left") {
    PlacesLab b;
    auto c = sip::Composer::request("SUBSCRIBE", "sip:+4930155@10.0.0.1");
    c.add("Via", "SIP/2.0/UDP 192.0.2.20:5060;branch=z9hG4bKs")
        .add("Max-Forwards", "70")
        .add("From", "<sip:watcher@core.example.org>;tag=w")
        .add("To", "<sip:+4930155@10.0.0.1>")
        .add("Call-ID", "watch@core")
        .add("CSeq", "1 SUBSCRIBE")
        .add("Contact", core_contact)
        .add("Event", "reg")
        .add("Expires", "600");
    b.receive(b.core_flow(), c.finish());
    b.next("200");
    const auto told = b.next("NOTIFY");
    b.receive(b.core_flow(), b.answer(told, 200, "w", {}));
    b.answer_dns();
    b.shared.locations.remove_trunk("acme");
    const auto before = b.await("NOTIFY", 6s);
    CHECK(b.last.flow.remote == first_place);
    b.receive(from(b.last), b.answer(before, 503, {}, {}));
    const auto again = b.next("NOTIFY");
    CHECK(b.last.flow.remote == second_place);
    check_same_request(again, before);
    CHECK(b.stack.statistics().subscriptions.read() == 1);
    b.receive(from(b.last), b.answer(again, 503, {}, {}));
    CHECK(b.silent());
    CHECK(b.elsewhere() == 1);
    b.run_for(6s);
    CHECK(b.stack.statistics().subscriptions.read() == 0);
}

}  // namespace sallyport::stack
