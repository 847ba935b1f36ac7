// Who takes another one's place in a call (RFC 3891): what he holds of the limits, on which shard, and whose the leg is
// that is left.
#include "signaling/policy/gauges.h"

#include "tests/unit/stack/replacing.h"

namespace sallyport::stack {
namespace {

const std::string customer = policy::customer_gauge("c"), acme = policy::trunk_gauge("acme"),
                  spare = policy::trunk_gauge("spare");
const std::string number = policy::number_gauge("acme", "+4930101"),
                  range = policy::number_gauge("acme", "range +4930100..+4930109"),
                  spares_number = policy::number_gauge("spare", "+4930201");

using Counted = std::map<std::string, std::uint32_t>;
Counted counted(const Bench& b) {
    Counted out;
    for (const auto& [gauge, use] : b.shared.gauges.uses("")) out[gauge] = use.calls;
    return out;
}
std::map<std::string, std::uint64_t> kbps(const Bench& b) {
    std::map<std::string, std::uint64_t> out;
    for (const auto& [gauge, use] : b.shared.gauges.uses("")) out[gauge] = use.kbps;
    return out;
}

// The core says yes to what it is offered: the newcomer has his 2xx.
sip::Message core_agrees(Bench& b, const sip::Message& invite) {
    const auto offer = b.find("INVITE");
    b.receive(b.core_flow(),
              b.answer(offer, 200, {}, "<sip:192.0.2.20:5060>", plain_sdp("192.0.2.21", 6000, "sendrecv", 2)));
    auto ok = b.find("200");
    b.receive(spare_flow(), Bench::ack(invite, ok, spare_flow()));
    return ok;
}

}  // namespace

TEST_CASE(
    "Who takes a place holds it beside the one who leaves until the other party has agreed, and alone afterwards") {
    Bench b;
    configure(b, world());
    PbxCall call(b);
    REQUIRE(counted(b) == Counted{{customer, 1}, {acme, 1}, {number, 1}, {range, 1}});
    const auto invite = parse(spares_invite(place_of(call.pbx)));
    b.receive(spare_flow(), invite.text());
    CHECK(counted(b) == Counted{{customer, 1}, {acme, 1}, {number, 1}, {range, 1}, {spare, 1}, {spares_number, 1}});
    const auto ok = core_agrees(b, invite);
    CHECK(counted(b) == Counted{{customer, 1}, {spare, 1}, {spares_number, 1}});
    CHECK(kbps(b) == std::map<std::string, std::uint64_t>{{customer, 84}, {spare, 84}, {spares_number, 84}});
    auto spares = dialog::Dialog::as_uac(invite, ok, spare_flow(), {});
    b.receive(spare_flow(), spares.request("BYE", "SIP/2.0/UDP 198.51.100.99:5060;branch=z9hG4bKbye").finish());
    CHECK(counted(b).empty());
    b.run_for(40s);
    REQUIRE(b.records.size() == 1);
    CHECK(b.records[0].trunk == "spare");
    CHECK(b.records[0].ends[0] == "trunks/spare");
}

TEST_CASE("The number that was called stays busy when another trunk of its customer takes the call over") {
    Bench b;
    configure(b, world());
    b.bind();
    const auto from_core = parse(b.core_invite("sip:+4930101@10.0.0.1", plain_sdp("192.0.2.21", 6000)));
    b.receive(b.core_flow(), from_core.text());
    const auto to_pbx = b.find("INVITE");
    b.receive(b.pbx_flow(),
              b.answer(to_pbx, 200, "pbx", "<sip:198.51.100.10:5061>", secure_sdp("198.51.100.10", 5004, "A")));
    b.receive(b.core_flow(), Bench::ack(from_core, b.find("200"), b.core_flow()));
    b.sent.clear();
    const auto invite = parse(spares_invite(place_of(dialog::Dialog::as_uas(to_pbx, b.pbx_flow(), "pbx"))));
    b.receive(spare_flow(), invite.text());
    core_agrees(b, invite);
    CHECK(counted(b) == Counted{{customer, 1}, {spare, 1}, {number, 1}, {range, 1}});
    b.give(ReleaseCalls{"end of the test"});
    CHECK(counted(b).empty());
}

TEST_CASE("A trunk or number without room takes nobody's place: 503, and the call holds what it held") {
    const auto refused = [](const config::Snapshot& w, std::string_view status) {
        Bench b;
        configure(b, w);
        PbxCall call(b);
        policy::Holding others{{spare, spares_number}, 0, 0};
        b.shared.gauges.hold(others);
        const auto before = counted(b);
        const auto media = kbps(b);
        b.receive(spare_flow(), spares_invite(place_of(call.pbx)));
        const auto answer = b.next(status);
        CHECK(b.silent());
        CHECK(counted(b) == before);
        CHECK(kbps(b) == media);
        CHECK(b.stack.statistics().replaces_refused.read() == 1);
        call.hang_up();
        CHECK(counted(b) == Counted{{spare, 1}, {spares_number, 1}});
        b.shared.gauges.release(others);
        return answer;
    };
    const std::string reason(refused(world(), "503").first(sip::HeaderName::reason).value_or(""));  // of the number
    CHECK(reason == "Q.850;cause=34");
    auto w = world();
    w.trunks.at("spare").number_limits.clear();
    w.trunks.at("spare").limits.concurrent_calls = 1;
    refused(w, "503");
    w.trunks.at("spare").limits = {.bandwidth_kbps = 83};
    refused(w, "503");
    w.trunks.at("spare").limits = {};
    w.trunks.at("spare").customer = "";
    refused(w, "481");
}

TEST_CASE("A customer who is disabled meanwhile keeps his calls as they are: none of his takes another one's place") {
    Bench b;
    auto w = world();
    configure(b, w);
    PbxCall call(b);
    w.customers.at("c").disabled = true;
    configure(b, w);
    b.receive(spare_flow(), spares_invite(place_of(call.pbx)));
    b.next("480");
    CHECK(b.silent());
    call.hang_up();
    CHECK(counted(b).empty());
}

TEST_CASE("A takeover that comes to nothing gives back what it took, whoever ends it") {
    auto w = world();
    w.customers.at("c").limits.bandwidth_kbps = 0;
    w.trunks.at("spare").limits.bandwidth_kbps = 100;  // now it is asked what the call takes
    Bench b;
    configure(b, w);
    PbxCall call(b);
    const Counted before{{customer, 1}, {acme, 1}, {number, 1}, {range, 1}};
    CHECK(kbps(b)[acme] == 0);
    b.receive(spare_flow(), spares_invite(place_of(call.pbx), "first@spare"));
    CHECK(kbps(b)[spare] == 80);  // as its trunk has it, without SRTP
    CHECK(kbps(b)[acme] == 80);
    const auto offer = b.find("INVITE");
    b.receive(b.core_flow(), b.answer(offer, 488, {}, {}));
    b.find("488");
    CHECK(counted(b) == before);
    CHECK(kbps(b)[acme] == 0);
    // The other party hangs up while it is asked.
    b.receive(spare_flow(), spares_invite(place_of(call.pbx), "second@spare"));
    CHECK(counted(b).size() == 6);
    b.receive(b.core_flow(), call.from_core("BYE"));
    CHECK(counted(b).empty());
    b.run_for(40s);
    REQUIRE(b.records.size() == 1);
    CHECK(b.records[0].trunk == "acme");
}

TEST_CASE("What the call costs is the trunk's that has taken it over, from then on") {
    auto w = world();
    w.routes.at("all").price_per_minute = 10;
    w.trunks.at("acme").limits.cost_per_day = w.trunks.at("spare").limits.cost_per_day = 1'000;
    Bench b;
    configure(b, w);
    PbxCall call(b);
    // Whether three minutes of a call at that price could be paid for.
    const auto affords = [&](const std::string& gauge, double price) {
        const policy::Level level{.gauge = gauge, .cost_per_day = 1'000};
        policy::Holding one{{}, 0, price};
        if (b.shared.gauges.admit({&level, 1}, one, b.now).admission != policy::Admission::admitted) return false;
        b.shared.gauges.release(one);
        return true;
    };
    b.run_for(10min);
    const auto invite = parse(spares_invite(place_of(call.pbx)));
    b.receive(spare_flow(), invite.text());
    core_agrees(b, invite);
    b.run_for(20min);
    // And so it is for a process that takes it up now.
    Bench next;
    configure(next, w);
    next.now = b.now;
    next.give(Restore{b.checkpoints.back().state});
    REQUIRE(next.stack.alive().calls == 1);
    policy::Holding price{{}, 0, 256};
    const policy::Level level{.gauge = spare, .cost_per_day = 1'000};
    CHECK(next.shared.gauges.admit({&level, 1}, price, next.now).admission == policy::Admission::admitted);
    next.shared.gauges.release(price);
    price = {{}, 0, 260};
    CHECK(next.shared.gauges.admit({&level, 1}, price, next.now).admission == policy::Admission::over_budget);
    CHECK(affords(acme, 300));  // 100 are spent, of which some has been forgiven since, and nothing is to come
    CHECK_FALSE(affords(acme, 310));
    CHECK(affords(spare, 256));  // 200, and 30 ahead
    CHECK_FALSE(affords(spare, 265));
    b.give(ReleaseCalls{"end of the test"});
    CHECK(affords(spare, 266));
}

TEST_CASE("The leg that is left ends where its own party is, on the connection that it has registered with since") {
    auto w = world();
    w.trunks.at("spare").targets = {{"198.51.100.98", 5066, config::Transport::udp}};
    Bench b;
    configure(b, w);
    PbxCall call(b);
    b.give(FlowClosed{b.pbx_flow(), "reset"});
    b.bind(8);
    const auto invite = parse(spares_invite(place_of(call.pbx)));
    b.receive(spare_flow(), invite.text());
    const auto offer = b.find("INVITE");
    b.receive(b.core_flow(),
              b.answer(offer, 200, {}, "<sip:192.0.2.20:5060>", plain_sdp("192.0.2.21", 6000, "sendrecv", 2)));
    const auto ok = b.find("200");
    const auto bye = b.find("BYE");
    CHECK(b.last.flow == b.pbx_flow(8));
    CHECK(b.shared.connections.in_use(8));
    b.receive(spare_flow(), Bench::ack(invite, ok, spare_flow()));
    b.receive(b.pbx_flow(8), b.answer(bye, 200, {}, {}));
    CHECK_FALSE(b.shared.connections.in_use(8));
}

TEST_CASE("Of who may have to leave is asked what his own trunk has, not the newcomer's") {
    auto w = world();
    w.trunks.at("spare").credentials = Bench::default_trunk().credentials;
    w.trunks.at("spare").credentials[0].username = "spare";
    Bench b;
    configure(b, w);
    PbxCall call(b);
    b.receive(spare_flow(), spares_invite(place_of(call.pbx)));
    b.find("INVITE");
    w.trunks.at("spare").authentication.digest = config::DigestUse::per_request;
    configure(b, w);
    b.receive(b.pbx_flow(), call.from_pbx("BYE"));
    b.next("200");
}

TEST_CASE("After a replacement that failed the other party's Session-ID names whom it named before") {
    Bench b;
    configure(b, world());
    b.bind();
    const auto from_core = parse(b.core_invite("sip:+4930101@10.0.0.1", plain_sdp("192.0.2.21", 6000)));
    b.receive(b.core_flow(), from_core.text());
    const auto to_pbx = b.find("INVITE");
    const std::string own(32, 'a'), newcomers(32, 'b');
    b.receive(b.pbx_flow(),
              b.answer(to_pbx, 200, "pbx", "<sip:198.51.100.10:5061>", secure_sdp("198.51.100.10", 5004, "A"),
                       "Session-ID: " + own + ";remote=" + std::string(32, '0') + "\r\n"));
    const auto ok = b.find("200");
    b.receive(b.core_flow(), Bench::ack(from_core, ok, b.core_flow()));
    b.sent.clear();
    auto pbx = dialog::Dialog::as_uas(to_pbx, b.pbx_flow(), "pbx");
    b.receive(spare_flow(), spares_invite(place_of(pbx) + "Session-ID: " + newcomers + "\r\n"));
    const auto offer = b.find("INVITE");
    CHECK(offer.first(sip::HeaderName::session_id).value_or("").starts_with(newcomers));
    b.receive(b.core_flow(), b.answer(offer, 488, {}, {}));
    b.sent.clear();
    b.give(ReleaseCalls{"end of the test"});
    int seen = 0;
    while (!b.silent()) {
        const auto bye = b.next("BYE");
        const auto field = std::string(bye.first(sip::HeaderName::session_id).value_or(""));
        CHECK(field.find(own) != field.npos);
        CHECK(field.find(newcomers) == field.npos);
        ++seen;
    }
    CHECK(seen == 2);
}

TEST_CASE(
    "The dialogs that forks have made go with the leg of the caller that is replaced, and a request in one is 481") {
    Bench b;
    configure(b, world());
    b.bind();
    const auto from_core = parse(b.core_invite("sip:+4930101@10.0.0.1", plain_sdp("192.0.2.21", 6000)));
    b.receive(b.core_flow(), from_core.text());
    const auto to_pbx = b.find("INVITE");
    std::vector<sip::Message> rang;
    for (const auto* tag : {"one", "two"}) {
        b.receive(b.pbx_flow(), b.answer(to_pbx, 180, tag, "<sip:198.51.100.10:5061>"));
        rang.push_back(b.find("180"));
    }
    REQUIRE(rang[0].to_tag() != rang[1].to_tag());
    b.receive(b.pbx_flow(),
              b.answer(to_pbx, 200, "one", "<sip:198.51.100.10:5061>", secure_sdp("198.51.100.10", 5004, "A")));
    const auto ok = b.find("200");
    b.receive(b.core_flow(), Bench::ack(from_core, ok, b.core_flow()));
    b.sent.clear();
    const auto core = dialog::Dialog::as_uac(from_core, ok, b.core_flow(), {});
    const auto invite =
        parse(b.core_invite("sip:+4930101@10.0.0.1", plain_sdp("192.0.2.22", 6100), "new@core", place_of(core)));
    b.receive(b.core_flow(), invite.text());
    const auto offer = b.find("INVITE");
    b.receive(b.pbx_flow(), b.answer(offer, 200, {}, "<sip:198.51.100.10:5061>",
                                     secure_sdp("198.51.100.10", 5004, "A", "sendrecv", 1, 2)));
    b.receive(b.core_flow(), Bench::ack(invite, b.find("200"), b.core_flow()));
    b.give(ReleaseCalls{"end of the test"});
    b.run_for(2min);
    REQUIRE(b.stack.alive().calls == 0);
    b.sent.clear();
    auto fork = dialog::Dialog::as_uac(from_core, rang[1], b.core_flow(), {});
    b.receive(b.core_flow(), fork.request("BYE", "SIP/2.0/UDP 192.0.2.20:5060;branch=z9hG4bKlate").finish());
    b.next("481");
}

}  // namespace sallyport::stack
