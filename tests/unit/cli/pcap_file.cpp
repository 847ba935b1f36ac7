// Files of captured packets, block by block. That others read them is tested with tshark,
// tests/system/media_ops_test.py.
#include "control/cli/pcap_file.h"

#include <catch2/catch.hpp>
#include <cstring>
#include <sstream>

#include "control/base/bytes.h"

using namespace sallyport;
using namespace sallyport::cli;

namespace {

media::v1::CapturedPacket packet(const std::string& from, const std::string& to, const std::string& payload) {
    media::v1::CapturedPacket p;
    p.set_time_ns(1'700'000'000'123'456'789);
    p.mutable_from()->set_address(from);
    p.mutable_from()->set_port(4000);
    p.mutable_to()->set_address(to);
    p.mutable_to()->set_port(16384);
    p.set_payload(payload);
    p.set_length(static_cast<std::uint32_t>(payload.size()));
    return p;
}

struct Block {
    std::uint32_t type = 0;
    std::string body;
};
std::uint32_t word(const std::string& text, std::size_t at) {
    std::uint32_t value = 0;
    std::memcpy(&value, text.data() + at, sizeof value);
    return value;
}
std::vector<Block> blocks(const std::string& file) {
    std::vector<Block> all;
    for (std::size_t at = 0; at < file.size();) {
        REQUIRE(at + 12 <= file.size());
        const std::uint32_t length = word(file, at + 4);
        REQUIRE(length % 4 == 0);
        REQUIRE(at + length <= file.size());
        REQUIRE(word(file, at + length - 4) == length);
        all.push_back({word(file, at), file.substr(at + 8, length - 12)});
        at += length;
    }
    return all;
}
// RFC 1071: over what has a right checksum in it the sum is all ones.
std::uint16_t sum(const std::string& bytes, std::uint32_t start = 0) {
    std::uint32_t total = start;
    for (std::size_t i = 0; i < bytes.size(); i += 2)
        total += static_cast<std::uint8_t>(bytes[i]) << 8 |
                 (i + 1 < bytes.size() ? static_cast<std::uint8_t>(bytes[i + 1]) : 0);
    while (total >> 16 != 0) total = (total & 0xffff) + (total >> 16);
    return static_cast<std::uint16_t>(total);
}

}  // namespace

TEST_CASE("a datagram is an IP packet with right lengths and checksums, a time, a direction and a comment") {
    const std::string payload = GENERATE(std::string("even"), std::string("odd"), std::string());
    const bool v6 = GENERATE(false, true);
    std::ostringstream out;
    PcapFile file(out, "test");
    auto p = v6 ? packet("2001:db8::1", "2001:db8::2", payload) : packet("192.0.2.1", "192.0.2.2", payload);
    p.set_side(media::v1::SIDE_B);
    p.set_sent(true);
    p.set_drop("rate");
    REQUIRE(file.add(p));
    const auto all = blocks(out.str());
    REQUIRE(all.size() == 3);
    CHECK(all[0].type == 0x0a0d0d0a);
    CHECK(word(all[0].body, 0) == 0x1a2b3c4d);
    CHECK(all[1].type == 1);
    CHECK((word(all[1].body, 0) & 0xffff) == 101);
    CHECK(all[2].type == 6);
    const std::string& body = all[2].body;
    CHECK((std::uint64_t{word(body, 4)} << 32 | word(body, 8)) == 1'700'000'000'123'456'789);
    const std::size_t headers = v6 ? 48 : 28;
    REQUIRE(word(body, 12) == headers + payload.size());
    CHECK(word(body, 16) == headers + payload.size());
    const std::string ip = body.substr(20, word(body, 12));
    if (!v6) CHECK(sum(ip.substr(0, 20)) == 0xffff);
    const std::string udp = ip.substr(headers - 8);
    CHECK(sum(ip.substr(v6 ? 8 : 12, v6 ? 32 : 8) + udp, static_cast<std::uint32_t>(17 + udp.size())) == 0xffff);
    CHECK(udp.substr(8) == payload);
    CHECK(body.find("leg b, stream 0, sent, dropped: rate") != std::string::npos);
}

TEST_CASE("what was kept in part has its whole length, and what is no packet is left out") {
    std::ostringstream out;
    PcapFile file(out, "test");
    auto p = packet("192.0.2.1", "192.0.2.2", "part");
    p.set_length(1'400);
    CHECK(file.add(p));
    CHECK_FALSE(file.add(packet("192.0.2.1", "2001:db8::2", "x")));
    CHECK_FALSE(file.add(packet("here", "192.0.2.2", "x")));
    p.set_length(2);  // less than there is
    CHECK_FALSE(file.add(p));
    const auto all = blocks(out.str());
    REQUIRE(all.size() == 3);
    CHECK(word(all[2].body, 12) == 28 + 4);
    CHECK(word(all[2].body, 16) == 28 + 1'400);
}
