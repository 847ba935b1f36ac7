#include <catch2/catch.hpp>

#include "control/base/random.h"
#include "signaling/policy/engine.h"
#include "signaling/sip/parser.h"

namespace sallyport::policy {
namespace {

struct World {
    World() {
        config::Trunk trunk;
        trunk.id = "acme";
        trunk.realm = "access";
        trunk.registration_aor = "sip:acme@sip.example.net";
        trunk.numbers = {{"+4930100", "+4930199"}};
        trunk.limits.concurrent_calls = 1;
        snapshot.trunks.emplace("acme", trunk);
        config::Trunk fixed;
        fixed.id = "fixed";
        fixed.realm = "access";
        fixed.mode = config::TrunkMode::static_;
        fixed.sources = {config::AddressBlock::parse("198.51.100.0/28").value()};
        fixed.transports = {config::Transport::tcp};
        snapshot.trunks.emplace("fixed", fixed);
        config::Carrier carrier;
        carrier.id = "core";
        carrier.realm = "core";
        carrier.targets = {{"192.0.2.20", 5060}, {"gw.example.org", 0}};
        snapshot.carriers.emplace("core", carrier);
        snapshot.routes.emplace("uk", config::Route{.id = "uk", .prefix = "+44", .carriers = {"core", "missing"}});
        snapshot.routes.emplace("us", config::Route{.id = "us", .prefix = "+1", .carriers = {"missing"}});
        snapshot.build_indexes();
    }
    void bind() {
        locations.update("acme", [&](std::vector<registrar::Binding>& bindings) {
            bindings.push_back(
                {.trunk = "acme", .contact = "sip:198.51.100.99", .flow = flow(), .expires_at = now + 60s});
            return true;
        });
    }
    static Flow flow() {
        return {Transport::tls, 0, Endpoint::parse("203.0.113.1:5061").value(),
                Endpoint::parse("198.51.100.99:1234").value(), 5};
    }
    CallFacts facts(Party party, std::string_view uri) {
        auto parsed = sip::parse_uri(uri);
        REQUIRE(parsed.has_value());
        return {.config = snapshot,
                .locations = locations,
                .now = now,
                .party = std::move(party),
                .transport = Transport::tls,
                .request_uri = *parsed};
    }
    config::Snapshot snapshot;
    registrar::LocationStore locations;
    CallGauges gauges;
    TimePoint now{std::chrono::seconds(1'800'000'000)};
    const Party pbx{PartyKind::trunk, "acme", Proof::registered_flow},
        core{PartyKind::carrier, "core", Proof::source_address};
};

}  // namespace

TEST_CASE("A registered PBX calls a routed number: its trunk, the route's known carriers, a place in the gauge") {
    World w;
    w.bind();
    const auto verdict = decide(w.facts(w.pbx, "sip:+44-20-5550100@sip.example.net"), w.gauges);
    REQUIRE_FALSE(verdict.reject);
    CHECK(verdict.admitted.called == "+44205550100");
    CHECK(verdict.admitted.route == "uk");
    CHECK(verdict.admitted.carriers == std::vector<std::string>{"core"});
    CHECK(w.gauges.calls(trunk_gauge("acme")) == 1);
    CHECK(verdict.trace.size() == 12);
    const auto second = decide(w.facts(w.pbx, "sip:+44205550100@sip.example.net"), w.gauges);
    REQUIRE(second.reject);
    CHECK(second.reject->why == Refusal::too_many_calls);
    CHECK(w.gauges.calls(trunk_gauge("acme")) == 1);
}

TEST_CASE("Each refusal has its status, and takes no place") {
    World w;
    const auto refusal = [&](const CallFacts& facts) {
        const auto verdict = decide(facts, w.gauges);
        REQUIRE(verdict.reject);
        return std::pair(verdict.reject->why, verdict.reject->status);
    };
    using Pair = std::pair<Refusal, std::uint16_t>;
    const Party by_digest{PartyKind::trunk, "acme", Proof::digest};
    CHECK(refusal(w.facts(by_digest, "sip:+4420555@x")) == Pair(Refusal::not_registered, 403));
    CHECK(refusal(w.facts(w.core, "sip:+4930155@x")) == Pair(Refusal::not_registered, 480));
    w.bind();
    CHECK(refusal(w.facts(w.pbx, "sip:+33155@x")) == Pair(Refusal::no_route, 404));
    CHECK(refusal(w.facts(w.pbx, "sip:+1555@x")) == Pair(Refusal::no_route, 404));
    CHECK(refusal(w.facts(w.pbx, "sip:alice@x")) == Pair(Refusal::not_a_number, 404));
    CHECK(refusal(w.facts(w.pbx, "sip:0800@x")) == Pair(Refusal::not_a_number, 484));
    CHECK(refusal(w.facts(w.core, "sip:+4930999@x")) == Pair(Refusal::unknown_number, 404));
    const Party udp_static{PartyKind::trunk, "fixed", Proof::source_address};
    CHECK(refusal(w.facts(udp_static, "sip:+4420555@x")) == Pair(Refusal::transport_not_allowed, 480));
    w.snapshot.trunks.at("acme").limits.barred_prefixes = {"+4420"};
    CHECK(refusal(w.facts(w.pbx, "sip:+4420555@x")) == Pair(Refusal::barred_destination, 603));
    w.snapshot.trunks.at("acme").limits.barred_prefixes = {};
    w.snapshot.trunks.at("acme").limits.cost_per_day = 10;
    w.snapshot.routes.at("uk").price_per_minute = 5;
    CHECK(refusal(w.facts(w.pbx, "sip:+4420555@x")) == Pair(Refusal::over_budget, 603));
    w.snapshot.routes.at("uk").price_per_minute = 0;
    w.snapshot.trunks.at("acme").disabled = true;
    w.snapshot.build_indexes();
    CHECK(refusal(w.facts(w.pbx, "sip:+4420555@x")) == Pair(Refusal::trunk_disabled, 480));
    CHECK(refusal(w.facts(w.core, "sip:+4930155@x")) == Pair(Refusal::trunk_disabled, 480));
    CHECK(refusal(w.facts(w.core, "sip:+4930999@x")) == Pair(Refusal::unknown_number, 404));
    w.snapshot.trunks.at("acme").disabled = false;
    w.snapshot.build_indexes();
    auto facts = w.facts(w.pbx, "sip:+4420555@x");
    facts.draining = true;
    CHECK(refusal(facts) == Pair(Refusal::draining, 503));
    facts.draining = false;
    facts.full = true;
    CHECK(refusal(facts) == Pair(Refusal::full, 503));
    facts.full = false;
    facts.media_up = false;
    CHECK(refusal(facts) == Pair(Refusal::media_away, 503));
    CHECK(w.gauges.calls(trunk_gauge("acme")) == 0);
}

TEST_CASE(
    "Who is it: a registered flow, a static source over its transport, a carrier's target or what its name stood for") {
    World w;
    w.bind();
    const Realm access{"access", "a0", false, {}}, core{"core", "c0", true, {}};
    w.snapshot.carriers.emplace("core2", config::Carrier{.id = "core2", .realm = "core"});
    const LearnedSources learned{{IpAddress::v4(192, 0, 2, 77), {"core", "deleted"}},
                                 {IpAddress::v4(192, 0, 2, 78), {"deleted"}},
                                 {IpAddress::v4(192, 0, 2, 79), {"core", "core2"}}};
    const auto who = [&](const Realm& realm, Flow flow) {
        return identify(w.snapshot, realm, flow, w.locations, learned, w.now);
    };
    CHECK(who(access, World::flow()).id == "acme");
    Flow other = World::flow();
    other.connection = 6;
    CHECK_FALSE(who(access, other).known());
    CHECK_FALSE(who(core, World::flow()).known());  // a PBX's flow means nothing in the core
    other.remote = Endpoint::parse("198.51.100.3:5060").value();
    CHECK_FALSE(who(access, other).known());  // TLS is not this trunk's transport
    other.transport = Transport::tcp;
    CHECK(who(access, other).id == "fixed");
    other.remote = Endpoint::parse("192.0.2.20:9").value();
    CHECK(who(core, other).kind == PartyKind::carrier);
    CHECK_FALSE(who(access, other).known());
    other.remote = Endpoint::parse("192.0.2.77:5060").value();
    CHECK(who(core, other).id == "core");
    other.remote = Endpoint::parse("192.0.2.78:5060").value();
    CHECK_FALSE(who(core, other).known());
    other.remote = Endpoint::parse("192.0.2.79:5060").value();
    CHECK_FALSE(who(core, other).known());  // two carriers' names stand for it
    w.snapshot.carriers.at("core2").disabled = true;
    CHECK(who(core, other).id == "core");
    CHECK_FALSE(identify(w.snapshot, access, World::flow(), w.locations, learned, w.now + 61s).known());
}

TEST_CASE("An emergency number goes out as it was dialled, whoever calls; its route names it") {
    World w;
    w.bind();
    auto& trunk = w.snapshot.trunks.at("acme");
    trunk.numbering.dial_plan.emergency_numbers = {"112"};
    trunk.identity.screening = config::Screening::reject;
    trunk.limits.cost_per_day = 1;
    w.snapshot.routes.emplace("sos", config::Route{.id = "sos",
                                                   .carriers = {"core"},
                                                   .service_numbers = {"112"},
                                                   .price_per_minute = 1'000});  // no budget stands before an emergency
    w.snapshot.build_indexes();
    const auto verdict = decide(w.facts(w.pbx, "sip:112@sip.example.net"), w.gauges);
    REQUIRE_FALSE(verdict.reject);
    CHECK(verdict.admitted.emergency);
    CHECK(verdict.admitted.called == "112");
    CHECK(verdict.admitted.route == "sos");
    CHECK(decide(w.facts(w.pbx, "sip:113@sip.example.net"), w.gauges).reject->status == 484);
}

TEST_CASE("An emergency whose route leads to nobody goes where every other number would") {
    World w;
    w.bind();
    w.snapshot.trunks.at("acme").numbering.dial_plan.emergency_numbers = {"112"};
    w.snapshot.routes.emplace("sos", config::Route{.id = "sos", .carriers = {"off"}, .service_numbers = {"112"}});
    w.snapshot.routes.emplace("all", config::Route{.id = "all", .carriers = {"core"}});
    config::Carrier off;
    off.id = "off";
    off.disabled = true;
    w.snapshot.carriers.emplace("off", off);
    w.snapshot.build_indexes();
    for (const auto* uri : {"sip:112@sip.example.net", "urn:service:sos"}) {
        const auto verdict = decide(w.facts(w.pbx, uri), w.gauges);
        INFO(uri);
        REQUIRE_FALSE(verdict.reject);
        CHECK(verdict.admitted.route == "all");
        CHECK(verdict.admitted.carriers == std::vector<std::string>{"core"});
    }
    w.snapshot.carriers.at("core").disabled = true;
    CHECK(decide(w.facts(w.pbx, "sip:112@sip.example.net"), w.gauges).reject->why == Refusal::no_route);
}

TEST_CASE("Nothing about its trunk or this node keeps an emergency from going out while it can be carried") {
    World w;  // whose PBX is not registered
    auto& trunk = w.snapshot.trunks.at("acme");
    trunk.numbering.dial_plan.emergency_numbers = {"112"};
    trunk.numbering.own_domain_only = true;
    trunk.limits.concurrent_calls = 1;
    trunk.limits.calls_per_second = 0.001;
    trunk.limits.barred_prefixes = {"1"};
    trunk.disabled = true;
    trunk.transports = {config::Transport::tls};
    w.snapshot.routes.emplace("sos", config::Route{.id = "sos", .carriers = {"core"}, .service_numbers = {"112"}});
    w.snapshot.build_indexes();
    for (const auto* uri :
         {"sip:112@elsewhere.example", "urn:service:sos", "urn:service:sos.fire", "sip:112@x;user=phone"}) {
        auto facts = w.facts({PartyKind::trunk, "acme", Proof::digest}, uri);
        facts.transport = Transport::udp;
        facts.draining = facts.full = true;
        const auto verdict = decide(facts, w.gauges);
        INFO(uri);
        REQUIRE_FALSE(verdict.reject);
        CHECK(verdict.admitted.emergency);
        CHECK(verdict.admitted.route == "sos");
    }
    CHECK(w.gauges.calls(trunk_gauge("acme")) == 4);  // counted, and in nobody's way
    auto facts = w.facts(w.pbx, "sip:112@x");
    facts.overfull = true;
    CHECK(decide(facts, w.gauges).reject->why == Refusal::full);
    facts.overfull = false;
    facts.media_up = false;
    CHECK(decide(facts, w.gauges).reject->why == Refusal::media_away);
    // What the core calls is no emergency of ours.
    CHECK(decide(w.facts(w.core, "sip:112@x"), w.gauges).reject->why == Refusal::not_a_number);
}

TEST_CASE("Only where the trunk says so does the domain of a called number matter") {
    World w;
    w.bind();
    w.snapshot.trunks.at("acme").limits.concurrent_calls = 0;
    const Realm realm{"access",
                      "a0",
                      false,
                      {{Transport::tls, Endpoint::parse("203.0.113.1:5061").value(), "sbc.example.net", 5061}}};
    const auto status = [&](std::string_view uri) -> int {
        auto facts = w.facts(w.pbx, uri);
        facts.realm = &realm;
        const auto verdict = decide(facts, w.gauges);
        return verdict.reject ? verdict.reject->status : 0;
    };
    CHECK(status("sip:+4420555@elsewhere.example") == 0);
    w.snapshot.trunks.at("acme").numbering.own_domain_only = true;
    CHECK(status("sip:+4420555@elsewhere.example") == 404);
    for (const auto* uri : {"sip:+4420555@SIP.example.net", "sip:+4420555@sbc.example.net:5061", "tel:+4420555",
                            "sip:+4420555@203.0.113.1"})
        CHECK(status(uri) == 0);
}

TEST_CASE("Carriers of a route: by priority, drawn by weight among equals; equal shares where nobody has a weight") {
    World w;
    w.bind();
    w.snapshot.trunks.at("acme").limits.concurrent_calls = 0;
    for (const auto* id : {"a", "b", "last"})
        w.snapshot.carriers.emplace(id, config::Carrier{.id = id, .realm = "core"});
    auto& route = w.snapshot.routes.at("uk");
    route.carriers.clear();
    const auto share_of_a = [&] {
        int first = 0;
        SeededRandom random(7);
        for (int i = 0; i < 2000; ++i) {
            auto facts = w.facts(w.pbx, "sip:+4420555@x");
            facts.draw = random.u32();
            const auto carriers = decide(facts, w.gauges).admitted.carriers;
            REQUIRE(carriers.size() == 3);
            CHECK(carriers.back() == "last");
            first += carriers.front() == "a";
        }
        return first / 2000.0;
    };
    route.choices = {{"last", 10, 100}, {"a", 1, 30}, {"b", 1, 70}};
    CHECK(share_of_a() == Approx(0.3).margin(0.04));
    route.choices = {{"last", 10, 0}, {"a", 1, 0}, {"b", 1, 0}};
    CHECK(share_of_a() == Approx(0.5).margin(0.04));
    route.choices = {{"last", 10, 0}, {"a", 1, 5}, {"b", 1, 0}};
    CHECK(share_of_a() == 1);
}

TEST_CASE("Screening by refusal: From and P-Asserted-Identity name the trunk's numbers or nobody") {
    World w;
    w.bind();
    w.snapshot.trunks.at("acme").limits.concurrent_calls = 0;
    const auto status = [&](std::string_view from, std::string_view extra = "") -> int {
        const auto invite = sip::Parser::parse(
            "INVITE sip:+4420555@x SIP/2.0\r\nVia: SIP/2.0/TLS h;branch=z9hG4bK1\r\nFrom: " + std::string(from) +
            ";tag=1\r\nTo: <sip:+4420555@x>\r\nCall-ID: 1\r\nCSeq: 1 INVITE\r\n" + std::string(extra) + "\r\n");
        REQUIRE(invite.has_value());
        auto facts = w.facts(w.pbx, "sip:+4420555@x");
        facts.invite = &*invite;
        const auto verdict = decide(facts, w.gauges);
        return verdict.reject ? verdict.reject->status : 0;
    };
    CHECK(status("<sip:+1555@x>") == 0);
    CHECK(status("<sip:+1555@x>", "Privacy: id;critical\r\n") == 0);
    CHECK(status("<sip:+1555@x>", "Privacy: pizza\r\n") == 0);
    CHECK(status("<sip:+1555@x>", "Privacy: pizza;critical\r\n") == 500);
    CHECK(status("<sip:+1555@x>", "Privacy: critical\r\nPrivacy: pizza\r\n") == 500);
    w.snapshot.trunks.at("acme").identity.screening = config::Screening::reject;
    CHECK(status("<sip:+1555@x>") == 603);
    CHECK(status("<sip:alice@x>") == 603);
    CHECK(status("<sip:+4930155@anywhere>") == 0);
    CHECK(status("<tel:+49-30-155>") == 0);
    CHECK(status("<sip:anonymous@anonymous.invalid>") == 0);
    CHECK(status("<sip:anonymous@anonymous.invalid>", "P-Asserted-Identity: <sip:+1555@x>\r\n") == 603);
    CHECK(status("<sip:+4930155@x>", "P-Asserted-Identity: <sip:+4930156@x>\r\n") == 0);
}

TEST_CASE("PBXs that forward to each other are stopped by what they say of the call's way [E-36]") {
    World w;
    w.bind();
    w.snapshot.trunks.at("acme").limits.concurrent_calls = 0;
    const auto why = [&](std::string_view way, std::string_view called = "sip:+4420555@x") {
        const auto invite =
            sip::Parser::parse("INVITE " + std::string(called) +
                               " SIP/2.0\r\nVia: SIP/2.0/TLS h;branch=z9hG4bK1\r\nFrom: <sip:+1555@x>;tag=1\r\n"
                               "To: <sip:+4420555@x>\r\nCall-ID: 1\r\nCSeq: 1 INVITE\r\n" +
                               std::string(way) + "\r\n");
        REQUIRE(invite.has_value());
        auto facts = w.facts(w.pbx, called);
        facts.invite = &*invite;
        const auto verdict = decide(facts, w.gauges);
        return verdict.reject ? std::string(to_string(verdict.reject->why)) : std::string("taken");
    };
    // There and back again once, by RFC 7044; then a second time.
    const std::string once =
        "History-Info: <sip:+4420555@x>;index=1, <sip:+4930101@x>;index=1.1;mp=1, <sip:+4420555@x>;index=1.1.1;mp=1.1";
    CHECK(why(once + "\r\n") == "taken");
    const std::string twice =
        once + ", <sip:+4930101@x>;index=1.1.1.1;mp=1.1.1, <sip:+4420555@x>;index=1.1.1.1.1;mp=1.1.1.1";
    CHECK(why(twice + "\r\n") == "forward-loop");
    CHECK(why(twice + "\r\n", "sip:+4420556@x") == "taken");
    // The same number on its way through proxies is no circle.
    CHECK(why("History-Info: <sip:+4420555@a>;index=1, <sip:+4420555@b>;index=1.1;np=1, "
              "<sip:+4420555@c>;index=1.1.1;rc=1.1, "
              "<sip:+4420555@d>;index=1.1.1.1;np=1.1.1\r\n") == "taken");
    CHECK(why("History-Info: <sip:+4420555@x?Reason=SIP%3Bcause%3D302>;index=1, "
              "<sip:+4930101@x?Reason=SIP%3Bcause%3D302>;"
              "index=1.1, <sip:+4420555@x?Reason=SIP%3Bcause%3D302>;index=1.2, <sip:+4420555@x>;index=1.3\r\n") ==
          "forward-loop");
    CHECK(why("Diversion: <sip:+4420555@x>;reason=unconditional, <sip:+4930101@x>\r\n") == "taken");
    CHECK(why("Diversion: <tel:+4420555>, <sip:+4930101@x>\r\nDiversion: <sip:+44-20-555@x>\r\n") == "forward-loop");
}

TEST_CASE("A PBX sends a call on to where it could have called, on its account, or to a PBX of this node") {
    World w;
    w.bind();
    const auto forward = [&](std::string_view uri, std::vector<std::string> been_at = {}) {
        auto facts = w.facts({PartyKind::trunk, "acme", Proof::none}, uri);
        facts.been_at = std::move(been_at);
        return decide_forward(facts, w.gauges);
    };
    const auto outside = forward("tel:+44-20-555");
    REQUIRE_FALSE(outside.reject);
    CHECK(outside.admitted.direction == CallDirection::forwarded);
    CHECK(outside.admitted.trunk == "acme");
    CHECK(outside.admitted.called == "+4420555");
    CHECK(outside.admitted.carriers == std::vector<std::string>{"core"});
    CHECK(w.gauges.calls(trunk_gauge("acme")) == 1);
    w.gauges.release({{trunk_gauge("acme")}});
    const auto inside = forward("sip:+4930111@10.0.0.1");
    REQUIRE_FALSE(inside.reject);
    CHECK(inside.admitted.direction == CallDirection::to_pbx);
    CHECK(inside.admitted.trunk == "acme");
    w.gauges.release({{trunk_gauge("acme")}});
    const auto why = [&](const Verdict& verdict) { return verdict.reject ? verdict.reject->why : Refusal::full; };
    CHECK(why(forward("tel:+4420555", {"+4420555"})) == Refusal::forward_loop);
    CHECK(why(forward("sip:bob@10.0.0.1")) == Refusal::not_a_number);
    CHECK(why(forward("tel:+7495")) == Refusal::no_route);
    CHECK(why(forward("tel:+19005550100")) == Refusal::barred_destination);
    w.snapshot.trunks.at("acme").numbering.dial_plan.emergency_numbers = {"112"};
    w.snapshot.build_indexes();
    CHECK(why(forward("sip:112@10.0.0.1")) == Refusal::emergency_forward);
    w.snapshot.trunks.at("acme").limits.cost_per_day = 10;
    w.snapshot.routes.at("uk").price_per_minute = 5;
    CHECK(why(forward("tel:+4420555")) == Refusal::over_budget);
    CHECK(w.gauges.calls(trunk_gauge("acme")) == 0);
    // The call had its turn when it came to this PBX.
    w.snapshot.trunks.at("acme").limits = {.calls_per_second = 1};
    const Level one_a_second{.gauge = trunk_gauge("acme"), .calls_per_second = 1};
    Holding call;
    CHECK(w.gauges.admit({&one_a_second, 1}, call, w.now).admission == Admission::admitted);
    CHECK(w.gauges.admit({&one_a_second, 1}, call, w.now).admission == Admission::too_fast);
    CHECK_FALSE(forward("tel:+4420555").reject);
    CHECK_FALSE(forward("sip:+4930111@x").reject);
    for (int i = 0; i < 3; ++i) w.gauges.release({{trunk_gauge("acme")}});
    // Who has numbers and no place to be called at, and who is switched off.
    w.locations.update("acme", [](auto& bindings) { return bindings.clear(), true; });
    CHECK(why(forward("sip:+4930111@x")) == Refusal::not_registered);
    w.snapshot.trunks.at("acme").disabled = true;
    w.snapshot.build_indexes();
    CHECK(why(forward("sip:+4930111@x")) == Refusal::trunk_disabled);
}

}  // namespace sallyport::policy
