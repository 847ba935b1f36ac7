// Changes of the provisioned state: all or nothing, conflicts named on both sides, differences as an operator reads
// them.
#include "control/config/change.h"

#include <catch2/catch.hpp>

#include "sample.h"

using namespace sallyport::config;

namespace {

Violations violations(const Snapshot& base, const Change& change) {
    const auto outcome = apply(base, change);
    return outcome ? Violations{} : outcome.error();
}
Outcome outcome_of(const Snapshot& base, const Change& change) {
    auto outcome = apply(base, change);
    if (!outcome) FAIL(outcome.error().front().field << ": " << outcome.error().front().text);
    return std::move(*outcome);
}

}  // namespace

TEST_CASE("a change gives a new revision, marks what changed and leaves the base alone") {
    const auto base = snapshot_of({sample_carrier(), sample_trunk()});
    CHECK(base.revision == 1);
    auto trunk = sample_trunk();
    trunk.limits.concurrent_calls = 20;
    const auto outcome = outcome_of(base, {{trunk}});
    CHECK(outcome.snapshot.revision == 2);
    CHECK(outcome.snapshot.trunks.at("acme-hq").revision == 2);
    CHECK(outcome.snapshot.carriers.at("core").revision == 1);
    CHECK(base.trunks.at("acme-hq").limits.concurrent_calls == 0);
    CHECK(outcome.differences ==
          std::vector<Difference>{{"trunks/acme-hq", Action::update, {{"limits.concurrent_calls", "0", "20"}}}});
}

TEST_CASE("putting what is already there changes nothing, not even the revision") {
    const auto base = snapshot_of({sample_carrier(), sample_trunk()});
    const auto outcome = outcome_of(base, {{sample_trunk(), sample_carrier()}});
    CHECK(!outcome.changed());
    CHECK(outcome.snapshot.revision == base.revision);
    CHECK(outcome.snapshot.trunks.at("acme-hq").revision == 1);
}

TEST_CASE("one broken rule refuses the whole change") {
    auto bad = sample_trunk("bad", "+4940100", "+4940199");
    bad.realm.clear();
    CHECK(violations({}, {{sample_carrier(), sample_trunk(), bad}}) ==
          Violations{{2, "realm", "is missing: the signaling realm of the node's configuration, e.g. \"access\""}});
}

TEST_CASE("numbers belong to one trunk: overlaps are found in the request, with what is stored, and inside a trunk") {
    const auto base = snapshot_of({sample_trunk("a", "+4930100", "+4930199")});
    CHECK(violations(base, {{sample_trunk("b", "+4930150", "+4930150")}}) ==
          Violations{{0, "numbers[0]", "\"+4930150\" overlaps \"+4930100..+4930199\" of trunks/a"}});
    CHECK(violations({}, {{sample_trunk("a", "+4930100", "+4930199"), sample_trunk("b", "+4930199", "+4930299")}}) ==
          Violations{{1, "numbers[0]", "\"+4930199..+4930299\" overlaps \"+4930100..+4930199\" of trunks/a"}});
    auto twice = sample_trunk("c", "+4930100", "+4930199");
    twice.numbers.push_back({"+4930110", "+4930120"});
    CHECK(violations({}, {{twice}}) ==
          Violations{{0, "numbers[1]", "\"+4930110..+4930120\" overlaps \"+4930100..+4930199\" in this one"}});
}

TEST_CASE("numbers of another length do not overlap, and neighbours do not") {
    const auto base = snapshot_of({sample_trunk("a", "+4930100", "+4930199")});
    CHECK(violations(base, {{sample_trunk("b", "+49301000", "+49301999")}}).empty());
    CHECK(violations(base, {{sample_trunk("b", "+4930200", "+4930299")}}).empty());
}

TEST_CASE("a small range inside a long one is found behind other small ones") {
    auto wide = sample_trunk("wide", "+4930000", "+4930999");
    const auto base = snapshot_of({sample_trunk("s", "+4930500", "+4930500")});
    wide.numbers.push_back({"+4931000", "+4931001"});
    const auto found = violations(base, {{wide}});
    REQUIRE(found.size() == 1);
    CHECK(found[0].text == "\"+4930000..+4930999\" overlaps \"+4930500\" of trunks/s");
}

TEST_CASE("numbers move between trunks in one change") {
    const auto base =
        snapshot_of({sample_trunk("a", "+4930100", "+4930199"), sample_trunk("b", "+4930200", "+4930299")});
    auto a = base.trunks.at("a"), b = base.trunks.at("b");
    std::swap(a.numbers, b.numbers);
    const auto outcome = outcome_of(base, {{a, b}});
    CHECK(outcome.snapshot.trunk_by_number("+4930150")->id == "b");
}

TEST_CASE("an address of record and a user name in a realm are one trunk's") {
    const auto base = snapshot_of({sample_trunk("a", "+4930100", "+4930199")});
    auto b = sample_trunk("b", "+4930200", "+4930299");
    b.registration_aor = "sip:a@SIP.example.COM";
    b.credentials = base.trunks.at("a").credentials;
    CHECK(violations(base, {{b}}) ==
          Violations{{0, "registration_aor",
                      "\"sip:a@SIP.example.COM\" is the same as \"sip:a@sip.example.com\" of trunks/a"}});
    b.registration_aor = "sip:b@sip.example.com";
    CHECK(violations(base, {{b}}) ==
          Violations{{0, "credentials[0].username", "\"a\" has the same realm as \"a\" of trunks/a"}});
}

TEST_CASE("source networks of a realm may not meet; in another realm they may") {
    const auto base = snapshot_of({sample_static_trunk("a", "198.51.100.0/28")});
    CHECK(violations(base, {{sample_static_trunk("b", "198.51.100.8")}}) ==
          Violations{{0, "sources[0]", "\"198.51.100.8\" overlaps \"198.51.100.0/28\" of trunks/a"}});
    CHECK(violations(base, {{sample_static_trunk("b", "198.51.0.0/16")}}).size() == 1);
    CHECK(violations(base, {{sample_static_trunk("b", "198.51.100.16/28")}}).empty());
    auto elsewhere = sample_static_trunk("b", "198.51.100.8");
    elsewhere.realm = "access-2";
    CHECK(violations(base, {{elsewhere}}).empty());
}

TEST_CASE(
    "an address among a carrier's targets is its own in that realm, as a source is, and calls from there are its "
    "calls") {
    const auto base = snapshot_of({sample_carrier("a")});
    const auto at = [](std::string host, std::string realm = "core") {
        auto carrier = sample_carrier("b");
        carrier.realm = std::move(realm);
        carrier.targets[0] = {std::move(host), 5070, Transport::tcp, 0, 0};
        return carrier;
    };
    const Violations same{{0, "targets[0].host", "\"192.0.2.9\" overlaps \"192.0.2.9\" of carriers/a"}};
    CHECK(violations(base, {{at("192.0.2.9")}}) == same);
    CHECK(violations({}, {{sample_carrier("a"), at("192.0.2.9")}}).size() == 1);
    CHECK(violations(base, {{at("192.0.2.9", "other")}}).empty());
    CHECK(violations(base, {{at("192.0.2.10")}}).empty());
    CHECK(violations(base, {{at("sip.carrier.example")}}).empty());
    auto source = at("192.0.2.10");
    source.sources = {*AddressBlock::parse("192.0.2.0/24")};
    CHECK(violations(base, {{source}}) ==
          Violations{{0, "sources[0]", "\"192.0.2.0/24\" overlaps \"192.0.2.9\" of carriers/a"}});
    CHECK(violations(snapshot_of({source}), {{sample_carrier("a")}}).size() == 1);
    auto trunk = sample_static_trunk("pbx", "192.0.2.9");
    trunk.realm = "core";
    CHECK(violations(base, {{trunk}}).size() == 1);
}

TEST_CASE("within one carrier targets may share an address, and lie in its source networks") {
    auto carrier = sample_carrier("a");
    carrier.targets.push_back({"192.0.2.9", 5070, Transport::tcp, 1, 0});
    carrier.sources = {*AddressBlock::parse("192.0.2.0/24")};
    CHECK(violations({}, {{carrier}}).empty());
    CHECK(violations(snapshot_of({carrier}), {{carrier}}).empty());
}

TEST_CASE("a route needs its carriers, and a carrier in use cannot go") {
    CHECK(violations({}, {{sample_route()}}) ==
          Violations{{0, "carriers[0]", "\"carriers/core\" does not exist; create it first, or in the same request"}});
    const auto base = snapshot_of({sample_route(), sample_carrier()});
    CHECK(violations(base, {{Deletion{"carriers/core"}}}) ==
          Violations{{0, "", "\"carriers/core\" is used by routes/default; change or delete that first"}});
    CHECK(violations(base, {{Deletion{"carriers/core"}, Deletion{"routes/default"}}}).empty());
}

TEST_CASE("two enabled routes cannot have one prefix") {
    const auto base = snapshot_of({sample_carrier(), sample_route("a", "+49")});
    CHECK(violations(base, {{sample_route("b", "+49")}}) ==
          Violations{{0, "prefix", "\"+49\" is the prefix of routes/a already; one of them must be disabled"}});
    auto off = sample_route("b", "+49");
    off.disabled = true;
    CHECK(violations(base, {{off}}).empty());
}

TEST_CASE("prefixes and service numbers of routes are one route's too, and choices need their carriers") {
    auto ported = sample_route("ported", "");
    ported.prefixes = {"+4930", "+4989"};
    ported.service_numbers = {"112"};
    const auto base = snapshot_of({sample_carrier(), sample_route("default", ""), ported});
    auto other = sample_route("other", "+4930");
    other.service_numbers = {"112"};
    CHECK(violations(base, {{other}}) ==
          Violations{{0, "prefix", "\"+4930\" is the prefix of routes/ported already; one of them must be disabled"},
                     {0, "service_numbers[0]",
                      "\"112\" is a service number of routes/ported already; one of them must be disabled"}});
    auto twice = sample_route("twice", "+1");
    twice.prefixes = {"+2", "+1"};
    CHECK(violations(base, {{twice}}) ==
          Violations{{0, "prefixes[1]", "\"+1\" is the prefix of routes/twice already; one of them must be disabled"}});
    auto choosing = sample_route("choosing", "+44");
    choosing.carriers.clear();
    choosing.choices = {{"core", 0, 1}, {"missing", 0, 1}};
    CHECK(violations(base, {{choosing}}) ==
          Violations{{0, "choices[1].carrier",
                      "\"carriers/missing\" does not exist; create it first, or in the same request"}});
    choosing.choices.pop_back();
    const auto chosen = outcome_of(base, {{choosing}}).snapshot;
    CHECK(violations(chosen, {{Deletion{"carriers/core"}}}).size() == 3);
}

TEST_CASE("the carriers of an area are as needed as those of its route, and a difference shows where it is") {
    auto route = sample_route();
    route.areas = {{"berlin", {{"DE", {"", "", "Berlin"}, "10*"}}, {{{52.5, 13.4}, 500}}, {}, {"psap"}},
                   {"bonn", {{"DE", {}, ""}}, {}, {}, {}, {{"core", 0, 1}, {"gone", 0, 1}}}};
    CHECK(violations({}, {{sample_carrier(), route}}) ==
          Violations{
              {1, "areas[0].carriers[0]", "\"carriers/psap\" does not exist; create it first, or in the same request"},
              {1, "areas[1].choices[1].carrier",
               "\"carriers/gone\" does not exist; create it first, or in the same request"}});
    route.areas.pop_back();
    auto psap = sample_carrier("psap");
    psap.targets[0].host = "192.0.2.10";
    const auto base = snapshot_of({sample_carrier(), psap, route});
    CHECK(violations(base, {{Deletion{"carriers/psap"}}}) ==
          Violations{{0, "", "\"carriers/psap\" is used by routes/default; change or delete that first"}});
    auto moved = route;
    moved.use_location = true;
    moved.areas[0].circles = {};
    moved.areas[0].polygons = {{{{0, 0.5}, {1, 0}, {-1, 2}}}};
    const auto fields = outcome_of(base, {{moved}}).differences.at(0).fields;
    REQUIRE(fields.size() == 2);
    CHECK(fields[0].field == "use_location");
    CHECK(fields[1].before == "berlin: DE, A3 Berlin, PC 10* or circle 52.5 13.4 within 500 m, to psap");
    CHECK(fields[1].after == "berlin: DE, A3 Berlin, PC 10* or polygon 0 0.5, 1 0, -1 2, to psap");
}

TEST_CASE("what becomes of large requests and of records is in the difference") {
    auto trunk = sample_static_trunk();
    trunk.transports = {Transport::udp, Transport::tcp};
    trunk.targets[0].transport = Transport::udp;
    trunk.media.srtp = SrtpPolicy::off;
    const auto base = snapshot_of({trunk, sample_carrier()});
    trunk.large_requests = LargeRequests::tcp;
    trunk.call_records = CallRecords::received;
    auto carrier = sample_carrier();
    carrier.large_requests = LargeRequests::udp;
    const auto differences = outcome_of(base, {{trunk, carrier}}).differences;
    REQUIRE(differences.size() == 2);
    REQUIRE(differences[0].fields.size() == 2);
    CHECK(differences[0].fields[0].field == "large_requests");
    CHECK(differences[0].fields[0].before == "automatic");
    CHECK(differences[0].fields[0].after == "tcp");
    CHECK(differences[0].fields[1].field == "call_records");
    CHECK(differences[0].fields[1].after == "received");
    REQUIRE(differences[1].fields.size() == 1);
    CHECK(differences[1].fields[0].after == "udp");
}

TEST_CASE("a credential without a hash keeps the stored one") {
    const auto base = snapshot_of({sample_trunk()});
    auto trunk = sample_trunk();
    trunk.credentials[0].ha1_md5.clear();
    trunk.credentials[0].ha1_sha256.clear();
    trunk.display_name = "ACME";
    const auto outcome = outcome_of(base, {{trunk}});
    CHECK(outcome.snapshot.trunks.at("acme-hq").credentials == base.trunks.at("acme-hq").credentials);
    trunk.credentials[0].username = "somebody-else";
    CHECK(violations(base, {{trunk}}).front().field == "credentials[0].password");
}

TEST_CASE("a hash made for another realm is not carried over when the domain changes") {
    const auto base = snapshot_of({sample_trunk()});
    auto trunk = sample_trunk();
    trunk.registration_aor = "sip:acme-hq@other.example.com";
    CHECK(violations(base, {{trunk}}) ==
          Violations{{0, "credentials[0].password",
                      "must be given again: its hash was made for the realm \"sip.example.com\", not "
                      "\"other.example.com\""}});
}

TEST_CASE("a secret that changes is named in the difference, not shown") {
    const auto base = snapshot_of({sample_trunk()});
    auto trunk = sample_trunk();
    trunk.credentials[0].ha1_md5 = std::string(32, 'c');
    CHECK(outcome_of(base, {{trunk}}).differences[0].fields ==
          std::vector<FieldChange>{{"credentials.password", "(secret)", "(another secret)"}});
}

TEST_CASE("a list's difference says what is removed and what is added") {
    const auto base = snapshot_of({sample_trunk()});
    auto trunk = sample_trunk();
    trunk.numbers = {{"+4930500", "+4930500"}, {"+4930123400", "+4930123499"}};
    CHECK(outcome_of(base, {{trunk}}).differences[0].fields == std::vector<FieldChange>{{"numbers", "", "+4930500"}});
}

TEST_CASE("prune deletes what no item names, in the same revision") {
    const auto base = snapshot_of({sample_carrier(), sample_route(), sample_trunk()});
    const auto outcome = outcome_of(base, {{sample_trunk()}, true});
    CHECK(outcome.snapshot.carriers.empty());
    CHECK(outcome.snapshot.routes.empty());
    CHECK(outcome.snapshot.trunks.size() == 1);
    CHECK(outcome.snapshot.revision == 2);
    CHECK(outcome.differences.size() == 3);
}

TEST_CASE("the same resource twice in a request is refused") {
    CHECK(violations({}, {{sample_trunk(), sample_trunk()}}) ==
          Violations{{1, "name", "\"trunks/acme-hq\" is named twice in this request"}});
}

TEST_CASE("deleting what does not exist is refused") {
    CHECK(violations({}, {{Deletion{"trunks/none"}}}) == Violations{{0, "", "\"trunks/none\" does not exist"}});
    CHECK(violations({}, {{Deletion{"gadgets/none"}}}).size() == 1);
    CHECK(violations({}, {{Deletion{"trunks"}}}).size() == 1);
}

TEST_CASE("the list of violations is bounded") {
    Change change;
    for (int i = 0; i < 1'000; ++i) change.items.emplace_back(Trunk{.id = "t" + std::to_string(i)});
    CHECK(violations({}, change).size() == 100);
}

TEST_CASE("an emergency number leads somewhere, and nobody takes that away") {
    auto trunk = sample_trunk();
    trunk.numbering.dial_plan.emergency_numbers = {"112"};
    auto route = sample_route("help", "+49");
    const auto first = violations({}, {{sample_carrier(), route, trunk}});
    REQUIRE(first.size() == 1);
    CHECK(first.front().field == "numbering.dial_plan.emergency_numbers[0]");
    CHECK(first.front().text.find("\"112\" is an emergency number that leads nowhere; needed is") == 0);
    route.prefix.clear();
    route.service_numbers = {"112"};
    auto other = sample_carrier("other");
    other.targets.front().host = "192.0.2.10";
    const auto base = snapshot_of({sample_carrier(), other, route, trunk});
    auto without = route;
    without.service_numbers = {"110"};
    CHECK(violations(base, {{without}}).size() == 1);
    auto off = sample_carrier();
    off.disabled = true;
    CHECK(violations(base, {{off}}).size() == 1);
    CHECK(violations(base, {{off, sample_route("all", "")}}).size() == 1);  // that carrier is the only one there, too
    auto elsewhere = sample_route("all", "");
    elsewhere.carriers = {"other"};
    CHECK(violations(base, {{off, elsewhere}}).empty());
    CHECK(violations(base, {{sample_trunk("b", "+4940100", "+4940199")}}).empty());
}

TEST_CASE("an emergency number that leads nowhere already is nobody's fault, and one that is cut off is named once") {
    auto trunk = sample_trunk(), second = sample_trunk("b", "+4940100", "+4940199");
    trunk.numbering.dial_plan.emergency_numbers = second.numbering.dial_plan.emergency_numbers = {"112"};
    auto off = sample_carrier();
    off.disabled = true;
    auto gap = snapshot_of({sample_carrier(), trunk, sample_route("all", "")});
    gap.carriers.at(off.id).disabled = true;  // from before this was looked at
    CHECK(violations(gap, {{sample_route("fr", "+33")}}).empty());
    CHECK(violations(gap, {{second}}).size() == 1);
    auto barred = trunk;
    barred.disabled = true;
    CHECK(violations(gap, {{barred}}).empty());
    const auto whole = snapshot_of({sample_carrier(), trunk, second, sample_route("all", "")});
    const auto cut = violations(whole, {{off}});
    REQUIRE(cut.size() == 1);
    CHECK(cut.front().text.find("emergency number \"112\" of trunks/acme-hq would lead nowhere") == 0);
}
