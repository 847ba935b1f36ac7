// Limits of customers, trunks and numbers from the call's side: taken and given back exactly once, whatever becomes of
// the call.
#include "signaling/policy/gauges.h"

#include "tests/unit/stack/bench.h"

namespace sallyport::stack {
namespace {

const std::string customer = policy::customer_gauge("c"), acme = policy::trunk_gauge("acme"),
                  spare = policy::trunk_gauge("spare");

config::Snapshot world() {
    config::Snapshot w;
    auto trunk = Bench::default_trunk();
    trunk.customer = "c";
    trunk.number_limits = {{{"+4930100", "+4930109"}, 2, 1}};
    trunk.overflow.trunk = "spare";
    auto other = Bench::default_trunk();
    other.id = "spare";
    other.mode = config::TrunkMode::static_;
    other.registration_aor.clear();
    other.credentials.clear();
    other.domain = "spare.example.net";
    other.numbers = {{"+4930200", "+4930299"}};
    other.transports = {config::Transport::udp};
    other.targets = {{"198.51.100.99", 5060, config::Transport::udp}};
    other.sources = {*config::AddressBlock::parse("198.51.100.99")};
    other.media.srtp = config::SrtpPolicy::off;
    other.customer = "c";
    w.trunks.emplace("acme", trunk);
    w.trunks.emplace("spare", other);
    w.carriers.emplace("core", Bench::default_carrier());
    w.routes.emplace("all", config::Route{.id = "all", .carriers = {"core"}});
    w.customers.emplace("c", config::Customer{"c", "", {1, 0, 0, 200}});
    return w;
}

void configure(Bench& b, config::Snapshot w) {
    w.revision = ++b.revision;
    w.build_indexes();
    b.give(ConfigChanged{std::make_shared<const config::Snapshot>(std::move(w))});
    b.sent.clear();
}

std::map<std::string, std::uint32_t> counted(const Bench& b) {
    std::map<std::string, std::uint32_t> out;
    for (const auto& [gauge, use] : b.shared.gauges.uses("")) out[gauge] = use.calls;
    return out;
}
using Counted = std::map<std::string, std::uint32_t>;

const std::string number = policy::number_gauge("acme", "+4930101"),
                  range = policy::number_gauge("acme", "range +4930100..+4930109");

}  // namespace

TEST_CASE(
    "A customer's last place: 503 without Retry-After for its PBX, 486 for the core, and one more when it is free") {
    Bench b;
    configure(b, world());
    PbxCall call(b);
    CHECK(counted(b) == Counted{{customer, 1}, {acme, 1}, {number, 1}, {range, 1}});
    CHECK(b.shared.gauges.use(customer).kbps == 84);
    b.receive(b.pbx_flow(), b.invite("sip:+442055502@x", secure_sdp("198.51.100.10", 5006, "A"), "second@pbx"));
    const auto refused = b.find("503");
    CHECK_FALSE(refused.has(sip::HeaderName::retry_after));
    b.receive(b.core_flow(), b.core_invite("sip:+4930250@10.0.0.1", plain_sdp("192.0.2.21", 6000)));
    CHECK(b.find("486").first(sip::HeaderName::reason).value_or("").find("cause=17") != std::string_view::npos);
    CHECK(counted(b) == Counted{{customer, 1}, {acme, 1}, {number, 1}, {range, 1}});
    CHECK(b.stack.statistics().calls_refused_limit.read() == 2);
    call.hang_up();
    CHECK(counted(b).empty());
    CHECK(b.shared.gauges.use(customer).kbps == 0);
}

TEST_CASE("A number is busy for callers of both sides when its calls are as many as it may have") {
    auto w = world();
    w.customers.at("c").limits = {};
    Bench b;
    configure(b, w);
    PbxCall call(b);  // of +4930101
    b.receive(b.core_flow(), b.core_invite("sip:+4930101@10.0.0.1", plain_sdp("192.0.2.21", 6000)));
    b.find("486");
    b.receive(b.core_flow(), b.core_invite("sip:+4930102@10.0.0.1", plain_sdp("192.0.2.21", 6000), "other@core"));
    b.find("INVITE");
    b.receive(b.core_flow(), b.core_invite("sip:+4930103@10.0.0.1", plain_sdp("192.0.2.21", 6000), "third@core"));
    b.find("486");  // the range has its two
    b.receive(b.core_flow(), b.core_invite("sip:+4930150@10.0.0.1", plain_sdp("192.0.2.21", 6000), "free@core"));
    b.find("INVITE");
}

TEST_CASE(
    "An emergency is counted everywhere and refused nowhere: no limit, window, prefix or customer stands in its way") {
    auto w = world();
    auto& trunk = w.trunks.at("acme");
    trunk.numbering.dial_plan.emergency_numbers = {"112"};
    trunk.limits = {.concurrent_calls = 1, .calls_per_second = 0.001, .bandwidth_kbps = 1};
    trunk.destinations.allowed_prefixes = {"+99"};
    trunk.destinations.time_zone = "Nowhere";
    trunk.destinations.hours = {{{""}, {}}};
    w.customers.at("c") = {"c", "", {1, 0.001, 0, 1}, true};
    trunk.headers.in = {{config::HeaderAction::remove, "Priority", "", ""}};
    w.carriers.at("core").headers.out = {{config::HeaderAction::rewrite, "Priority", "", "low"},
                                         {config::HeaderAction::add, "X-Route", "", "psap"}};
    Bench b;
    configure(b, w);
    b.bind();
    for (int i = 0; i < 3; ++i) {
        const auto id = "help" + std::to_string(i) + "@pbx";
        b.receive(b.pbx_flow(),
                  b.invite("sip:112@x", secure_sdp("198.51.100.10", 5004, "A"), id, 1, "Priority: emergency\r\n"));
        const auto invite = b.find("INVITE");
        CHECK(invite.first(sip::HeaderName::priority) == "emergency");
        CHECK(invite.first("X-Route") == "psap");
    }
    CHECK(counted(b) == Counted{{customer, 3}, {acme, 3}, {number, 3}, {range, 3}});
    CHECK(b.shared.gauges.use(acme).kbps == 3 * 84);
}

TEST_CASE("The overflow to a trunk of the same customer needs no second place of it; the number stays its own") {
    Bench b;
    configure(b, world());
    b.bind();
    b.receive(b.core_flow(), b.core_invite("sip:+4930101@10.0.0.1", plain_sdp("192.0.2.21", 6000)));
    b.find("INVITE");
    CHECK(counted(b) == Counted{{customer, 1}, {acme, 1}, {number, 1}, {range, 1}});
    b.give(FlowClosed{b.pbx_flow(), "reset"});
    const auto invite = b.find("INVITE");
    CHECK(b.last.flow.remote == endpoint("198.51.100.99:5060"));
    CHECK(counted(b) == Counted{{customer, 1}, {spare, 1}, {number, 1}, {range, 1}});
    b.receive(b.last.flow, b.answer(invite, 486, "busy", {}));
    b.find("486");
    b.run_for(40s);
    CHECK(counted(b).empty());
}

TEST_CASE(
    "A call that a PBX sends on changes its places in one moment: to the core its number pays, to a PBX that one") {
    auto w = world();
    w.customers.at("c").limits.calls_per_second = 0.001;  // its turn has been had
    Bench b;
    configure(b, w);
    b.bind();
    const auto leave = [&](std::string_view contact, std::string_view id) {
        b.receive(b.core_flow(), b.core_invite("sip:+4930101@10.0.0.1", plain_sdp("192.0.2.21", 6000), id));
        const auto invite = b.find("INVITE");
        b.receive(b.pbx_flow(), b.answer(invite, 302, "away", contact));
        b.find("181");
        return b.find("INVITE");
    };
    leave("<sip:+442055501@x>", "first@core");
    CHECK(counted(b) == Counted{{customer, 1}, {acme, 1}, {number, 1}, {range, 1}});
    CHECK(b.shared.gauges.use(customer).kbps > 0);
    b.give(ReleaseCalls{"end of the test"});
    CHECK(counted(b).empty());

    Bench inside;
    configure(inside, w);
    inside.bind();
    inside.receive(inside.core_flow(),
                   inside.core_invite("sip:+4930101@10.0.0.1", plain_sdp("192.0.2.21", 6000), "second@core"));
    const auto invite = inside.find("INVITE");
    inside.receive(inside.pbx_flow(), inside.answer(invite, 302, "away", "<sip:+4930250@x>"));
    inside.find("INVITE");
    CHECK(counted(inside) == Counted{{customer, 1}, {spare, 1}});
}

TEST_CASE("A target that may not be called leaves the call what it held") {
    Bench b;
    configure(b, world());
    b.bind();
    b.receive(b.core_flow(), b.core_invite("sip:+4930101@10.0.0.1", plain_sdp("192.0.2.21", 6000)));
    const auto invite = b.find("INVITE");
    const auto before = counted(b);
    b.receive(b.pbx_flow(), b.answer(invite, 302, "away", "<sip:+19005550100@x>"));
    b.find("480");
    CHECK(before.size() == 4);
    CHECK(counted(b).empty());
}

TEST_CASE("Another process takes a call over with the places it holds, though its customer is another one by now") {
    Bench before;
    configure(before, world());
    PbxCall call(before);
    const std::string state = before.checkpoints.at(0).state;
    auto w = world();
    w.trunks.at("acme").customer.clear();
    w.customers.clear();
    w.trunks.at("spare").customer.clear();
    Bench after(Bench::default_trunk(), 99);
    configure(after, w);
    after.bind();
    after.give(Restore{state});
    CHECK(counted(after) == Counted{{customer, 1}, {acme, 1}, {number, 1}, {range, 1}});
    CHECK(after.shared.gauges.use(acme).kbps == 84);
    after.receive(after.core_flow(), call.from_core("BYE"));
    after.find("BYE");
    CHECK(counted(after).empty());
    CHECK(after.shared.gauges.use(acme).kbps == 0);

    // One that an earlier version has written down names a trunk alone.
    std::string old;
    for (std::size_t at = 0; at < state.size();) {
        const auto end = state.find('\n', at) + 1;
        if (const auto line = state.substr(at, end - at); !line.starts_with("holds")) old += line;
        at = end;
    }
    REQUIRE(old.size() < state.size());
    Bench older;
    older.give(Restore{old});
    CHECK(counted(older) == Counted{{acme, 1}});
}

TEST_CASE("A disabled customer takes part in no call, while its PBX stays registered") {
    auto w = world();
    w.customers.at("c").disabled = true;
    Bench b;
    configure(b, w);
    b.bind();
    b.receive(b.pbx_flow(), b.invite("sip:+442055502@x", secure_sdp("198.51.100.10", 5006, "A")));
    CHECK(b.find("480").first(sip::HeaderName::reason).value_or("").find("cause=29") != std::string_view::npos);
    b.receive(b.core_flow(), b.core_invite("sip:+4930101@10.0.0.1", plain_sdp("192.0.2.21", 6000)));
    b.find("480");
    CHECK(b.shared.locations.size() == 1);
}

TEST_CASE(
    "Outside of its windows a destination is refused with 603, told to the operator, and counted [SC-16.6.1-08]") {
    auto w = world();
    auto& destinations = w.trunks.at("acme").destinations;
    destinations.time_zone = "UTC";
    destinations.zone = std::make_shared<config::TimeZone>(config::TimeZone{"UTC", 0, {}});
    destinations.hours = {{{"+44"}, {{0x7f, 8 * 60, 8 * 60 + 30}}}};
    Bench b;  // it is 08:00:00 of a Friday
    configure(b, w);
    b.bind();
    b.receive(b.pbx_flow(), b.invite("sip:+442055501@x", secure_sdp("198.51.100.10", 5004, "A"), "first@pbx"));
    b.find("INVITE");
    b.give(ReleaseCalls{"end"});
    b.run_for(30min);
    b.facts.clear();
    b.sent.clear();
    b.receive(b.pbx_flow(), b.invite("sip:+442055501@x", secure_sdp("198.51.100.10", 5004, "A"), "second@pbx"));
    CHECK(b.find("603").first(sip::HeaderName::reason).value_or("").find("cause=21") != std::string_view::npos);
    CHECK(b.stack.statistics().calls_refused_hours.read() == 1);
    CHECK(std::any_of(b.facts.begin(), b.facts.end(), [](const auto& fact) {
        return fact.event == "outside-hours" &&
               fact.text == "trunk acme may not call +442055501 now, on friday 08:30 in UTC";
    }));
}

TEST_CASE("A later offer that takes more than is left is refused with 488: the call goes on with what it has") {
    const auto with_video = plain_sdp("192.0.2.21", 6000, "sendrecv", 2) +
                            "m=video 6002 RTP/AVP 31\r\nb=AS:0\r\na=rtpmap:31 H261/90000\r\n";
    auto w = world();
    w.customers.at("c").limits = {0, 0, 0, 339};
    Bench b;
    configure(b, w);
    PbxCall call(b);
    const auto held = [&] { return b.shared.gauges.use(customer).kbps; };
    CHECK(held() == 84);
    b.receive(b.core_flow(), call.from_core("INVITE", with_video));
    b.find("488");
    CHECK(held() == 84);
    const auto asked = call.from_core("INVITE", plain_sdp("192.0.2.21", 6000, "sendonly", 3));
    b.receive(b.core_flow(), asked);
    const auto hold = b.find("INVITE");  // what takes no more is never refused
    b.receive(b.pbx_flow(), b.answer(hold, 200, {}, "<sip:198.51.100.10:5061>",
                                     secure_sdp("198.51.100.10", 5004, "A", "recvonly", 1, 2)));
    b.receive(b.core_flow(), Bench::ack(parse(asked), b.find("200"), b.core_flow()));
    call.hang_up();
    CHECK(held() == 0);
}

TEST_CASE("A later offer holds what it takes while it is asked, and to the end of the call where it is answered") {
    const auto with_video = plain_sdp("192.0.2.21", 6000, "sendrecv", 2) +
                            "m=video 6002 RTP/AVP 31\r\nb=AS:0\r\na=rtpmap:31 H261/90000\r\n";
    auto w = world();
    w.customers.at("c").limits = {0, 0, 0, 340};
    Bench b;
    configure(b, w);
    PbxCall call(b);
    const auto held = [&] { return b.shared.gauges.use(customer).kbps; };
    b.receive(b.core_flow(), call.from_core("INVITE", with_video));
    auto offer = b.find("INVITE");
    CHECK(held() == 84 + 256);
    CHECK(b.shared.gauges.use(customer).calls == 1);
    b.receive(b.pbx_flow(), b.answer(offer, 488, {}, {}));
    b.find("488");
    CHECK(held() == 84);
    const auto again = call.from_core("INVITE", with_video);
    b.receive(b.core_flow(), again);
    offer = b.find("INVITE");
    b.receive(b.pbx_flow(),
              b.answer(offer, 200, {}, "<sip:198.51.100.10:5061>",
                       secure_sdp("198.51.100.10", 5004, "A", "sendrecv", 1, 2) + "m=video 0 RTP/SAVP 31\r\n"));
    b.receive(b.core_flow(), Bench::ack(parse(again), b.find("200"), b.core_flow()));
    CHECK(held() == 84 + 256);
    call.hang_up();
    CHECK(held() == 0);
}

TEST_CASE(
    "An offer in a response is measured: too much ends the attempt with 488, and a call that is up goes on with it") {
    const std::string too_much =
        plain_sdp("192.0.2.21", 6000) + "m=video 6002 RTP/AVP 31\r\nb=AS:0\r\na=rtpmap:31 H261/90000\r\n";
    auto w = world();
    w.customers.at("c").limits = {0, 0, 0, 200};
    Bench b;
    configure(b, w);
    const auto held = [&] { return b.shared.gauges.use(customer).kbps; };
    b.bind();
    b.receive(b.pbx_flow(), b.invite("sip:+442055501@sip.example.net", {}, "late@pbx"));
    const auto asked = b.find("INVITE");
    CHECK(held() == 84);
    b.receive(b.core_flow(), b.answer(asked, 200, "bob", "<sip:192.0.2.20:5060>", too_much));
    b.find("488");
    b.find("BYE");
    CHECK(held() == 0);
    b.sent.clear();
    PbxCall call(b);
    b.receive(b.pbx_flow(), call.from_pbx("INVITE"));
    const auto again = b.find("INVITE");
    b.receive(b.core_flow(), b.answer(again, 200, {}, "<sip:192.0.2.20:5060>", too_much));
    b.find("200");
    CHECK(held() == 84 + 256);
    CHECK(std::any_of(b.facts.begin(), b.facts.end(), [](const auto& f) { return f.event == "offer-beyond-limits"; }));
}

TEST_CASE("A call that has overflown is still its number's when the other PBX sends it on") {
    Bench b;
    configure(b, world());
    b.bind();
    b.receive(b.core_flow(), b.core_invite("sip:+4930101@10.0.0.1", plain_sdp("192.0.2.21", 6000)));
    b.find("INVITE");
    b.give(FlowClosed{b.pbx_flow(), "reset"});
    const auto invite = b.find("INVITE");
    REQUIRE(b.last.flow.remote == endpoint("198.51.100.99:5060"));
    b.receive(b.last.flow, b.answer(invite, 302, "away", "<sip:+442055501@x>"));
    b.find("181");
    b.find("INVITE");
    CHECK(counted(b) == Counted{{customer, 1}, {spare, 1}, {number, 1}, {range, 1}});
}

TEST_CASE("A disabled customer's numbers are not reached through the overflow to another customer's trunk") {
    auto w = world();
    w.customers.at("c").disabled = true;
    w.trunks.at("spare").customer.clear();
    Bench b;
    configure(b, w);  // acme is not registered
    b.receive(b.core_flow(), b.core_invite("sip:+4930101@10.0.0.1", plain_sdp("192.0.2.21", 6000)));
    CHECK(b.find("480").first(sip::HeaderName::reason).value_or("").find("cause=29") != std::string_view::npos);
    CHECK(counted(b).empty());
}

TEST_CASE("Hours whose time zone this machine does not know are told at each change, with their trunks") {
    auto w = world();
    auto& destinations = w.trunks.at("acme").destinations;
    destinations.time_zone = "Europe/Berlin";
    destinations.hours = {{{""}, {{0x7f, 0, 60}}}};
    Bench b;
    b.facts.clear();
    configure(b, w);
    REQUIRE(b.facts.size() == 1);
    CHECK(b.facts.front().event == "time-zone-unknown");
    CHECK(b.facts.front().text.find("acme (Europe/Berlin)") != std::string::npos);
    destinations.zone = std::make_shared<config::TimeZone>(config::TimeZone{"Europe/Berlin", 3'600, {}});
    configure(b, w);
    CHECK(b.facts.size() == 1);
}

}  // namespace sallyport::stack
