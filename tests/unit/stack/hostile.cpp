// Whatever arrives: torture messages, products' messages from strangers and from peers, mutations, random orders of
// everything. No crash, no leak of one leg's places into the other, nothing left behind.
#include <filesystem>
#include <iostream>
#include <set>

#include "tests/support/testdata.h"
#include "tests/unit/stack/bench.h"

namespace sallyport::stack {
namespace {

std::vector<std::filesystem::path> test_data(std::string_view folder, std::string_view extension) {
    const auto root = test::testdata();
    if (root) return test::files_in(*root / folder, extension);
    std::cout << "skipped: no test data (" << folder << ")\n";
    return {};
}
void settle(Bench& b) {
    b.answer_media();
    b.run_for(400s);
    b.sent.clear();
    for (const auto& call : b.stack.calls(true, 3)) UNSCOPED_INFO(call.state + "\n" + b.stack.call(call.id)->ladder);
    CHECK(b.stack.alive().calls == 0);
    CHECK(b.stack.alive().transactions == 0);
    CHECK(b.stack.alive().timers == 0);
}

}  // namespace

TEST_CASE("Torture messages over every transport, from a stranger, a PBX and the core, leave nothing behind") {
    for (const auto* folder : {"torture/rfc4475", "torture/rfc5118-wire"})
        for (const auto& path : test_data(folder, ".dat")) {
            INFO(path);
            Bench b;
            b.bind();
            const std::string text = test::contents(path);
            for (const auto& flow : {b.stranger_flow(), b.pbx_flow(), b.core_flow()}) {
                b.receive(flow, text);
                b.answer_media();
            }
            settle(b);
        }
}

TEST_CASE("Products' INVITEs through the B2BUA: a call or a refusal, never the place of one leg on the other") {
    for (const auto& path : test_data("corpus", ".sip")) {
        const std::string text = test::contents(path);
        if (!text.starts_with("INVITE ")) continue;
        INFO(path);
        Bench b;
        b.bind();
        auto parsed = sip::Parser::parse(text);
        if (!parsed.has_value()) continue;
        // The same message, but to a number that has a way out.
        const auto line_end = text.find("\r\n");
        if (line_end == text.npos) continue;
        const std::string routed = "INVITE sip:+442055501@sip.example.net SIP/2.0" + text.substr(line_end);
        b.receive(b.pbx_flow(), routed);
        const std::string contact(parsed->first(sip::HeaderName::contact).value_or("none"));
        const auto contact_uri = sip::parse_name_addr(contact);
        while (!b.silent()) {
            const auto message = b.next();
            if (!message.is_request() || message.method() != sip::Method::invite) continue;
            CHECK(message.call_id() != parsed->call_id());
            CHECK(message.values(sip::HeaderName::via).size() == 1);
            CHECK_FALSE(message.has(sip::HeaderName::record_route));
            CHECK_FALSE(message.has(sip::HeaderName::authorization));
            CHECK_FALSE(message.has(sip::HeaderName::proxy_authorization));
            for (const auto via : parsed->values(sip::HeaderName::via)) {
                const auto field = sip::parse_via(via);
                if (field.has_value() && IpAddress::parse(field->host))
                    CHECK(message.text().find(field->host) == std::string_view::npos);
            }
            if (contact_uri.has_value() && contact_uri->uri.host_address())
                CHECK(message.text().find(contact_uri->uri.host) == std::string_view::npos);
            b.receive(b.core_flow(), b.answer(message, 404, "x", {}));
        }
        settle(b);
    }
}

TEST_CASE("Advisories' and mutated messages from a stranger and from the PBX: no crash, nothing left") {
    std::vector<std::string> seeds;
    for (const auto& path : test_data("corpus", ".sip")) seeds.push_back(test::contents(path));
    Bench messages;
    seeds.push_back(messages.invite("sip:+442055501@sip.example.net", secure_sdp("198.51.100.10", 5004, "A")));
    seeds.push_back(messages.core_invite("sip:+4930155@10.0.0.1", plain_sdp("192.0.2.21", 6000)));
    SeededRandom dice(7);
    Bench b;
    b.bind();
    for (int round = 0; round < 20'000; ++round) {
        std::string text = seeds[dice.below(static_cast<std::uint32_t>(seeds.size()))];
        for (std::uint32_t n = dice.below(6); n > 0 && !text.empty(); --n) {
            const auto at = dice.below(static_cast<std::uint32_t>(text.size()));
            switch (dice.below(4)) {
                case 0: text[at] = static_cast<char>(dice.below(256)); break;
                case 1: text.erase(at, 1 + dice.below(40)); break;
                case 2:
                    text.insert(at, text.substr(dice.below(static_cast<std::uint32_t>(text.size())), dice.below(60)));
                    break;
                default: text.resize(at); break;
            }
        }
        const std::uint32_t who = dice.below(3);
        b.receive(who == 0 ? b.stranger_flow() : who == 1 ? b.pbx_flow() : b.core_flow(), text);
        b.sent.clear();
        if (round % 64 == 0) b.run_for(Duration(1ms) * dice.below(2000));
        b.facts.clear();
    }
    settle(b);
}

TEST_CASE("Any order of replies, requests, timers, breaks and restarts ends with nothing left") {
    for (std::uint64_t seed = 1; seed <= 150; ++seed) {
        INFO("seed " << seed);
        SeededRandom dice(seed);
        Bench b(Bench::default_trunk(), seed);
        b.auto_media = false;
        b.bind();
        std::vector<std::string> heard;  // what the stack has sent, to be answered or thrown back
        std::vector<Flow> heard_on;
        int calls = 0;
        for (int step = 0; step < 300; ++step) {
            switch (dice.below(14)) {
                case 0:
                    b.receive(b.pbx_flow(), b.invite("sip:+442055501@sip.example.net",
                                                     dice.below(4) == 0 ? "" : secure_sdp("198.51.100.10", 5004, "A"),
                                                     "p" + std::to_string(++calls)));
                    break;
                case 1:
                    b.receive(b.core_flow(), b.core_invite("sip:+4930155@10.0.0.1",
                                                           dice.below(4) == 0 ? "" : plain_sdp("192.0.2.21", 6000),
                                                           "c" + std::to_string(++calls)));
                    break;
                case 2: b.answer_media(dice.below(8) != 0); break;
                case 3: b.run_for(Duration(1ms) * dice.below(3000)); break;
                case 4: b.give(FlowClosed{b.pbx_flow(), "reset"}); break;
                case 5: b.media_state(dice.below(3) != 0, 1 + dice.below(3)); break;
                case 6:
                    b.shared.locations.remove_trunk("acme");
                    b.bind(7 + dice.below(2));
                    break;
                case 7: {  // the caller gives up, in time or not
                    if (calls == 0) break;
                    const std::string id = "p" + std::to_string(1 + dice.below(static_cast<std::uint32_t>(calls)));
                    const auto invite = parse(b.invite("sip:+442055501@sip.example.net", "", id));
                    auto c = sip::Composer::request("CANCEL", invite.request_uri());
                    c.add("Via", invite.values(sip::HeaderName::via).front()).copy(invite, sip::HeaderName::from);
                    c.copy(invite, sip::HeaderName::to).copy(invite, sip::HeaderName::call_id).add("CSeq", "1 CANCEL");
                    b.receive(b.pbx_flow(), c.finish());
                    break;
                }
                default: {
                    if (heard.empty()) break;
                    const auto which = dice.below(static_cast<std::uint32_t>(heard.size()));
                    const auto message = parse(heard[which]);
                    const bool core = heard_on[which].realm == 1;
                    const std::string contact = core ? "<sip:192.0.2.20:5060>" : "<sip:198.51.100.10:5061>";
                    const std::string sdp =
                        core ? plain_sdp("192.0.2.21", 6000) : secure_sdp("198.51.100.10", 5004, "B");
                    if (message.is_request()) {
                        constexpr std::array<std::uint16_t, 8> statuses{100, 180, 183, 200, 200, 487, 491, 503};
                        const auto status = statuses[dice.below(8)];
                        const std::string tag = message.to_tag().empty() ? "t" + std::to_string(dice.below(2)) : "";
                        b.receive(heard_on[which],
                                  b.answer(message, status, tag, contact, status == 183 || status == 200 ? sdp : ""));
                        if (message.method() == sip::Method::invite && dice.below(3) == 0) {
                            auto d = dialog::Dialog::as_uas(message, heard_on[which],
                                                            tag.empty() ? std::string(message.to_tag()) : tag);
                            const std::string method = dice.below(2) == 0 ? "BYE" : "INVITE";
                            d.local_cseq = dice.below(5);
                            b.receive(heard_on[which],
                                      d.request(method, "SIP/2.0/UDP x.invalid;branch=z9hG4bK" + std::to_string(step))
                                          .finish(method == "INVITE" ? "application/sdp" : "",
                                                  method == "INVITE" ? sdp : ""));
                        }
                    } else if (message.method() == sip::Method::invite && message.status() == 200) {
                        auto c = sip::Composer::request("ACK", "sip:x");
                        c.add("Via", "SIP/2.0/UDP x.invalid;branch=z9hG4bKa" + std::to_string(step));
                        c.copy(message, sip::HeaderName::from)
                            .copy(message, sip::HeaderName::to)
                            .copy(message, sip::HeaderName::call_id);
                        c.add("CSeq", std::to_string(message.cseq().number) + " ACK");
                        b.receive(heard_on[which],
                                  c.finish(dice.below(2) == 0 ? "" : "application/sdp", dice.below(2) == 0 ? "" : sdp));
                    }
                }
            }
            while (!b.silent()) {
                heard.push_back(*b.sent.front().bytes);
                heard_on.push_back(b.sent.front().flow);
                b.sent.pop_front();
            }
        }
        // Everybody falls silent: what still stands is hung up by its parties.
        b.media_state(true, 9);
        for (int round = 0; round < 3; ++round) {
            b.answer_media();
            b.run_for(250s);
            for (std::size_t i = 0; i < heard.size(); ++i) {
                const auto message = parse(heard[i]);
                if (message.is_request() && message.method() == sip::Method::invite) {
                    for (const auto* tag : {"t0", "t1"}) {
                        auto d = dialog::Dialog::as_uas(message, heard_on[i],
                                                        message.to_tag().empty() ? tag : std::string(message.to_tag()));
                        d.local_cseq = 1000 + static_cast<std::uint32_t>(round);
                        b.receive(heard_on[i], d.request("BYE", "SIP/2.0/UDP x.invalid;branch=z9hG4bKz" +
                                                                    std::to_string(round) + tag + std::to_string(i))
                                                   .finish());
                    }
                }
            }
        }
        b.sent.clear();
        settle(b);
        CHECK(b.shared.gauges.calls(policy::trunk_gauge("acme")) == 0);
        std::set<std::string> ids;
        for (const auto& record : b.records) ids.insert(record.id);
        CHECK(ids.size() == b.records.size());  // one record an attempt
    }
}

}  // namespace sallyport::stack
