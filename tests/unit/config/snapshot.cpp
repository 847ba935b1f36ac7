// What routing asks of a snapshot.
#include "control/config/snapshot.h"

#include <catch2/catch.hpp>

#include "sample.h"

using namespace sallyport;
using namespace sallyport::config;

TEST_CASE("a number finds the trunk whose range holds it, by whole numbers only") {
    auto s = snapshot_of({sample_trunk("a", "+4930100", "+4930199"), sample_trunk("b", "+4930300", "+4930300")});
    CHECK(s.trunk_by_number("+4930100")->id == "a");
    CHECK(s.trunk_by_number("+4930199")->id == "a");
    CHECK(s.trunk_by_number("+4930300")->id == "b");
    CHECK(s.trunk_by_number("+4930200") == nullptr);
    CHECK(s.trunk_by_number("+49301000") == nullptr);
    CHECK(s.trunk_by_number("+493010") == nullptr);
    CHECK(s.trunk_by_number("") == nullptr);
    CHECK(s.trunk_by_number("+4930301") == nullptr);
}

TEST_CASE("a disabled trunk is found by the number it would have and by its secret, with which it may call for help") {
    auto trunk = sample_trunk();
    trunk.disabled = true;
    const auto s = snapshot_of({trunk});
    CHECK(s.trunk_by_number("+4930123450") == nullptr);
    CHECK(s.disabled_trunk_by_number("+4930123450")->id == "acme-hq");
    CHECK(s.disabled_trunk_by_number("+4930999999") == nullptr);
    CHECK(s.trunk_by_aor("acme-hq", "sip.example.com") == nullptr);
    CHECK(s.credential("acme-hq", "sip.example.com").trunk->disabled);
}

TEST_CASE("an address of record is compared as RFC 3261 19.1.4 says") {
    auto trunk = sample_trunk();
    trunk.registration_aor = "sip:acme%2dHQ@Sip.Example.com";
    const auto s = snapshot_of({trunk});
    CHECK(s.trunk_by_aor("acme-HQ", "SIP.EXAMPLE.COM") != nullptr);
    CHECK(s.trunk_by_aor("acme-hq", "sip.example.com") == nullptr);
    CHECK(s.trunk_by_aor("acme-HQ", "example.com") == nullptr);
}

TEST_CASE("a credential is found by user name and realm; an empty realm is the address of record's domain") {
    auto trunk = sample_trunk();
    trunk.credentials.push_back({"second", "other.example", std::string(32, '1'), ""});
    const auto s = snapshot_of({trunk});
    CHECK(s.credential("acme-hq", "sip.example.com").credential->ha1_md5 == std::string(32, 'a'));
    CHECK(s.credential("second", "other.example").credential->ha1_md5 == std::string(32, '1'));
    CHECK(s.credential("second", "sip.example.com").trunk == nullptr);
    CHECK(s.credential("", "").trunk == nullptr);
}

TEST_CASE("a source address finds its trunk or carrier in its realm, targets count as sources of a carrier") {
    auto carrier = sample_carrier();
    carrier.sources = {*AddressBlock::parse("203.0.113.0/24"), *AddressBlock::parse("2001:db8:1::/48")};
    const auto s = snapshot_of({carrier, sample_static_trunk()});
    CHECK(s.trunk_by_source("access", *IpAddress::parse("198.51.100.15"))->id == "beta");
    CHECK(s.trunk_by_source("access", *IpAddress::parse("198.51.100.16")) == nullptr);
    CHECK(s.trunk_by_source("core", *IpAddress::parse("198.51.100.15")) == nullptr);
    CHECK(s.carrier_by_source("core", *IpAddress::parse("203.0.113.77"))->id == "core");
    CHECK(s.carrier_by_source("core", *IpAddress::parse("2001:db8:1:ffff::1"))->id == "core");
    CHECK(s.carrier_by_source("core", *IpAddress::parse("192.0.2.9"))->id == "core");
    CHECK(s.carrier_by_source("core", *IpAddress::parse("192.0.2.10")) == nullptr);
}

TEST_CASE("a trunk that is disabled is found at its addresses by whoever asks for it, and hides no enabled one") {
    Snapshot s;
    for (const bool disabled : {true, false}) {
        Trunk t;
        t.id = disabled ? "off" : "on";
        t.mode = TrunkMode::static_;
        t.realm = "access";
        t.disabled = disabled;
        t.sources = {*AddressBlock::parse("198.51.100.16/28")};
        if (!disabled) t.sources = {*AddressBlock::parse("198.51.100.16/32")};
        s.trunks.emplace(t.id, t);
    }
    s.build_indexes();
    CHECK(s.trunk_by_source("access", *IpAddress::parse("198.51.100.16"))->id == "on");
    CHECK(s.trunk_by_source("access", *IpAddress::parse("198.51.100.17")) == nullptr);
    CHECK(s.disabled_trunk_by_source("access", *IpAddress::parse("198.51.100.17"))->id == "off");
    CHECK(s.disabled_trunk_by_source("access", *IpAddress::parse("198.51.100.99")) == nullptr);
}

TEST_CASE("an address that two claim is nobody's") {
    Snapshot s;
    s.trunks["a"] = sample_static_trunk("a", "198.51.100.0/28");
    s.trunks["b"] = sample_static_trunk("b", "198.51.100.0/24");
    s.trunks["c"] = sample_static_trunk("c", "198.51.200.0/24");
    s.trunks["d"] = sample_static_trunk("d", "198.51.200.0/24");
    s.build_indexes();
    CHECK(s.trunk_by_source("access", *IpAddress::parse("198.51.100.1")) == nullptr);
    CHECK(s.trunk_by_source("access", *IpAddress::parse("198.51.100.200"))->id == "b");
    CHECK(s.trunk_by_source("access", *IpAddress::parse("198.51.200.1")) == nullptr);
}

TEST_CASE("the longest prefix wins; a disabled route does not count") {
    auto off = sample_route("berlin-mitte", "+49301");
    off.disabled = true;
    const auto s = snapshot_of({sample_carrier(), sample_route("default", ""), sample_route("germany", "+49"),
                                sample_route("berlin", "+4930"), off});
    CHECK(s.route_for("+4930123")->id == "berlin");
    CHECK(s.route_for("+4940123")->id == "germany");
    CHECK(s.route_for("+1555")->id == "default");
    CHECK(s.route_for("sip-user")->id == "default");
    CHECK(s.route_for("+123456789012345678901234567890")->id == "default");
}

TEST_CASE(
    "a route with further prefixes and service numbers: longest of all, exact services, no catch-all by accident") {
    auto ported = sample_route("ported", "");
    ported.prefixes = {"+4930123", "+4989"};
    auto emergency = sample_route("emergency", "");
    emergency.service_numbers = {"112", "110"};
    auto off = sample_route("off", "+44");
    off.prefixes = {"+49301234"};
    off.disabled = true;
    const auto s = snapshot_of({sample_carrier(), sample_route("germany", "+49"), ported, emergency, off});
    CHECK(s.route_for("+493012345")->id == "ported");
    CHECK(s.route_for("+4989777")->id == "ported");
    CHECK(s.route_for("+4930999")->id == "germany");
    CHECK(s.route_for("112")->id == "emergency");
    CHECK(s.route_for("1123") == nullptr);
    CHECK(s.route_for("+112") == nullptr);
    CHECK(s.route_for("+4412") == nullptr);
}

TEST_CASE("ranges of several lengths that enclose each other keep their owners") {
    const auto s = snapshot_of({sample_trunk("short", "+4930", "+4939"), sample_trunk("long", "+49305000", "+49305999"),
                                sample_trunk("one", "+493050001", "+493050001")});
    CHECK(s.trunk_by_number("+4931")->id == "short");
    CHECK(s.trunk_by_number("+49305500")->id == "long");
    CHECK(s.trunk_by_number("+493050001")->id == "one");
    CHECK(s.trunk_by_number("+493050002") == nullptr);
    CHECK(s.trunk_by_number("+49306000") == nullptr);
    CHECK(s.trunk_by_number("4931") == nullptr);
    CHECK(s.trunk_by_number("") == nullptr);
    CHECK(s.trunk_by_number("+493050001234567890") == nullptr);
}

TEST_CASE("the prefix table finds what a walk over all prefixes finds") {
    PrefixTable table;
    std::vector<std::string> prefixes;
    std::uint64_t state = 1;
    const auto draw = [&](std::uint64_t bound) {
        state = state * 6364136223846793005u + 1442695040888963407u;
        return (state >> 33) % bound;
    };
    for (std::uint32_t i = 0; i < 500; ++i) {
        std::string prefix = draw(8) == 0 ? "" : "+";
        for (auto digits = draw(5); digits-- > 0;) prefix += static_cast<char>('0' + draw(4));
        REQUIRE(table.add(prefix, i));
        prefixes.push_back(prefix);
    }
    table.build();
    for (int i = 0; i < 5000; ++i) {
        std::string number = draw(4) == 0 ? "" : "+";
        for (auto digits = draw(7); digits-- > 0;) number += static_cast<char>('0' + draw(4));
        std::optional<std::uint32_t> best;
        for (std::uint32_t k = 0; k < prefixes.size(); ++k)
            if (number.starts_with(prefixes[k]) && (!best || prefixes[k].size() > prefixes[*best].size())) best = k;
        INFO(number);
        CHECK(table.find(number) == best);
    }
    CHECK_FALSE(table.add("+49x", 1));
    CHECK_FALSE(table.add("+1234567890123456", 1));
}

TEST_CASE("address blocks: text and back, bounds, containment") {
    for (const auto* text : {"192.0.2.0/24", "192.0.2.1", "2001:db8::/32", "2001:db8::1", "10.0.0.0/8"}) {
        const auto block = AddressBlock::parse(text);
        REQUIRE(block);
        CHECK(block->to_string() == text);
    }
    for (const auto* text : {"", "/24", "192.0.2.0/33", "192.0.2.0/", "192.0.2.0/-1", "192.0.2.0/2 4", "2001:db8::/129",
                             "[2001:db8::1]", "host.example", "192.0.2/24"})
        CHECK(!AddressBlock::parse(text));
    CHECK(AddressBlock::parse("192.0.2.128/25")->contains(*IpAddress::parse("192.0.2.129")));
    CHECK(!AddressBlock::parse("192.0.2.128/25")->contains(*IpAddress::parse("192.0.2.127")));
    CHECK(!AddressBlock::parse("::/0")->contains(*IpAddress::parse("192.0.2.1")));
    CHECK(AddressBlock::parse("0.0.0.0/0")->contains(*IpAddress::parse("192.0.2.1")));
}

TEST_CASE("AOR parts of a trunk") {
    Trunk trunk;
    trunk.registration_aor = "sip:acme@sip.example.com";
    CHECK(trunk.aor_user() == "acme");
    CHECK(trunk.aor_domain() == "sip.example.com");
    trunk.registration_aor.clear();
    trunk.domain = "static.example.com";
    CHECK(trunk.aor_user().empty());
    CHECK(trunk.aor_domain() == "static.example.com");
    CHECK(trunk.allows(Transport::tls));
    CHECK(!trunk.allows(Transport::udp));
}
