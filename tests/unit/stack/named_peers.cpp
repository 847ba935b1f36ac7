// Core peers whose Contact or Record-Route is a name: located once their dialog stands, met there from then on. And
// requests within a dialog that are too large for UDP.
#include <map>
#include <utility>

#include "tests/unit/stack/bench.h"

namespace sallyport::stack {
namespace {

const std::string core_contact = "<sip:gw.example.org>";

struct Lab : Bench {
    Lab() {
        bind();
        auto carrier = default_carrier();
        carrier.targets[0].transport = config::Transport::unspecified;
        configure(default_trunk(), carrier);
        sent.clear();
        zone["_sip._udp.gw.example.org"] = "gw1.example.org:5070";
        zone["gw1.example.org"] = "192.0.2.77";
    }
    // Of every question that waits; what is not in the zone does not exist. Says how many there were.
    std::size_t answer_dns(locate::DnsStatus otherwise = locate::DnsStatus::no_such_name) {
        std::size_t count = 0;
        for (; !questions.empty(); questions.erase(questions.begin()), ++count) {
            const auto asked = questions.front();
            locate::Answer answer{.question = asked.question, .status = otherwise, .ttl = ttl};
            const auto found = zone.find(asked.question.name);
            if (found != zone.end() && asked.question.type == locate::RecordType::srv) {
                const auto colon = found->second.find(':');
                const auto port = static_cast<std::uint16_t>(std::stoi(found->second.substr(colon + 1)));
                answer.srv = {{10, 0, port, found->second.substr(0, colon)}};
            } else if (found != zone.end() && asked.question.type == locate::RecordType::a) {
                answer.addresses = {IpAddress::parse(found->second).value()};
            }
            if (!answer.srv.empty() || !answer.addresses.empty()) answer.status = locate::DnsStatus::ok;
            give(DnsAnswer{asked.token, answer});
        }
        return count;
    }
    std::map<std::string, std::string> zone;
    Duration ttl = 60s;
};

// A call from the PBX to a core that names itself so.
struct CallToCore {
    explicit CallToCore(Lab& lab, std::string_view contact = core_contact, std::string_view extra = {}) : b(lab) {
        invite = parse(b.invite("sip:+442055501@sip.example.net;user=phone", secure_sdp("198.51.100.10", 5004, "A")));
        b.receive(b.pbx_flow(), invite.text());
        b.next("100");
        const auto to_core = b.next("INVITE");
        b.receive(b.core_flow(), b.answer(to_core, 200, "bob", contact, plain_sdp("192.0.2.21", 6000), extra));
        b.next("ACK");
        ok = b.next("200");
        b.receive(b.pbx_flow(), Bench::ack(invite, ok, b.pbx_flow()));
        pbx = dialog::Dialog::as_uac(invite, ok, b.pbx_flow(), {});
    }
    // A re-INVITE of the PBX, as it comes to the core.
    sip::Message reinvite(std::string_view extra = {}) {
        auto c = pbx.request("INVITE", "SIP/2.0/TLS 198.51.100.10:5061;branch=z9hG4bKp" + std::to_string(++branch));
        c.add("Contact", "<sip:198.51.100.10:5061;transport=tls>");
        b.receive(b.pbx_flow(),
                  Bench::with(c.finish("application/sdp", secure_sdp("198.51.100.10", 5004, "A", "sendrecv", 1,
                                                                     static_cast<std::uint32_t>(++branch))),
                              extra));
        b.next("100");
        return b.next("INVITE");
    }
    void refuse(const sip::Message& reinvite) {
        b.receive(b.last.flow, b.answer(reinvite, 488, "bob", {}));
        b.find("488");
    }
    std::string bye() {
        b.receive(b.pbx_flow(), pbx.request("BYE", "SIP/2.0/TLS 198.51.100.10:5061;branch=z9hG4bKbye").finish());
        b.find("200");
        const auto bye = b.next("BYE");
        b.receive(b.last.flow, b.answer(bye, 200, "bob", {}));
        return b.last.flow.remote.to_string();
    }
    Lab& b;
    sip::Message invite, ok;
    dialog::Dialog pbx;
    int branch = 0;
};

}  // namespace

TEST_CASE("A Contact that is a name is located as soon as its dialog stands, and requests go to where it leads") {
    Lab b;
    CallToCore call(b);
    CHECK(b.last.flow.remote.to_string() != "192.0.2.77:5070");
    REQUIRE_FALSE(b.questions.empty());
    CHECK(b.questions.front().question.name == "gw.example.org");
    b.answer_dns();
    const auto reinvite = call.reinvite();
    CHECK(b.last.flow.remote == endpoint("192.0.2.77:5070"));
    CHECK(b.last.flow.local == endpoint("10.0.0.1:5060"));
    CHECK(reinvite.request_uri() == "sip:gw.example.org");
    call.refuse(reinvite);
    CHECK(call.bye() == "192.0.2.77:5070");
    b.run_for(40s);
    CHECK(b.stack.alive().calls == 0);
}

TEST_CASE("Until DNS has answered, and when it cannot, a named peer is met where it was before") {
    Lab b;
    CallToCore call(b);
    auto reinvite = call.reinvite();
    CHECK(b.last.flow == b.core_flow());
    call.refuse(reinvite);
    CHECK(b.questions.size() == 1);  // it is not asked for twice
    const auto zone = std::exchange(b.zone, {});
    b.answer_dns(locate::DnsStatus::failure);
    reinvite = call.reinvite();
    CHECK(b.last.flow == b.core_flow());
    call.refuse(reinvite);
    CHECK(b.questions.empty());
    b.zone = zone;
    b.zone["_sip._udp.gw.example.org"] = "gw1.example.org:5071";
    b.run_for(31s);
    reinvite = call.reinvite();  // asks again, and does not wait
    CHECK(b.last.flow == b.core_flow());
    call.refuse(reinvite);
    CHECK(b.answer_dns() > 0);
    CHECK(call.bye() == "192.0.2.77:5071");
}

TEST_CASE("What DNS has said of a peer is used for as long as it said, and then until it says something else") {
    Lab b;
    CallToCore call(b);
    b.answer_dns();
    b.run_for(59s);
    call.refuse(call.reinvite());
    CHECK(b.questions.empty());
    b.run_for(2s);
    b.zone["gw1.example.org"] = "192.0.2.78";
    auto reinvite = call.reinvite();
    CHECK(b.last.flow.remote == endpoint("192.0.2.77:5070"));
    call.refuse(reinvite);
    b.answer_dns();
    reinvite = call.reinvite();
    CHECK(b.last.flow.remote == endpoint("192.0.2.78:5070"));
    call.refuse(reinvite);
    b.run_for(61s);
    call.refuse(call.reinvite());
    b.answer_dns(locate::DnsStatus::timeout);
    b.zone.clear();
    b.run_for(31s);
    call.refuse(call.reinvite());
    b.answer_dns();
    CHECK(call.bye() == "192.0.2.78:5070");
}

TEST_CASE("A name in Record-Route comes before the Contact; a caller's is looked for too, and a new one anew") {
    Lab b;
    b.receive(b.core_flow(), b.core_invite("sip:+4930155@10.0.0.1;user=phone", plain_sdp("192.0.2.21", 6000), "a@core",
                                           "Record-Route: <sip:proxy.example.org;lr>\r\n"));
    b.next("100");
    const auto to_pbx = b.next("INVITE");
    CHECK(b.questions.empty());  // nothing stands yet
    b.receive(b.pbx_flow(), b.answer(to_pbx, 200, "dave", "<sip:198.51.100.10:5061;transport=tls>",
                                     secure_sdp("198.51.100.10", 5004, "B")));
    b.next("ACK");
    const auto ok = b.next("200");
    REQUIRE(b.questions.size() == 1);
    CHECK(b.questions.front().question.name == "proxy.example.org");
    b.zone["proxy.example.org"] = "192.0.2.90";
    b.answer_dns();
    auto pbx = dialog::Dialog::as_uas(to_pbx, b.pbx_flow(), "dave");
    b.receive(b.pbx_flow(), pbx.request("BYE", "SIP/2.0/TLS 198.51.100.10:5061;branch=z9hG4bKbye").finish());
    b.next("200");
    const Flow bye_flow = b.core_flow();
    CHECK(b.silent());  // the caller has not acknowledged yet
    auto core = dialog::Dialog::as_uac(parse(b.core_invite("sip:+4930155@10.0.0.1;user=phone", {}, "a@core")), ok,
                                       bye_flow, {});
    b.receive(b.core_flow(), core.request("ACK", "SIP/2.0/UDP 192.0.2.20:5060;branch=z9hG4bKack", 1).finish());
    b.next("BYE");
    CHECK(b.last.flow.remote == endpoint("192.0.2.90:5060"));
}

TEST_CASE("A call that an earlier process has left looks for its named peer again") {
    Lab b;
    CallToCore call(b);
    b.answer_dns();
    REQUIRE_FALSE(b.checkpoints.empty());
    Lab after;
    after.ttl = 60s;
    after.give(Restore{b.checkpoints.back().state});
    REQUIRE_FALSE(after.questions.empty());
    CHECK(after.questions.front().question.name == "gw.example.org");
    after.answer_dns();
    after.receive(after.pbx_flow(),
                  call.pbx.request("BYE", "SIP/2.0/TLS 198.51.100.10:5061;branch=z9hG4bKbye").finish());
    after.find("200");
    after.next("BYE");
    CHECK(after.last.flow.remote == endpoint("192.0.2.77:5070"));
}

TEST_CASE("A large re-INVITE goes over TCP where nobody has named UDP, and over UDP if TCP is refused there") {
    Lab b;
    CallToCore call(b, "<sip:192.0.2.20:5060>");
    const std::string filler = "X-Filler: " + std::string(1'300, 'f') + "\r\n";
    const auto small = call.reinvite();
    CHECK(small.top_via().transport == "UDP");
    call.refuse(small);
    const auto over_tcp = call.reinvite(filler);
    CHECK(over_tcp.top_via().transport == "TCP");
    CHECK(b.last.flow.transport == Transport::tcp);
    CHECK(b.last.flow.remote == endpoint("192.0.2.20:5060"));
    CHECK(over_tcp.first(sip::HeaderName::contact) == "<sip:10.0.0.1:5060;transport=tcp>");
    CHECK(over_tcp.cseq().number == small.cseq().number + 1);
    b.give(FlowClosed{b.last.flow, "refused"});
    const auto over_udp = b.next("INVITE");
    CHECK(over_udp.top_via().transport == "UDP");
    CHECK(b.last.flow == b.core_flow());
    CHECK(over_udp.top_via().branch != over_tcp.top_via().branch);
    CHECK(over_udp.cseq().number > over_tcp.cseq().number);
    call.refuse(over_udp);
    const auto soon = call.reinvite(filler);
    CHECK(soon.top_via().transport == "UDP");
    call.refuse(soon);
    b.run_for(11min);
    b.sent.clear();
    const auto later = call.reinvite(filler);
    CHECK(later.top_via().transport == "TCP");
    call.refuse(later);
    CHECK(call.bye() == "192.0.2.20:5060");
    CHECK(b.last.flow.transport == Transport::udp);
}

TEST_CASE(
    "A carrier that subscribes and names itself is told where its name leads, over TCP what is too large for UDP") {
    Lab b;
    const auto subscribe = [&](std::string_view uri) {
        auto c = sip::Composer::request("SUBSCRIBE", uri);
        c.add("Via", "SIP/2.0/UDP 192.0.2.20:5060;branch=z9hG4bKs" + std::to_string(b.sent.size()))
            .add("Max-Forwards", "70")
            .add("From", "<sip:watcher@core.example.org>;tag=w")
            .add("To", "<" + std::string(uri) + ">")
            .add("Call-ID", "watch@core")
            .add("CSeq", "1 SUBSCRIBE")
            .add("Contact", "<sip:watcher" + std::string(1'000, 'w') + "@gw1.example.org:5070>")
            .add("Event", "reg")
            .add("Expires", "600");
        b.receive(b.core_flow(), c.finish());
        b.next("200");
        return b.next("NOTIFY");
    };
    const auto first = subscribe("sip:+4930155@10.0.0.1");  // at once, where it came from
    CHECK(b.last.flow.remote == endpoint("192.0.2.20:5060"));
    b.receive(b.last.flow, b.answer(first, 200, "w", {}));
    CHECK(b.answer_dns() > 0);
    b.shared.locations.remove_trunk("acme");
    b.run_for(6s);
    const auto second = b.next("NOTIFY");
    CHECK(b.last.flow.remote == endpoint("192.0.2.77:5070"));
    CHECK(second.top_via().transport == "TCP");
    b.give(FlowClosed{b.last.flow, "refused"});
    const auto third = b.next("NOTIFY");
    CHECK(third.top_via().transport == "UDP");
    CHECK(third.cseq().number == second.cseq().number + 1);
    CHECK(b.last.flow.remote == endpoint("192.0.2.77:5070"));
    b.receive(b.last.flow, b.answer(third, 200, "w", {}));
    CHECK(b.stack.statistics().subscriptions.read() == 1);
}

TEST_CASE("What configuration, a Contact or SRV says of UDP is kept to, however large the request is") {
    const std::string filler = "X-Filler: " + std::string(1'300, 'f') + "\r\n";
    const auto transport = [&](std::string_view contact, config::Transport provisioned) {
        Lab b;
        auto carrier = Bench::default_carrier();
        carrier.targets[0].transport = provisioned;
        b.configure(Bench::default_trunk(), carrier);
        b.sent.clear();
        CallToCore call(b, contact);
        b.answer_dns();
        return std::string(call.reinvite(filler).top_via().transport);
    };
    using enum config::Transport;
    CHECK(transport("<sip:192.0.2.20:5060>", unspecified) == "TCP");
    CHECK(transport("<sip:gw1.example.org:5060>", unspecified) == "TCP");
    CHECK(transport("<sip:192.0.2.20:5060>", udp) == "UDP");
    CHECK(transport("<sip:192.0.2.20:5060;transport=udp>", unspecified) == "UDP");
    CHECK(transport(core_contact, unspecified) == "UDP");  // SRV has named it
}

}  // namespace sallyport::stack
