#include "bench.h"

namespace sallyport::stack {
namespace {

Flow tcp_from_core() { return {Transport::tcp, 1, endpoint("10.0.0.1:5060"), endpoint("192.0.2.20:41234"), 19}; }

// A call that came in from the core over TCP and was taken by the registered PBX.
struct CallOverTcp {
    explicit CallOverTcp(std::string_view contact) {
        b.bind();
        std::string text = b.core_invite("sip:+4930105@core.example.org", plain_sdp("192.0.2.21", 6000));
        const std::string told = "<sip:192.0.2.20:5060>";
        text.replace(text.find(told), told.size(), contact);
        const auto invite = parse(text);
        b.receive(tcp_from_core(), invite.text());
        b.next("100");
        const auto to_pbx = b.next("INVITE");
        b.receive(b.pbx_flow(), b.answer(to_pbx, 200, "pbx", "<sip:198.51.100.10:5061;transport=tls>",
                                         secure_sdp("198.51.100.10", 5004, "A")));
        b.next("ACK");
        b.receive(tcp_from_core(), Bench::ack(invite, b.next("200"), tcp_from_core()));
        pbx = dialog::Dialog::as_uas(to_pbx, b.pbx_flow(), "pbx");
    }
    // Where the core is sent its BYE when the PBX hangs up.
    Flow end() {
        b.receive(b.pbx_flow(), pbx.request("BYE", "SIP/2.0/TLS 198.51.100.10:5061;branch=z9hG4bKbye").finish());
        b.next("200");
        const auto bye = b.next("BYE");
        const Flow flow = b.last.flow;
        b.receive(flow, b.answer(bye, 200, {}, {}));
        return flow;
    }
    Bench b;
    dialog::Dialog pbx;
};

}  // namespace

TEST_CASE("A connection is in use as long as a call is on it, however silent; the last call frees it") {
    CallOverTcp call("<sip:192.0.2.20:5060;transport=tcp>");
    call.b.run_for(3h);
    CHECK(call.b.shared.is_in_use(tcp_from_core(), call.b.now));
    CHECK(call.b.shared.connections.in_use(call.b.pbx_flow().connection));
    CHECK(call.end() == tcp_from_core());
    call.b.run_for(40s);
    CHECK(call.b.stack.alive().calls == 0);
    CHECK_FALSE(call.b.shared.connections.in_use(tcp_from_core().connection));
    CHECK_FALSE(call.b.shared.connections.in_use(call.b.pbx_flow().connection));
}

TEST_CASE("A core peer whose connection is gone is called at the port it listens on, not at the one it called from") {
    const auto end_after_loss = [](std::string_view contact, std::optional<IpAddress> located = std::nullopt) {
        CallOverTcp call(contact);
        for (; located && !call.b.questions.empty(); call.b.questions.erase(call.b.questions.begin())) {
            const auto asked = call.b.questions.front();
            locate::Answer answer{.question = asked.question, .status = locate::DnsStatus::no_data, .ttl = 60s};
            if (asked.question.type == locate::RecordType::a) {
                answer.status = locate::DnsStatus::ok;
                answer.addresses = {*located};
            }
            call.b.give(DnsAnswer{asked.token, answer});
        }
        call.b.give(FlowClosed{tcp_from_core(), "idle"});
        CHECK_FALSE(call.b.shared.connections.in_use(tcp_from_core().connection));
        const Flow flow = call.end();
        CHECK(flow.connection == 0);
        CHECK(flow.local.empty());
        CHECK(flow.transport == Transport::tcp);
        return flow.remote.to_string();
    };
    CHECK(end_after_loss("<sip:192.0.2.20:5070;transport=tcp>") == "192.0.2.20:5070");
    CHECK(end_after_loss("<sip:192.0.2.20;transport=tcp>") == "192.0.2.20:5060");
    CHECK(end_after_loss("<sip:gw.example.org;transport=tcp>") == "192.0.2.20:5060");  // DNS has not answered
    CHECK(end_after_loss("<sip:gw.example.org;transport=tcp>", IpAddress::v4(192, 0, 2, 33)) == "192.0.2.33:5060");
}

TEST_CASE("A static PBX whose connection is gone is called at its target, or at the port its Contact names") {
    const auto end_after_loss = [](std::vector<config::Target> targets) {
        auto trunk = Bench::default_trunk();
        trunk.mode = config::TrunkMode::static_;
        trunk.credentials.clear();  // else it proves itself by Digest
        trunk.sources = {config::AddressBlock::parse("198.51.100.10").value()};
        trunk.targets = std::move(targets);
        Bench b(trunk);
        const auto flow = b.pbx_flow();
        const auto invite = parse(b.invite("sip:+442055501@sip.example.net;user=phone",
                                           secure_sdp("198.51.100.10", 5004, "A"), "a@b", 1, ""));
        b.receive(flow, invite.text());
        b.next("100");
        const auto to_core = b.next("INVITE");
        b.receive(b.core_flow(), b.answer(to_core, 200, "bob", "<sip:192.0.2.20:5060>", plain_sdp("192.0.2.21", 6000)));
        b.next("ACK");
        b.receive(flow, Bench::ack(invite, b.next("200"), flow));
        b.give(FlowClosed{flow, "idle"});
        auto core = dialog::Dialog::as_uas(to_core, b.core_flow(), "bob");
        b.receive(b.core_flow(), core.request("BYE", "SIP/2.0/UDP 192.0.2.20:5060;branch=z9hG4bKbye").finish());
        b.next("200");
        b.next("BYE");
        CHECK(b.last.flow.connection == 0);
        return b.last.flow.remote.to_string();
    };
    CHECK(end_after_loss({{"pbx.example.net", 0}, {"198.51.100.10", 5081, config::Transport::tls}}) ==
          "198.51.100.10:5081");
    CHECK(end_after_loss({{"198.51.100.10", 5080, config::Transport::udp}}) == "198.51.100.10:5061");
}

TEST_CASE("A connection that two trunks have registered over identifies neither, and is kept for both") {
    Bench b;
    b.bind();
    CHECK(b.shared.is_in_use(b.pbx_flow(), b.now));
    b.shared.locations.update("globex", [&](std::vector<registrar::Binding>& bindings) {
        bindings.push_back({.trunk = "globex", .contact = "sip:x", .flow = b.pbx_flow(), .expires_at = b.now + 1h});
        return true;
    });
    CHECK_FALSE(b.shared.locations.trunk_of(b.pbx_flow(), b.now));
    CHECK(b.shared.is_in_use(b.pbx_flow(), b.now));
    CHECK_FALSE(b.shared.is_in_use(b.pbx_flow(8), b.now));
    CHECK_FALSE(b.shared.is_in_use(b.pbx_flow(), b.now + 2h));
}

}  // namespace sallyport::stack
