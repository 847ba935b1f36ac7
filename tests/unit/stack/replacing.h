// A PBX that may take the place of another one of its customer, and what it sends to do so.
#pragma once

#include "tests/unit/stack/bench.h"

namespace sallyport::stack {

inline config::Trunk spare_trunk() {
    auto t = Bench::default_trunk();
    t.id = "spare";
    t.mode = config::TrunkMode::static_;
    t.registration_aor.clear();
    t.credentials.clear();
    t.domain = "spare.example.net";
    t.numbers = {{"+4930200", "+4930299"}};
    t.number_limits = {{{"+4930201", "+4930201"}, 0, 1}};
    t.transports = {config::Transport::udp};
    t.targets = {{"198.51.100.99", 5060, config::Transport::udp}};
    t.sources = {*config::AddressBlock::parse("198.51.100.99")};
    t.media.srtp = config::SrtpPolicy::off;
    t.customer = "c";
    t.replaces = true;
    return t;
}

inline config::Snapshot world() {
    config::Snapshot w;
    auto trunk = Bench::default_trunk();
    trunk.customer = "c";
    trunk.number_limits = {{{"+4930100", "+4930109"}, 2, 1}};
    trunk.replaces = true;
    w.trunks.emplace("acme", trunk);
    w.trunks.emplace("spare", spare_trunk());
    auto carrier = Bench::default_carrier();
    carrier.replaces = true;
    w.carriers.emplace("core", carrier);
    w.routes.emplace("all", config::Route{.id = "all", .carriers = {"core"}});
    w.customers.emplace("c", config::Customer{"c", "", {1, 0, 0, 200}});
    return w;
}

inline void configure(Bench& b, config::Snapshot w) {
    w.revision = ++b.revision;
    w.build_indexes();
    b.give(ConfigChanged{std::make_shared<const config::Snapshot>(std::move(w))});
    b.sent.clear();
}

inline Flow spare_flow() {
    return {Transport::udp, 0, endpoint("203.0.113.1:5060"), endpoint("198.51.100.99:5060"), 0};
}

// The place of a party whose peer is this node: of the dialog as that party has it.
inline std::string place_of(const dialog::Dialog& party) {
    return "Replaces: " + party.id.call_id + ";to-tag=" + party.id.remote_tag + ";from-tag=" + party.id.local_tag +
           "\r\n";
}

inline std::string spares_invite(std::string_view replaces, std::string_view call_id = "new@spare",
                                 const std::string& sdp = plain_sdp("198.51.100.99", 7000)) {
    auto c = sip::Composer::request("INVITE", "sip:+442055501@sip.example.net");
    c.add("Via", "SIP/2.0/UDP 198.51.100.99:5060;branch=z9hG4bK" + std::string(call_id))
        .add("Max-Forwards", "70")
        .add("From", "<sip:+4930201@spare.example.net>;tag=spare")
        .add("To", "<sip:+442055501@sip.example.net>")
        .add("Call-ID", call_id)
        .add("CSeq", "1 INVITE")
        .add("Contact", "<sip:198.51.100.99:5060>");
    return Bench::with(c.finish(sdp.empty() ? "" : "application/sdp", sdp), replaces);
}

}  // namespace sallyport::stack
