// RDATA: what a resolver hands out, and what a hostile zone may put there.
#include "signaling/io/dns_rdata.h"

#include <catch2/catch.hpp>

using namespace sallyport;
using namespace sallyport::io;

namespace {

std::string name(std::initializer_list<std::string_view> labels) {
    std::string wire;
    for (const auto label : labels) wire += static_cast<char>(label.size()) + std::string(label);
    return wire + '\0';
}
std::string u16(std::uint16_t v) { return {static_cast<char>(v >> 8), static_cast<char>(v)}; }
std::string text(std::string_view t) { return static_cast<char>(t.size()) + std::string(t); }

const std::string srv = u16(10) + u16(60) + u16(5061) + name({"SBC1", "Example", "net"});
const std::string naptr =
    u16(50) + u16(51) + text("s") + text("SIPS+D2T") + text("") + name({"_sips", "_tcp", "example"});

}  // namespace

TEST_CASE("addresses are four or sixteen bytes and nothing else") {
    CHECK((*decode_a(as_bytes(std::string("\xc0\x00\x02\x01", 4)))) == IpAddress::v4(192, 0, 2, 1));
    const std::string v6("\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x05", 16);
    CHECK((*decode_aaaa(as_bytes(v6))).to_string() == "2001:db8::5");
    for (std::size_t n = 0; n < 40; ++n) {
        const std::string bytes(n, '\x01');
        CHECK(decode_a(as_bytes(bytes)).has_value() == (n == 4));
        CHECK(decode_aaaa(as_bytes(bytes)).has_value() == (n == 16));
    }
}

TEST_CASE("SRV: priority, weight, port, target in lower case") {
    const auto record = (*decode_srv(as_bytes(srv)));
    CHECK(record.priority == 10);
    CHECK(record.weight == 60);
    CHECK(record.port == 5061);
    CHECK(record.target == "sbc1.example.net");
    CHECK((*decode_srv(as_bytes(u16(0) + u16(0) + u16(0) + name({})))).target.empty());  // "not available here"
}

TEST_CASE("NAPTR: order, preference, flags, service, regular expression, replacement") {
    const auto record = (*decode_naptr(as_bytes(naptr)));
    CHECK(record.order == 50);
    CHECK(record.preference == 51);
    CHECK(record.flags == "s");
    CHECK(record.service == "SIPS+D2T");
    CHECK(record.regexp.empty());
    CHECK(record.replacement == "_sips._tcp.example");
}

TEST_CASE("records cut short or with something behind them are refused, at every length [reliability 21]") {
    for (std::size_t n = 0; n < srv.size(); ++n) CHECK_FALSE(decode_srv(as_bytes(srv.substr(0, n))).has_value());
    for (std::size_t n = 0; n < naptr.size(); ++n) CHECK_FALSE(decode_naptr(as_bytes(naptr.substr(0, n))).has_value());
    CHECK(decode_srv(as_bytes(srv + 'x')).error() == RdataErrc::trailing_bytes);
    CHECK(decode_naptr(as_bytes(naptr + 'x')).error() == RdataErrc::trailing_bytes);
}

TEST_CASE("names: compression, odd characters and length are refused (GHSA-p6g5, GHSA-q9cp) [reliability 21]") {
    const std::string head = u16(1) + u16(1) + u16(1);
    CHECK(decode_srv(as_bytes(head + "\xc0\x06")).error() == RdataErrc::compressed);
    CHECK(decode_srv(as_bytes(head + name({"a b"}))).error() == RdataErrc::bad_label);
    CHECK(decode_srv(as_bytes(head + name({std::string_view("a\0b", 3)}))).error() == RdataErrc::bad_label);
    CHECK(decode_srv(as_bytes(head + name({"a.b"}))).error() == RdataErrc::bad_label);
    CHECK(decode_srv(as_bytes(head + name({"a\r\nVia"}))).error() == RdataErrc::bad_label);
    const std::string label(63, 'x');
    CHECK(decode_srv(as_bytes(head + name({label, label, label, std::string(61, 'x')}))).has_value());
    CHECK(decode_srv(as_bytes(head + name({label, label, label, std::string(62, 'x')}))).error() ==
          RdataErrc::name_too_long);
}
