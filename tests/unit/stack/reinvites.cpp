// INVITEs within a call: hold both ways, offerless ones, glare, overlap, failures that change nothing (RFC 3261 14).
#include "tests/unit/stack/bench.h"

namespace sallyport::stack {

TEST_CASE(
    "Hold and resume by the PBX: relayed, answered, o= versions go up by one, the key stays [SC-14.10-03] "
    "[SC-14.1-09]") {
    Bench b;
    PbxCall call(b);
    const auto first = described(call.ok.body());
    b.receive(b.pbx_flow(), call.from_pbx("INVITE", secure_sdp("198.51.100.10", 5004, "A", "sendonly", 1, 2)));
    b.next("100");
    const auto reinvite = b.next("INVITE");
    CHECK(reinvite.to_tag() == "bob");
    CHECK(stream(reinvite.body()).direction == sdp::Direction::sendonly);
    b.receive(b.core_flow(),
              b.answer(reinvite, 200, {}, "<sip:192.0.2.20:5060>", plain_sdp("192.0.2.21", 6000, "recvonly", 2)));
    b.next("ACK");
    const auto ok = b.next("200");
    CHECK(stream(ok.body()).direction == sdp::Direction::recvonly);
    CHECK(std::stoull(described(ok.body()).origin.version) == std::stoull(first.origin.version) + 1);
    CHECK(described(ok.body()).origin.session_id == first.origin.session_id);
    CHECK(stream(ok.body()).crypto.at(0).key == stream(call.ok.body()).crypto.at(0).key);
    CHECK(b.media.back().legs.at(0).direction == sdp::Direction::sendonly);
}

TEST_CASE("Hold by the core: the PBX is offered SRTP with a new key [SC-12.2-01] [SC-14.4-05]") {
    Bench b;
    PbxCall call(b);
    b.receive(b.core_flow(), call.from_core("INVITE", plain_sdp("192.0.2.21", 6000, "inactive", 2)));
    b.next("100");
    const auto reinvite = b.next("INVITE");
    CHECK(b.last.flow == b.pbx_flow());
    CHECK(reinvite.request_uri() == "sip:198.51.100.10:5061;transport=tls");
    CHECK(stream(reinvite.body()).direction == sdp::Direction::inactive);
    CHECK(stream(reinvite.body()).crypto.at(0).key != stream(call.ok.body()).crypto.at(0).key);
    b.receive(b.pbx_flow(), b.answer(reinvite, 200, {}, "<sip:198.51.100.10:5061>",
                                     secure_sdp("198.51.100.10", 5004, "D", "inactive", 1, 2)));
    b.next("ACK");
    CHECK(stream(b.next("200").body()).direction == sdp::Direction::inactive);
    CHECK(b.media.back().legs.at(0).keys->send == stream(reinvite.body()).crypto.at(0).key);
}

TEST_CASE(
    "A refresh with the same description is the same offer on the other leg, and the same answer [SC-14.1-06] "
    "[SC-14.1-07]") {
    Bench b;
    PbxCall call(b);
    b.receive(b.core_flow(), call.from_core("INVITE", plain_sdp("192.0.2.21", 6000)));
    b.next("100");
    const auto reinvite = b.next("INVITE");
    b.receive(b.pbx_flow(),
              b.answer(reinvite, 200, {}, "<sip:198.51.100.10:5061>", secure_sdp("198.51.100.10", 5004, "A")));
    b.next("ACK");
    CHECK(b.next("200").body() == call.to_core.body());
    CHECK(stream(reinvite.body()).crypto.at(0).key == stream(call.ok.body()).crypto.at(0).key);
}

TEST_CASE("An offerless re-INVITE: offer in the 200, answer in the ACK, either way [SC-12.2-03]") {
    Bench b;
    PbxCall call(b);
    const auto request = parse(call.from_core("INVITE"));
    b.receive(b.core_flow(), request.text());
    b.next("100");
    const auto reinvite = b.next("INVITE");
    CHECK(reinvite.body().empty());
    b.receive(b.pbx_flow(), b.answer(reinvite, 200, {}, "<sip:198.51.100.10:5061>",
                                     secure_sdp("198.51.100.10", 5006, "E", "sendrecv", 1, 2)));
    const auto ok = b.next("200");
    CHECK_FALSE(stream(ok.body()).secure);
    auto ack = call.core.request("ACK", "SIP/2.0/UDP 192.0.2.20;branch=z9hG4bKlate", request.cseq().number);
    b.receive(b.core_flow(), ack.finish("application/sdp", plain_sdp("192.0.2.21", 6002, "sendrecv", 2)));
    const auto relayed = b.next("ACK");
    CHECK(stream(relayed.body()).secure);
    CHECK(b.media.back().legs.at(0).remote == endpoint("198.51.100.10:5006"));
    CHECK(b.media.back().legs.at(1).remote == endpoint("192.0.2.21:6002"));
}

TEST_CASE("A re-INVITE without an m-line of the session is 488; the media session can still be programmed anew") {
    Bench b;
    PbxCall call(b);
    const std::string two = plain_sdp("192.0.2.21", 6000, "sendrecv", 2) + "m=video 6002 RTP/AVP 31\r\n";
    b.receive(b.core_flow(), call.from_core("INVITE", two));
    b.next("100");
    const auto reinvite = b.next("INVITE");
    b.receive(b.pbx_flow(),
              b.answer(reinvite, 200, {}, "<sip:198.51.100.10:5061>",
                       secure_sdp("198.51.100.10", 5004, "A", "sendrecv", 1, 2) + "m=video 0 RTP/SAVP 31\r\n"));
    b.next("ACK");
    const auto ok = b.next("200");
    b.receive(b.core_flow(),
              call.core.request("ACK", "SIP/2.0/UDP 192.0.2.20:5060;branch=z9hG4bKack", ok.cseq().number).finish());
    b.receive(b.pbx_flow(), call.from_pbx("INVITE", secure_sdp("198.51.100.10", 5004, "A", "sendonly", 1, 3)));
    b.next("100");
    b.next("488");
    b.media.clear();
    b.media_state(true, 2);
    REQUIRE(b.media.size() == 1);
    CHECK(b.media.at(0).legs.size() == 4);
    CHECK(b.stack.alive().calls == 1);
}

TEST_CASE("A refused re-INVITE changes nothing: status relayed, old description stands") {
    Bench b;
    PbxCall call(b);
    const auto programmed = b.media.size();
    b.receive(b.pbx_flow(), call.from_pbx("INVITE", secure_sdp("198.51.100.10", 5008, "F", "sendrecv", 1, 2)));
    b.next("100");
    const auto reinvite = b.next("INVITE");
    b.receive(b.core_flow(), b.answer(reinvite, 488, {}, {}));
    b.next("ACK");
    b.next("488");
    CHECK(b.media.size() == programmed);
    // The next one is possible, and its version is above the one that was refused.
    b.receive(b.pbx_flow(), call.from_pbx("INVITE", secure_sdp("198.51.100.10", 5004, "A", "sendrecv", 1, 3)));
    b.next("100");
    const auto again = b.next("INVITE");
    CHECK(std::stoull(described(again.body()).origin.version) >=
          std::stoull(described(reinvite.body()).origin.version));
}

TEST_CASE("Glare on one leg stays there: 491 for who comes second, a pause, then the first INVITE again [SC-14.1-10]") {
    Bench b;
    PbxCall call(b);
    b.receive(b.pbx_flow(), call.from_pbx("INVITE", secure_sdp("198.51.100.10", 5004, "A", "sendonly", 1, 2)));
    b.next("100");
    const auto first = b.next("INVITE");
    b.receive(b.core_flow(), call.from_core("INVITE", plain_sdp("192.0.2.21", 6000, "sendonly", 2)));
    const auto refused = b.next("491");
    auto ack = sip::Composer::request("ACK", "sip:10.0.0.1");
    ack.copy(refused, sip::HeaderName::via).copy(refused, sip::HeaderName::from).copy(refused, sip::HeaderName::to);
    ack.copy(refused, sip::HeaderName::call_id).add("CSeq", std::to_string(refused.cseq().number) + " ACK");
    b.receive(b.core_flow(), ack.finish());
    b.receive(b.core_flow(), b.answer(first, 491, {}, {}));
    b.next("ACK");
    b.run_for(2090ms);  // the Call-ID of this leg is ours: 2.1 to 4 s
    CHECK(b.silent());
    b.run_for(2s);
    const auto again = b.next("INVITE");
    CHECK(again.cseq().number == first.cseq().number + 1);
    b.receive(b.core_flow(),
              b.answer(again, 200, {}, "<sip:192.0.2.20:5060>", plain_sdp("192.0.2.21", 6000, "recvonly", 2)));
    b.find("ACK");
    b.next("200");
}

TEST_CASE("A second INVITE before the first is answered: 500 with Retry-After; a lower CSeq: 500") {
    Bench b;
    PbxCall call(b);
    b.receive(b.pbx_flow(), call.from_pbx("INVITE", secure_sdp("198.51.100.10", 5004, "A", "sendonly", 1, 2)));
    b.find("INVITE");
    b.receive(b.pbx_flow(), call.from_pbx("INVITE", secure_sdp("198.51.100.10", 5004, "A", "sendonly", 1, 3)));
    const auto refusal = b.next("500");
    CHECK(std::stoi(std::string(refusal.first(sip::HeaderName::retry_after).value())) <= 10);
    call.pbx.local_cseq = 0;
    b.receive(b.pbx_flow(), call.from_pbx("OPTIONS"));
    b.next("500");
}

TEST_CASE("BYE during a re-INVITE: 200 for the BYE, 487 for the INVITE, a late 200 still gets its ACK") {
    Bench b;
    PbxCall call(b);
    b.receive(b.pbx_flow(), call.from_pbx("INVITE", secure_sdp("198.51.100.10", 5004, "A", "sendonly", 1, 2)));
    const auto reinvite = b.find("INVITE");
    b.receive(b.core_flow(), b.answer(reinvite, 100, {}, {}));
    b.receive(b.pbx_flow(), call.from_pbx("BYE"));
    b.next("200");
    b.next("487");
    b.next("CANCEL");
    const auto bye = b.next("BYE");
    b.receive(b.core_flow(), b.answer(bye, 200, {}, {}));
    b.receive(b.core_flow(),
              b.answer(reinvite, 200, {}, "<sip:192.0.2.20:5060>", plain_sdp("192.0.2.21", 6000, "recvonly", 2)));
    b.next("ACK");
    b.run_for(70s);
    CHECK(b.stack.alive().calls == 0);
}

TEST_CASE("A re-INVITE cancelled too late is taken back by an offer of the old description") {
    Bench b;
    PbxCall call(b);
    const auto request = parse(call.from_pbx("INVITE", secure_sdp("198.51.100.10", 5004, "A", "sendonly", 1, 2)));
    b.receive(b.pbx_flow(), request.text());
    const auto reinvite = b.find("INVITE");
    b.receive(b.core_flow(), b.answer(reinvite, 100, {}, {}));
    auto cancel = sip::Composer::request("CANCEL", request.request_uri());
    cancel.add("Via", request.values(sip::HeaderName::via).front()).copy(request, sip::HeaderName::from);
    cancel.copy(request, sip::HeaderName::to).copy(request, sip::HeaderName::call_id);
    cancel.add("CSeq", std::to_string(request.cseq().number) + " CANCEL");
    b.receive(b.pbx_flow(), cancel.finish());
    b.next("200");
    b.next("CANCEL");
    b.next("487");
    b.receive(b.core_flow(),
              b.answer(reinvite, 200, {}, "<sip:192.0.2.20:5060>", plain_sdp("192.0.2.21", 6000, "recvonly", 2)));
    b.next("ACK");
    const auto back = b.next("INVITE");
    CHECK(stream(back.body()).direction == sdp::Direction::sendrecv);
    b.receive(b.core_flow(),
              b.answer(back, 200, {}, "<sip:192.0.2.20:5060>", plain_sdp("192.0.2.21", 6000, "sendrecv", 3)));
    b.next("ACK");
    CHECK(b.silent());
    CHECK(b.media.back().legs.at(1).direction == sdp::Direction::sendrecv);
}

TEST_CASE(
    "A re-INVITE without an offer is accepted after its CANCEL, and the party that cancelled is told what holds") {
    Bench b;
    PbxCall call(b);
    const auto request = parse(call.from_pbx("INVITE"));
    b.receive(b.pbx_flow(), request.text());
    const auto reinvite = b.find("INVITE");
    CHECK(reinvite.body().empty());
    b.receive(b.core_flow(), b.answer(reinvite, 100, {}, {}));
    auto cancel = sip::Composer::request("CANCEL", request.request_uri());
    cancel.add("Via", request.values(sip::HeaderName::via).front()).copy(request, sip::HeaderName::from);
    cancel.copy(request, sip::HeaderName::to).copy(request, sip::HeaderName::call_id);
    cancel.add("CSeq", std::to_string(request.cseq().number) + " CANCEL");
    b.receive(b.pbx_flow(), cancel.finish());
    b.find("487");
    b.receive(b.core_flow(),
              b.answer(reinvite, 200, {}, "<sip:192.0.2.20:5060>", plain_sdp("192.0.2.21", 6000, "sendonly", 2)));
    CHECK_FALSE(b.next("ACK").body().empty());
    const auto told = b.next("INVITE");
    CHECK(b.last.flow.transport == Transport::tls);
    CHECK(stream(told.body()).direction == sdp::Direction::sendonly);
}

TEST_CASE("A re-INVITE is accepted after its CANCEL: its key holds, also where its old description is refused then") {
    Bench b;
    PbxCall call(b);
    const auto request = call.from_core("INVITE", plain_sdp("192.0.2.21", 6000, "sendonly", 2));
    b.receive(b.core_flow(), request);
    const auto reinvite = b.find("INVITE");
    const auto key = stream(reinvite.body()).crypto.front().key;
    b.receive(b.pbx_flow(), b.answer(reinvite, 100, {}, {}));
    const auto asked = parse(request);
    auto cancel = sip::Composer::request("CANCEL", asked.request_uri());
    cancel.add("Via", asked.values(sip::HeaderName::via).front()).copy(asked, sip::HeaderName::from);
    cancel.copy(asked, sip::HeaderName::to).copy(asked, sip::HeaderName::call_id);
    cancel.add("CSeq", std::to_string(asked.cseq().number) + " CANCEL");
    b.receive(b.core_flow(), cancel.finish());
    b.find("487");
    b.receive(b.pbx_flow(), b.answer(reinvite, 200, {}, "<sip:198.51.100.7:5061>",
                                     secure_sdp("198.51.100.10", 5008, "B", "recvonly", 1, 2)));
    const auto holds = [&] {
        const auto& leg = b.media.back().legs.at(0);
        CHECK(leg.keys->send == key);
        CHECK(leg.remote->port == 5008);
    };
    b.find("ACK");
    holds();
    const auto back = b.next("INVITE");
    CHECK(stream(back.body()).direction == sdp::Direction::sendrecv);
    CHECK(stream(back.body()).crypto.front().key == key);
    b.receive(b.pbx_flow(), b.answer(back, 488, {}, {}));
    b.run_for(10s);
    holds();
}

TEST_CASE("A party that has not heard our ACK refuses our own offer with 500, which is repeated for 64*T1") {
    Bench b;
    PbxCall call(b);
    const auto request = parse(call.from_pbx("INVITE", secure_sdp("198.51.100.10", 5004, "A", "sendonly", 1, 2)));
    b.receive(b.pbx_flow(), request.text());
    const auto reinvite = b.find("INVITE");
    b.receive(b.core_flow(), b.answer(reinvite, 100, {}, {}));
    auto cancel = sip::Composer::request("CANCEL", request.request_uri());
    cancel.add("Via", request.values(sip::HeaderName::via).front()).copy(request, sip::HeaderName::from);
    cancel.copy(request, sip::HeaderName::to).copy(request, sip::HeaderName::call_id);
    cancel.add("CSeq", std::to_string(request.cseq().number) + " CANCEL");
    b.receive(b.pbx_flow(), cancel.finish());
    b.find("487");
    b.receive(b.core_flow(),
              b.answer(reinvite, 200, {}, "<sip:192.0.2.20:5060>", plain_sdp("192.0.2.21", 6000, "recvonly", 2)));
    const TimePoint began = b.now;
    TimePoint last_offer = began;
    int offers = 0;
    while (b.now - began < 200s) {
        while (!b.silent()) {
            const auto message = b.next();
            if (message.method_text() != "INVITE" || !message.is_request()) continue;
            ++offers;
            last_offer = b.now;
            b.receive(b.core_flow(), b.answer(message, 500, {}, {}));
        }
        b.run_for(100ms);
    }
    CHECK(offers == 8);
    CHECK(last_offer - began > 32s);
    CHECK(b.stack.alive().calls == 1);
}

TEST_CASE("Other requests within a call: OPTIONS 200, INFO 405, an unknown method 501, an unknown dialog 481") {
    Bench b;
    PbxCall call(b);
    b.receive(b.pbx_flow(), call.from_pbx("OPTIONS"));
    b.next("200");
    for (const auto* method : {"INFO", "REFER", "MESSAGE"}) {
        b.receive(b.pbx_flow(), call.from_pbx(method));
        CHECK(b.next("405").has(sip::HeaderName::allow));
    }
    b.receive(b.pbx_flow(), call.from_pbx("PRACK"));
    b.next("400");  // without RAck
    b.receive(b.pbx_flow(), call.from_pbx("FROBNICATE"));
    b.next("501");
    call.pbx.id.remote_tag = "nobody";
    b.receive(b.pbx_flow(), call.from_pbx("BYE"));
    b.next("481");
}

}  // namespace sallyport::stack
