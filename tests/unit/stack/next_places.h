// A core whose name stands for several places, and a call to it whose dialog has been located.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "tests/unit/stack/bench.h"

namespace sallyport::stack {

inline const Endpoint first_place = endpoint("192.0.2.77:5070"), second_place = endpoint("192.0.2.78:5070");
inline const std::string core_contact = "<sip:gw.example.org>";
inline const std::string pbx_contact = "<sip:198.51.100.10:5061;transport=tls>";

struct Zone {  // of one service
    std::string service = "_sip._udp.gw.example.org";
    std::vector<std::pair<std::string, std::uint16_t>> places{{"192.0.2.77", 5070}, {"192.0.2.78", 5070}};
};

struct PlacesLab : Bench {
    PlacesLab() { begin(config::Transport::unspecified); }
    PlacesLab(Shared& node, StackConfig config, config::Transport core) : Bench(node, std::move(config), 1) {
        begin(core);
    }
    void begin(config::Transport core) {
        bind();
        auto carrier = default_carrier();
        carrier.targets[0].transport = core;
        configure(default_trunk(), carrier);
        sent.clear();
    }
    // What waits for an answer of DNS has it: SRV of the zones, and an address for each of their hosts.
    void answer_dns() {
        for (; !questions.empty(); questions.erase(questions.begin())) {
            const auto asked = questions.front();
            locate::Answer answer{.question = asked.question, .status = locate::DnsStatus::no_such_name, .ttl = 600s};
            for (const auto& zone : zones)
                for (std::size_t i = 0; i < zone.places.size(); ++i) {
                    const auto host = "h" + std::to_string(i) + zone.service;
                    if (asked.question == locate::Question{locate::RecordType::srv, zone.service})
                        answer.srv.push_back({static_cast<std::uint16_t>(i), 0, zone.places[i].second, host});
                    if (asked.question == locate::Question{locate::RecordType::a, host})
                        answer.addresses = {IpAddress::parse(zone.places[i].first).value()};
                }
            if (!answer.srv.empty() || !answer.addresses.empty()) answer.status = locate::DnsStatus::ok;
            give(DnsAnswer{asked.token, answer});
        }
    }
    std::uint64_t elsewhere() const { return stack.statistics().requests_elsewhere.read(); }
    // The request that another place has in the time; repetitions at the one before go by.
    sip::Message await(std::string_view method, Duration time, const sip::Message* before = nullptr) {
        sent.clear();
        run_for(time);
        auto found = find(method);
        while (before != nullptr && found.top_via().branch == before->top_via().branch) found = find(method);
        sent.clear();  // and its own
        return found;
    }
    void stays_silent(Duration time) {
        sent.clear();
        run_for(time);
        CHECK(silent());
    }
    std::vector<Zone> zones{Zone{}};
};

// A call from the PBX to a core that names itself so, in a dialog that has been located.
struct LocatedCall {
    explicit LocatedCall(PlacesLab& lab, std::string_view contact = core_contact, std::string_view extra = {})
        : b(lab) {
        invite = parse(b.invite("sip:+442055501@sip.example.net;user=phone", secure_sdp("198.51.100.10", 5004, "A")));
        b.receive(b.pbx_flow(), invite.text());
        b.next("100");
        to_core = b.next("INVITE");
        Flow core = b.last.flow;
        if (is_reliable(core.transport)) core.connection = 21;
        b.receive(core, b.answer(to_core, 200, "bob", contact, plain_sdp("192.0.2.21", 6000), extra));
        b.next("ACK");
        ok = b.next("200");
        b.receive(b.pbx_flow(), Bench::ack(invite, ok, b.pbx_flow()));
        pbx = dialog::Dialog::as_uac(invite, ok, b.pbx_flow(), {});
        b.answer_dns();
    }
    sip::Message reinvite() {
        auto c = pbx.request("INVITE", "SIP/2.0/TLS 198.51.100.10:5061;branch=z9hG4bKp" + std::to_string(++branch));
        c.add("Contact", pbx_contact);
        const auto version = static_cast<std::uint32_t>(++branch);
        b.receive(b.pbx_flow(),
                  c.finish("application/sdp", secure_sdp("198.51.100.10", 5004, "A", "sendrecv", 1, version)));
        b.find("100");
        return b.next("INVITE");
    }
    std::string accept(const sip::Message& reinvite, std::string_view contact = core_contact) const {
        return b.answer(reinvite, 200, {}, contact, plain_sdp("192.0.2.21", 6000, "sendrecv", 2));
    }
    void acknowledge_at_pbx() {
        const auto said = b.find("200");
        b.receive(b.pbx_flow(),
                  pbx.request("ACK", "SIP/2.0/TLS 198.51.100.10:5061;branch=z9hG4bKa" + std::to_string(++branch),
                              said.cseq().number)
                      .finish());
    }
    sip::Message bye() {
        b.receive(b.pbx_flow(), pbx.request("BYE", "SIP/2.0/TLS 198.51.100.10:5061;branch=z9hG4bKbye").finish());
        b.find("200");
        return b.next("BYE");
    }
    PlacesLab& b;
    sip::Message invite, to_core, ok;
    dialog::Dialog pbx;
    int branch = 0;
};

// The same request, sent again as RFC 3263 4.3 has it.
inline void check_same_request(const sip::Message& again, const sip::Message& before) {
    CHECK(again.top_via().branch != before.top_via().branch);
    CHECK(again.cseq().number == before.cseq().number);
    CHECK(again.call_id() == before.call_id());
    CHECK(again.from_tag() == before.from_tag());
    CHECK(again.to_tag() == before.to_tag());
    CHECK(again.request_uri() == before.request_uri());
    CHECK(again.body() == before.body());
}

inline Flow from(const transaction::Transmit& sent, std::uint64_t connection = 0) {
    Flow flow = sent.flow;
    if (connection != 0) flow.connection = connection;
    return flow;
}

}  // namespace sallyport::stack
