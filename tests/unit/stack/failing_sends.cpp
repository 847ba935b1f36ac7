// What cannot be sent: whichever message of a call fails at once, and everything after it, the call ends and leaves
// nothing (CVE-2022-23608 and its like). And forks that all answer.
#include <set>

#include "tests/unit/stack/bench.h"

namespace sallyport::stack {
namespace {

void check_nothing_left(Bench& b) {
    b.run_for(400s);
    CHECK(b.stack.alive().calls == 0);
    CHECK(b.stack.alive().transactions == 0);
    CHECK(b.stack.alive().timers == 0);
    CHECK(b.shared.gauges.calls(policy::trunk_gauge("acme")) == 0);
    CHECK(b.records.size() == 1);
    const auto commands = [&](b2bua::MediaVerb verb) {
        return std::count_if(b.media.begin(), b.media.end(), [verb](const auto& c) { return c.verb == verb; });
    };
    CHECK(commands(b2bua::MediaVerb::allocate) == commands(b2bua::MediaVerb::release));
}

// A whole call with a hold, and the parties that play it. Everything is sent until `healthy` messages have been; from
// then on what goes to one side, or to both, fails at once: the next thing that the stack hears is that it has.
struct Play {
    enum class Fails { pbx, core, both };
    Play(bool pbx_calls, int sent_well, Fails failing) : from_pbx(pbx_calls), healthy(sent_well), fails(failing) {
        b.bind();
        const std::string sdp = from_pbx ? secure_sdp("198.51.100.10", 5004, "A") : plain_sdp("192.0.2.21", 6000);
        invite = parse(from_pbx ? b.invite("sip:+442055501@sip.example.net", sdp)
                                : b.core_invite("sip:+4930155@10.0.0.1", sdp));
        b.receive(caller(), invite.text());
        carry();
        if (caller_dialog) {  // or whoever still believes in the call hangs up
            b.receive(caller(), of_caller("BYE"));
            carry();
        }
        if (callee_dialog) {
            b.receive(callee(), callee_dialog->request("BYE", via()).finish());
            carry();
        }
    }
    Flow caller() const { return from_pbx ? b.pbx_flow() : b.core_flow(); }
    Flow callee() const { return from_pbx ? b.core_flow() : b.pbx_flow(); }
    std::string via() { return "SIP/2.0/UDP peer.invalid;branch=z9hG4bKplay" + std::to_string(++branch); }
    std::string of_caller(std::string_view method, std::string_view sdp = {}) {
        auto c = caller_dialog->request(method, via());
        if (method == "INVITE")
            c.add("Contact", from_pbx ? "<sip:198.51.100.10:5061;transport=tls>" : "<sip:192.0.2.20:5060>");
        return c.finish(sdp.empty() ? "" : "application/sdp", sdp);
    }
    std::string answer_sdp(bool held) const {
        return from_pbx ? plain_sdp("192.0.2.21", 6000, held ? "recvonly" : "sendrecv", held ? 2 : 1)
                        : secure_sdp("198.51.100.10", 5004, "B", held ? "recvonly" : "sendrecv", 1, held ? 2 : 1);
    }
    bool fails_at(const Flow& flow) const {
        return sends > healthy && (fails == Fails::both || (flow.realm == 0) == (fails == Fails::pbx));
    }
    void carry() {
        while (!b.sent.empty()) {
            const auto message = b.next();
            const Flow flow = b.last.flow;
            ++sends;
            if (fails_at(flow))
                b.give(FlowClosed{flow, "cannot be sent"});
            else if (message.is_request())
                hear_request(message, flow);
            else if (message.method() == sip::Method::invite || message.cseq().method == sip::Method::invite)
                hear_answer(message);
        }
    }
    void hear_request(const sip::Message& request, const Flow& flow) {
        const std::string contact = flow.realm == 1 ? "<sip:192.0.2.20:5060>" : "<sip:198.51.100.10:5061>";
        switch (request.method()) {
            case sip::Method::invite: {
                const bool held = !request.to_tag().empty();
                if (!held) {
                    callee_dialog = dialog::Dialog::as_uas(request, flow, "bob");
                    b.receive(flow, b.answer(request, 180, "bob", contact));
                }
                to_callee = request;
                b.receive(flow, b.answer(request, 200, held ? "" : "bob", contact, answer_sdp(held)));
                break;
            }
            case sip::Method::cancel:
                b.receive(flow, b.answer(request, 200, "bob", {}));
                b.receive(flow, b.answer(to_callee, 487, "bob", {}));
                break;
            case sip::Method::ack: break;
            default: b.receive(flow, b.answer(request, 200, {}, {}));
        }
    }
    void hear_answer(const sip::Message& response) {
        if (response.status() < 200) return;
        const bool first = response.cseq().number == invite.cseq().number;
        if (response.status() >= 300) return;  // repeated until timer H, which is one more state
        const bool again = !answered.insert(response.cseq().number).second;
        if (first && !again) caller_dialog = dialog::Dialog::as_uac(invite, response, caller(), {});
        b.receive(caller(), Bench::ack(first ? invite : hold, response, caller()));
        if (again) return;
        if (first) {
            hold = parse(of_caller("INVITE", from_pbx ? secure_sdp("198.51.100.10", 5004, "A", "sendonly", 1, 2)
                                                      : plain_sdp("192.0.2.21", 6000, "sendonly", 2)));
            b.receive(caller(), hold.text());
        }
    }
    Bench b;
    bool from_pbx;
    int healthy, sends = 0, branch = 0;
    Fails fails;
    sip::Message invite, hold, to_callee;
    std::set<std::uint32_t> answered;
    std::optional<dialog::Dialog> caller_dialog, callee_dialog;
};

}  // namespace

TEST_CASE(
    "A send that fails at once, in every state of a call and on either leg, ends it and nothing is left (PJSIP "
    "2da6cf3e3) [reliability 22]") {
    for (const bool from_pbx : {true, false}) {
        Play whole(from_pbx, 1'000, Play::Fails::both);
        const int all = whole.sends;
        CHECK(whole.answered.size() == 2);  // the call and its hold
        CHECK(whole.b.stack.alive().calls == 0);
        check_nothing_left(whole.b);
        REQUIRE(all >= 12);
        for (int healthy = 0; healthy < all; ++healthy)
            for (const auto fails : {Play::Fails::pbx, Play::Fails::core, Play::Fails::both}) {
                INFO((from_pbx ? "from the PBX, " : "from the core, ")
                     << healthy << " of " << all << " messages, then fails " << static_cast<int>(fails));
                Play play(from_pbx, healthy, fails);
                // What is repeated fails again.
                for (int i = 0; i < 400; ++i) {
                    play.b.run_for(1s);
                    play.carry();
                }
                check_nothing_left(play.b);
            }
    }
}

TEST_CASE(
    "Ten forks answer: one is the call, nine are acknowledged and ended, whatever is repeated (CVE-2022-23608) "
    "[reliability 22]") {
    for (const bool rang : {false, true}) {
        Bench b;
        b.bind();
        const auto invite = parse(b.invite("sip:+442055501@sip.example.net", secure_sdp("198.51.100.10", 5004, "A")));
        b.receive(b.pbx_flow(), invite.text());
        const auto to_core = b.find("INVITE");
        const auto say = [&](std::uint16_t status, int fork) {
            b.receive(b.core_flow(), b.answer(to_core, status, "fork" + std::to_string(fork), "<sip:192.0.2.20:5060>",
                                              plain_sdp("192.0.2.21", static_cast<std::uint16_t>(6000 + 2 * fork))));
        };
        for (int fork = 0; rang && fork < 10; ++fork) say(183, fork);
        b.sent.clear();
        std::set<std::string> ended;
        std::vector<sip::Message> byes;
        for (int round = 0; round < 3; ++round)  // each repeats its 200
            for (int fork = 0; fork < 10; ++fork) {
                say(200, fork);
                int acks = 0;
                while (!b.silent()) {
                    const auto message = b.next();
                    if (message.method_text() == "BYE" && message.is_request() &&
                        ended.insert(std::string(message.to_tag())).second)
                        byes.push_back(message);
                    if (message.method_text() == "ACK" && message.is_request()) {
                        CHECK(message.to_tag() == "fork" + std::to_string(fork));
                        ++acks;
                    }
                }
                CHECK(acks == 1);
            }
        CHECK(ended.size() == 9);
        CHECK_FALSE(ended.contains("fork0"));
        CHECK(b.stack.alive().calls == 1);
        for (const auto& bye : byes) b.receive(b.core_flow(), b.answer(bye, 200, {}, {}));
        // The one that is the call ends it.
        auto callee = dialog::Dialog::as_uas(to_core, b.core_flow(), "fork0");
        b.receive(b.core_flow(), callee.request("BYE", "SIP/2.0/UDP 192.0.2.20;branch=z9hG4bKend").finish());
        check_nothing_left(b);
    }
}

}  // namespace sallyport::stack
