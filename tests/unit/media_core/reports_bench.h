// A call under virtual time whose peers' reports, as far as the plane makes them, are taken apart by hand.
#pragma once

#include <catch2/catch.hpp>
#include <string>
#include <vector>

#include "media-plane/core/rtcp_compound.h"
#include "media_bench.h"

namespace sallyport::media {

inline constexpr std::uint32_t ssrc_a = 0xaaaa0001, ssrc_b = 0xbbbb0001;
inline const Endpoint rtcp_a = at("203.0.113.5:4001"), rtcp_b = at("203.0.113.99:6001");

// One that the plane made, taken apart by hand.
struct Report {
    TimePoint at{};
    Endpoint to, source;
    std::uint8_t type = 0;
    std::uint32_t ssrc = 0;
    std::uint64_t ntp = 0;
    std::uint32_t timestamp = 0, packets = 0, octets = 0;
    std::vector<std::vector<std::uint32_t>> blocks;
    std::string cname;
    std::vector<std::uint32_t> leaving;
};

inline Report read(const Relayed& relayed, TimePoint at) {
    Report r{.at = at, .to = relayed.to, .source = relayed.source};
    REQUIRE(rtcp::well_formed(relayed.payload));
    std::vector<std::uint8_t> types;
    rtcp::for_each_packet(ByteView(relayed.payload), [&](ByteView p) {
        types.push_back(p[1]);
        std::vector<std::uint32_t> words;
        for (std::size_t i = 0; i < p.size(); i += 4) words.push_back(load_be32(p.data() + i));
        if (p[1] == 200 || p[1] == 201) {
            r.type = p[1];
            r.ssrc = words[1];
            std::size_t first = 2;
            if (p[1] == 200) {
                r.ntp = std::uint64_t{words[2]} << 32 | words[3];
                r.timestamp = words[4];
                r.packets = words[5];
                r.octets = words[6];
                first = 7;
            }
            for (std::size_t i = 0; i < (p[0] & 31u); ++i, first += 6)
                r.blocks.emplace_back(words.begin() + static_cast<std::ptrdiff_t>(first),
                                      words.begin() + static_cast<std::ptrdiff_t>(first + 6));
            REQUIRE(first == words.size());
        } else if (p[1] == 202) {
            REQUIRE((p[0] & 31) == 1);
            REQUIRE(words[1] == r.ssrc);
            REQUIRE(p[8] == 1);
            r.cname.assign(p.begin() + 10, p.begin() + 10 + p[9]);
            REQUIRE(p[10 + p[9]] == 0);
        } else {
            REQUIRE(p[1] == 203);
            r.leaving.assign(words.begin() + 1, words.end());
        }
    });
    REQUIRE(types.size() >= 2);
    REQUIRE((types[0] == 200 || types[0] == 201));  // RFC 3550 6.1: a report first, a name in each
    REQUIRE(types[1] == 202);
    return r;
}

class Reported {
public:
    explicit Reported(std::vector<LegChange> changes = {}) : call(bench, std::move(changes)) {}

    // Both sides talk, 50 packets a second each, or one of them, for so long; ticks as they come.
    void talk(Duration d, bool a = true, bool b = true) {
        for (const TimePoint end = bench.now + d; bench.now < end; bench.wait(20ms)) {
            if (a) call.from_a(packet(ssrc_a, next_a++));
            if (b) call.from_b(packet(ssrc_b, next_b++));
            go_on();
        }
    }
    void silence(Duration d) { talk(d, false, false); }
    void go_on() {
        if (bench.now - ticked >= 100ms) {
            ticked = bench.now;
            bench.tick();
        }
        for (const Relayed& each : bench.reports()) (each.out_port == 0 ? to_a : to_b).push_back(read(each, bench.now));
    }
    static Bytes packet(std::uint32_t ssrc, std::uint16_t number) {
        return rtp_packet({.sequence = number, .timestamp = number * 160u, .ssrc = ssrc});
    }
    Reply modify(std::vector<LegChange> changes) { return call.modify(std::move(changes)); }
    void forget() {
        to_a.clear();
        to_b.clear();
    }

    MediaBench bench;
    Call call;
    std::uint16_t next_a = 1000, next_b = 2000;
    TimePoint ticked{};
    std::vector<Report> to_a, to_b;
};

inline Duration longest_wait(const std::vector<Report>& reports, TimePoint from, TimePoint to) {
    Duration longest{};
    for (const Report& r : reports) {
        longest = std::max(longest, r.at - from);
        from = r.at;
    }
    return std::max(longest, to - from);
}

}  // namespace sallyport::media
