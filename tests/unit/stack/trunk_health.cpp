// The state of a trunk as the stack's inputs change it, and where calls go while its PBX is away.
#include "tests/unit/stack/digest_client.h"

namespace sallyport::stack {
namespace {

config::Trunk standby() {
    config::Trunk t;
    t.id = "acme-dr";
    t.mode = config::TrunkMode::static_;
    t.realm = "access";
    t.domain = "dr.example.net";
    t.transports = {config::Transport::udp};
    t.targets = {{"198.51.100.99", 5060, config::Transport::udp, 0, 0}};
    t.media.srtp = config::SrtpPolicy::off;
    return t;
}
void with_overflow(Bench& b) {
    auto trunk = Bench::default_trunk();
    trunk.overflow.trunk = "acme-dr";
    b.configure(trunk, Bench::default_carrier(), {standby()});
    b.sent.clear();
}
policy::TrunkStates::Entry entry(const Bench& b) { return b.shared.trunk_states.all().at("acme"); }
std::size_t facts(const Bench& b, std::string_view event) {
    return static_cast<std::size_t>(
        std::count_if(b.facts.begin(), b.facts.end(), [&](const auto& fact) { return fact.event == event; }));
}

}  // namespace

TEST_CASE("A broken connection takes the trunk down at once, with its reason in state and log") {
    Bench b;
    CHECK(entry(b).state == policy::TrunkState::down);
    b.bind();
    b.run_for(0s);
    b.configure(Bench::default_trunk(), Bench::default_carrier());
    CHECK(entry(b).state == policy::TrunkState::registered);
    b.give(FlowClosed{b.pbx_flow(), "closed by the peer"});
    CHECK(entry(b).state == policy::TrunkState::down);
    CHECK(entry(b).why.find("closed by the peer") != std::string::npos);
    CHECK(facts(b, "trunk-down") == 1);
}

TEST_CASE("A registration that expires takes the trunk down within a second") {
    Bench b;
    b.bind();
    b.configure(Bench::default_trunk(), Bench::default_carrier());
    b.run_for(3599s);
    CHECK(entry(b).state == policy::TrunkState::registered);
    b.run_for(2s);
    CHECK(entry(b).state == policy::TrunkState::down);
    CHECK(entry(b).why.find("expired") != std::string::npos);
}

TEST_CASE("Calls to a PBX that is not registered go to the trunk that takes its overflow, else get 480 at once") {
    Bench b;
    b.receive(b.core_flow(), b.core_invite("sip:+4930101@10.0.0.1", plain_sdp("192.0.2.21", 6000)));
    CHECK(b.find("480").status() == 480);
    with_overflow(b);
    b.receive(b.core_flow(), b.core_invite("sip:+4930101@10.0.0.1", plain_sdp("192.0.2.21", 6000), "second@core"));
    const auto invite = b.find("INVITE");
    CHECK(b.last.flow.remote == endpoint("198.51.100.99:5060"));
    CHECK(std::string(invite.body()).find("RTP/AVP") != std::string::npos);  // as that trunk wants it
}

TEST_CASE("A PBX whose connection breaks while it is called: the next contact, then the overflow, and no 503") {
    Bench b;
    with_overflow(b);
    b.bind(7, 1.0);
    b.bind(8, 0.5, "sip:198.51.100.10:5062");
    b.receive(b.core_flow(), b.core_invite("sip:+4930101@10.0.0.1", plain_sdp("192.0.2.21", 6000)));
    b.find("INVITE");
    CHECK(b.last.flow == b.pbx_flow(7));
    b.give(FlowClosed{b.pbx_flow(7), "reset"});
    b.find("INVITE");
    CHECK(b.last.flow == b.pbx_flow(8));
    b.give(FlowClosed{b.pbx_flow(8), "reset"});
    b.find("INVITE");
    CHECK(b.last.flow.remote == endpoint("198.51.100.99:5060"));
    CHECK(b.shared.gauges.calls(policy::trunk_gauge("acme")) == 0);
    CHECK(b.shared.gauges.calls(policy::trunk_gauge("acme-dr")) == 1);

    Bench alone;
    alone.bind();
    alone.receive(alone.core_flow(), alone.core_invite("sip:+4930101@10.0.0.1", plain_sdp("192.0.2.21", 6000)));
    alone.find("INVITE");
    alone.give(FlowClosed{alone.pbx_flow(), "reset"});
    CHECK(alone.find("480").status() == 480);
}

TEST_CASE("A node that drains refuses new work with 503 and a random waiting time, whoever asks") {
    Bench b;
    b.bind();
    b.give(Drain{true});
    b.receive(b.pbx_flow(), b.invite("sip:+442055501@sip.example.net", secure_sdp("198.51.100.10", 5004, "A")));
    CHECK(b.find("503").has(sip::HeaderName::retry_after));
    b.receive(b.stranger_flow(), b.invite("sip:+442055501@sip.example.net", "", "stranger@p"));
    CHECK(b.find("503").has(sip::HeaderName::retry_after));  // not a challenge
    b.give(Drain{false});
    b.receive(b.pbx_flow(),
              b.invite("sip:+442055501@sip.example.net", secure_sdp("198.51.100.10", 5004, "A"), "two@p"));
    b.find("INVITE");
    CHECK(b.stack.statistics().refused_draining.read() == 2);
}

}  // namespace sallyport::stack
