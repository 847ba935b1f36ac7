// Addresses, bytes, ids, time: the values every room uses.
#include <catch2/catch.hpp>

#include "control/base/bytes.h"
#include "control/base/endpoint.h"
#include "control/base/histogram.h"
#include "control/base/id.h"
#include "control/base/random.h"
#include "control/base/system_random.h"
#include "control/base/time.h"

using namespace sallyport;

TEST_CASE("addresses of both families parse and print, names and scoped addresses do not") {
    CHECK(IpAddress::parse("192.0.2.1")->to_string() == "192.0.2.1");
    CHECK(IpAddress::parse("[2001:DB8::1]")->to_string() == "2001:db8::1");
    CHECK(IpAddress::parse("::ffff:192.0.2.1")->family == Family::v6);
    for (const auto* bad :
         {"", "192.0.2", "192.0.2.256", "example.com", "fe80::1%eth0", "[192.0.2.1]", "[::1", "1.2.3.4 "})
        CHECK_FALSE(IpAddress::parse(bad));
    CHECK_FALSE(IpAddress::parse(std::string_view("192.0.2.1\0x", 11)));
}

TEST_CASE("an endpoint needs a port, and brackets around IPv6") {
    CHECK(Endpoint::parse("192.0.2.1:5060")->to_string() == "192.0.2.1:5060");
    CHECK(Endpoint::parse("[2001:db8::1]:5061")->to_string() == "[2001:db8::1]:5061");
    for (const auto* bad :
         {"192.0.2.1", "192.0.2.1:", "192.0.2.1:65536", "2001:db8::1:5060", ":5060", "192.0.2.1:-1", "192.0.2.1:5060x"})
        CHECK_FALSE(Endpoint::parse(bad));
}

TEST_CASE("address classes that must never be a media target are told apart") {
    CHECK(IpAddress::parse("0.0.0.0")->is_unspecified());
    CHECK(IpAddress::parse("::")->is_unspecified());
    CHECK(IpAddress::parse("127.9.9.9")->is_loopback());
    CHECK(IpAddress::parse("::1")->is_loopback());
    CHECK(IpAddress::parse("239.1.1.1")->is_multicast());
    CHECK(IpAddress::parse("255.255.255.255")->is_multicast());
    CHECK(IpAddress::parse("ff02::1")->is_multicast());
    CHECK(IpAddress::parse("169.254.1.1")->is_link_local());
    CHECK(IpAddress::parse("fe80::1")->is_link_local());
    CHECK_FALSE(IpAddress::parse("2001:db8::1")->is_link_local());
}

TEST_CASE("hex and base64 round-trip, and refuse what is neither") {
    SeededRandom random(3);
    for (std::size_t n = 0; n < 40; ++n) {
        Bytes bytes(n);
        random.fill(bytes);
        CHECK(from_hex(to_hex(bytes)) == bytes);
        CHECK(from_base64(to_base64(bytes)) == bytes);
    }
    CHECK(to_base64(as_bytes("foob")) == "Zm9vYg==");
    CHECK(as_text(*from_base64("Zm9vYg")) == "foob");  // missing padding: peers do that
    CHECK_FALSE(from_base64("Zm9v!g=="));
    CHECK_FALSE(from_base64("A"));
    CHECK_FALSE(from_hex("abc"));
    CHECK_FALSE(from_hex("zz"));
}

TEST_CASE("a stale id finds nothing, also when its slot is used again") {
    SlotTable<struct Tag, int> table;
    const auto first = table.emplace(1);
    CHECK(*table.find(first) == 1);
    CHECK(table.erase(first));
    CHECK_FALSE(table.erase(first));
    const auto second = table.emplace(2);
    CHECK(second.slot == first.slot);
    CHECK(table.find(first) == nullptr);
    CHECK(*table.find(second) == 2);
    CHECK(table.find({}) == nullptr);
    CHECK(decltype(second)::from_number(second.number()) == second);
}

TEST_CASE("time prints as RFC 3339 in UTC with milliseconds") {
    CHECK(rfc3339(TimePoint{}) == "1970-01-01T00:00:00.000Z");
    CHECK(rfc3339(TimePoint{} + std::chrono::seconds(1'795'264'200) + std::chrono::milliseconds(7)) ==
          "2026-11-21T12:30:00.007Z");
}

TEST_CASE("a histogram puts a value into the first bucket whose bound it does not exceed") {
    Histogram<3> histogram({1, 2, 5});
    for (const double v : {0.5, 1.0, 1.5, 5.0, 6.0}) histogram.observe(v);
    CHECK(histogram.bucket(0) == 2);
    CHECK(histogram.bucket(1) == 1);
    CHECK(histogram.bucket(2) == 1);
    CHECK(histogram.bucket(3) == 1);
    CHECK(histogram.sum() == Approx(14.0));
}

TEST_CASE("random numbers: seeded ones replay, the kernel's do not, bounds hold") {
    SeededRandom a(9), b(9);
    CHECK(a.token(16) == b.token(16));
    SystemRandom system;
    CHECK(system.token(16) != system.token(16));
    for (int i = 0; i < 1'000; ++i) CHECK(system.below(7) < 7);
}

TEST_CASE("comparison in constant time is still a comparison") {
    CHECK(equal_constant_time("abc", "abc"));
    CHECK_FALSE(equal_constant_time("abc", "abd"));
    CHECK_FALSE(equal_constant_time("abc", "ab"));
    CHECK(equal_constant_time("", ""));
}
