// Who takes another one's place in a call that another shard has (RFC 3891). Two shards, and what io/shard does between
// them: a Call-ID that ends in an even digit is the first one's.
#include <utility>

#include "tests/unit/stack/digest_client.h"
#include "tests/unit/stack/replacing.h"

namespace sallyport::stack {
namespace {

struct Node {
    Node() : first(shared, shard(0), 1), second(shared, shard(1), 2) {
        for (Bench* b : {&first, &second}) configure(*b, world());
    }
    static StackConfig shard(std::uint32_t index) {
        auto config = Bench::stack_config();
        config.shard = index;
        config.is_home = [index](std::string_view call_id) { return home(call_id) == index; };
        return config;
    }
    static std::uint32_t home(std::string_view call_id) { return static_cast<unsigned char>(call_id.back()) % 2u; }
    // The shard that a message came to.
    Bench& receive(const Flow& flow, std::string_view text) {
        const auto message = parse(text);
        const auto adopted = shared.adopted.find(message.call_id(), [&](std::string_view tag) {
            return tag == message.from_tag() || tag == message.to_tag();
        });
        Bench& b = at(adopted.value_or(home(message.call_id())));
        b.receive(flow, text);
        for (auto& letter : std::exchange(b.handed_over, {})) letters.push_back(std::move(letter));
        if (!busy) open_letters();
        return b;
    }
    // What has been handed over is looked at.
    void open_letters() {
        for (const auto& invite : std::exchange(letters, {})) {
            const auto taken = shared.adopted.find(invite.call_id, [&](auto tag) { return tag == invite.tag; });
            Bench& other = at(taken.value_or(home(invite.call_id)));
            other.give(HandedOver{invite.flow, invite.bytes, invite.party});
            CHECK(other.handed_over.empty());
        }
    }
    Bench& at(std::uint32_t shard) { return shard == 0 ? first : second; }

    Shared shared;
    Bench first, second;
    std::vector<b2bua::HandOver> letters;
    bool busy = false;  // the shard that has the call does not come to its letters
};

// A call of the first shard, which a spare PBX that has to prove itself wants to have: challenged by the second, and
// handed over.
struct Wanted {
    Wanted() {
        auto w = world();
        w.trunks.at("spare").credentials = Bench::default_trunk().credentials;
        w.trunks.at("spare").credentials[0].username = "spare";
        w.trunks.at("spare").credentials[0].ha1_sha256.clear();
        w.trunks.at("spare").credentials[0].ha1_md5 =
            sip::digest_ha1(sip::DigestAlgorithm::md5, "spare", "sip.example.net", "secret");
        w.trunks.at("spare").authentication.digest = config::DigestUse::per_request;
        for (Bench* b : {&node.first, &node.second}) configure(*b, w);
        node.first.bind();
        const auto from_pbx = parse(
            node.first.invite("sip:+442055501@sip.example.net", secure_sdp("198.51.100.10", 5004, "A"), "call-0"));
        node.receive(node.first.pbx_flow(), from_pbx.text());
        const auto to_core = node.first.find("INVITE");
        node.receive(node.first.core_flow(),
                     node.first.answer(to_core, 200, "bob", "<sip:192.0.2.20:5060>", plain_sdp("192.0.2.21", 6000)));
        const auto answered = node.first.find("200");
        node.receive(node.first.pbx_flow(), Bench::ack(from_pbx, answered, node.first.pbx_flow()));
        node.first.sent.clear();
        place = place_of(dialog::Dialog::as_uac(from_pbx, answered, node.first.pbx_flow(), {}));
        node.receive(spare_flow(), spares_invite(place, "new-1"));
        const auto challenge = node.second.find("407");
        node.busy = true;
        invite = spares_invite(place, "new-1");
        invite.replace(invite.find("z9hG4bK"), 7, "z9hG4bK2");
        invite.replace(invite.find("CSeq: 1"), 7, "CSeq: 2");
        const auto proof = credentials(challenge, sip::HeaderName::proxy_authenticate, "INVITE",
                                       "sip:+442055501@sip.example.net", "secret", 0, "spare");
        invite = Bench::with(std::move(invite), "Proxy-Authorization: " + proof + "\r\n");
        node.receive(spare_flow(), invite);
        REQUIRE(node.second.silent());
        REQUIRE(node.letters.size() == 1);
    }
    std::string of_branch(const std::string& branch) const {
        auto text = invite;
        return text.replace(text.find("z9hG4bK2"), 8, branch);
    }
    std::string cancel() const {
        const auto message = parse(invite);
        return sip::Composer::request("CANCEL", message.request_uri())
            .add("Via", std::string(message.first(sip::HeaderName::via).value_or("")))
            .add("Max-Forwards", "70")
            .add("From", "<sip:+4930201@spare.example.net>;tag=spare")
            .add("To", "<sip:+442055501@sip.example.net>")
            .add("Call-ID", "new-1")
            .add("CSeq", "2 CANCEL")
            .finish();
    }
    Node node;
    std::string place, invite;
};

}  // namespace

TEST_CASE("A place in a call of another shard is taken there, and what belongs to it finds that shard to the end") {
    Node node;
    node.first.bind();
    const auto from_pbx =
        parse(node.first.invite("sip:+442055501@sip.example.net", secure_sdp("198.51.100.10", 5004, "A"), "call-0"));
    node.receive(node.first.pbx_flow(), from_pbx.text());
    const auto to_core = node.first.find("INVITE");
    node.receive(node.first.core_flow(),
                 node.first.answer(to_core, 200, "bob", "<sip:192.0.2.20:5060>", plain_sdp("192.0.2.21", 6000)));
    const auto answered = node.first.find("200");
    node.receive(node.first.pbx_flow(), Bench::ack(from_pbx, answered, node.first.pbx_flow()));
    node.first.sent.clear();
    const auto pbx = dialog::Dialog::as_uac(from_pbx, answered, node.first.pbx_flow(), {});

    const auto invite = parse(spares_invite(place_of(pbx), "new-1"));
    node.receive(spare_flow(), invite.text());
    CHECK(node.second.silent());
    CHECK(node.second.stack.alive().transactions == 0);
    node.first.next("100");
    const auto offer = node.first.next("INVITE");
    CHECK(&node.receive(spare_flow(), invite.text()) == &node.first);  // it comes again
    node.first.next("100");
    node.receive(node.first.core_flow(), node.first.answer(offer, 200, {}, "<sip:192.0.2.20:5060>",
                                                           plain_sdp("192.0.2.21", 6000, "sendrecv", 2)));
    const auto ok = node.first.find("200");
    CHECK(&node.receive(spare_flow(), Bench::ack(invite, ok, spare_flow())) == &node.first);
    auto spares = dialog::Dialog::as_uac(invite, ok, spare_flow(), {});
    const auto left = node.first.find("BYE");
    node.receive(node.first.pbx_flow(), node.first.answer(left, 200, {}, {}));
    node.first.sent.clear();

    // And it can be taken again, from where that one's Call-ID is at home.
    auto again = spares_invite(place_of(spares), "next-3");
    again.replace(again.find(";tag=spare"), 10, ";tag=third");
    node.receive(spare_flow(), again);
    const auto third = node.first.find("INVITE");
    CHECK(third.call_id() == to_core.call_id());
    node.receive(node.first.core_flow(), node.first.answer(third, 488, {}, {}));
    node.first.find("488");

    CHECK(&node.receive(spare_flow(),
                        spares.request("BYE", "SIP/2.0/UDP 198.51.100.99:5060;branch=z9hG4bKbye").finish()) ==
          &node.first);
    node.first.find("200");
    node.first.find("BYE");
    CHECK(node.second.silent());
}

TEST_CASE("Who may not replace, or nobody, moves no call to another shard, whatever Call-ID he uses") {
    Node node;
    node.second.bind();
    const auto from_pbx =
        parse(node.second.invite("sip:+442055501@sip.example.net", secure_sdp("198.51.100.10", 5004, "A"), "stands-1"));
    node.receive(node.second.pbx_flow(), from_pbx.text());
    const auto to_core = node.second.find("INVITE");
    node.receive(node.second.core_flow(),
                 node.second.answer(to_core, 200, "bob", "<sip:192.0.2.20:5060>", plain_sdp("192.0.2.21", 6000)));
    const auto answered = node.second.find("200");
    node.receive(node.second.pbx_flow(), Bench::ack(from_pbx, answered, node.second.pbx_flow()));
    auto pbx = dialog::Dialog::as_uac(from_pbx, answered, node.second.pbx_flow(), {});
    node.second.sent.clear();

    // Of no call, with the Call-ID of one that stands.
    node.receive(spare_flow(), spares_invite("Replaces: nobodys-0;to-tag=x;from-tag=y\r\n", "stands-1"));
    node.first.next("481");
    CHECK(node.first.stack.alive().transactions == 0);
    CHECK(node.shared.adopted.size() == 0);
    // A stranger, who is heard of by nobody but the shard that his Call-ID is of.
    auto stranger = spares_invite("Replaces: nobodys-0;to-tag=x;from-tag=y\r\n", "stands-1");
    stranger.replace(stranger.find("z9hG4bK"), 7, "z9hG4bKs");
    node.receive(node.second.stranger_flow(), stranger);
    CHECK(node.first.silent());
    node.second.sent.clear();

    CHECK(&node.receive(node.second.pbx_flow(),
                        pbx.request("BYE", "SIP/2.0/TLS 198.51.100.10:5061;branch=z9hG4bKbye").finish()) ==
          &node.second);
    node.second.next("200");
    node.second.next("BYE");
}

TEST_CASE("A Call-ID that has been taken over moves nothing of another call that has it as well") {
    Node node;
    node.shared.adopted.add("stands-1", "spare", 0, node.first.now);
    node.second.bind();
    const auto from_pbx =
        parse(node.second.invite("sip:+442055501@sip.example.net", secure_sdp("198.51.100.10", 5004, "A"), "stands-1"));
    CHECK(&node.receive(node.second.pbx_flow(), from_pbx.text()) == &node.second);
    node.second.find("INVITE");
}

TEST_CASE("While the shard of the call is busy a copy of the INVITE goes where the first went, and is not challenged") {
    Wanted wanted;
    Node& node = wanted.node;
    node.receive(spare_flow(), wanted.invite);
    CHECK(node.second.silent());
    CHECK(node.letters.size() == 2);
    CHECK(node.second.stack.alive().transactions == 0);
    // The same over another path; and from somewhere else, where nobody has proved anything.
    node.receive(spare_flow(), wanted.of_branch("z9hG4bKpath"));
    node.second.next("482");
    auto elsewhere = spare_flow();
    elsewhere.remote.port = 5070;
    node.receive(elsewhere, wanted.invite);
    node.second.next("407");
    CHECK(node.letters.size() == 2);

    node.open_letters();
    node.first.next("100");
    node.first.next("INVITE");  // one, and the copy was none
    node.first.next("100");
    CHECK(node.first.silent());
    CHECK(node.second.silent());
}

TEST_CASE("A CANCEL that comes before the shard of the call has looked at the INVITE ends it there") {
    Wanted wanted;
    Node& node = wanted.node;
    node.receive(spare_flow(), wanted.cancel());
    CHECK(node.second.silent());
    node.open_letters();
    const auto offer = node.first.find("INVITE");
    node.first.next("200");  // of the CANCEL
    node.first.next("487");
    node.receive(node.first.core_flow(), node.first.answer(offer, 100, {}, {}));
    node.first.next("CANCEL");
}

TEST_CASE("An INVITE that was handed over is forgotten once nobody repeats it any more, and is a new one then") {
    Wanted wanted;
    Node& node = wanted.node;
    node.second.run_for(33s);
    node.receive(spare_flow(), wanted.invite);
    node.second.next("407");
    CHECK(node.letters.size() == 1);
    node.receive(spare_flow(), wanted.of_branch("z9hG4bKpath"));
    node.second.next("407");
}

}  // namespace sallyport::stack
