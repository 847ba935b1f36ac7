// One port's link in virtual time: frames in as bytes, frames out as lines of text. No DPDK.
#pragma once

#include <algorithm>
#include <catch2/catch.hpp>
#include <string>
#include <vector>

#include "media-plane/dpdk/arp.h"
#include "media-plane/dpdk/neighbour.h"
#include "media-plane/dpdk/neighbour_discovery.h"

namespace sallyport::media::dpdk::test {

inline IpAddress ip(std::string_view text) { return IpAddress::parse(text).value(); }
inline LinkAddress mac(std::string_view text) { return LinkAddress::parse(text).value(); }
inline Bytes hex(std::string_view text) {
    std::string digits;
    for (const char c : text)
        if (c != ' ' && c != '\n') digits += c;
    return from_hex(digits).value();
}

inline const LinkAddress ours = mac("02:00:00:00:00:01"), peer = mac("02:00:00:00:00:99"),
                         router = mac("02:00:00:00:00:fe");

inline NeighbourConfig two_families() {
    return {.link = ours,
            .addresses = {{ip("192.0.2.2"), 24}, {ip("2001:db8::2"), 64}},
            .gateway_v4 = ip("192.0.2.1"),
            .gateway_v6 = ip("2001:db8::1")};
}

class LinkBench {
public:
    explicit LinkBench(NeighbourConfig config = two_families()) : neighbour(std::move(config)) {
        rules.link = neighbour.config().link;
        rules.vlan = neighbour.config().vlan;
    }

    Neighbour::Handled receive(Bytes frame, bool answer = true) {
        last = std::move(frame);
        const Frame parsed = parse_frame(last, rules);
        REQUIRE(parsed.kind != FrameKind::none);
        return neighbour.handle(last, parsed, now, out, answer);
    }
    Neighbour::Handled receive(const SmallFrame& frame, bool answer = true) {
        return receive(Bytes(frame.view().begin(), frame.view().end()), answer);
    }
    void arp(ArpMessage::Operation operation, const LinkAddress& from, std::string_view sender, std::string_view target,
             const LinkAddress& to) {
        SmallFrame frame;
        write_arp(frame, to, rules.vlan, {operation, from, {}, ip(sender), ip(target)});
        receive(frame);
    }
    void arp_reply(const LinkAddress& from, std::string_view sender) {
        arp(ArpMessage::Operation::reply, from, sender, "192.0.2.2", ours);
    }
    void advertise(const LinkAddress& from, std::string_view target, bool override_entry = true) {
        SmallFrame frame;
        write_neighbour_message(frame, ours, from, rules.vlan, ip(target), ip("2001:db8::2"),
                                {.type = NeighbourMessage::Type::advertisement,
                                 .target = ip(target),
                                 .link = from,
                                 .solicited = true,
                                 .override_entry = override_entry});
        receive(frame);
    }
    void run_until(Duration since_start) {
        const TimePoint end = TimePoint{} + 1h + since_start;
        for (; now < end; now += 100ms) neighbour.tick(now, out);
        now = end;
    }
    const LinkAddress* resolve(std::string_view address) { return neighbour.resolve(ip(address), now, out); }

    // "arp who-has 192.0.2.1 to ff:ff:ff:ff:ff:ff", one line a frame; the list is emptied.
    std::vector<std::string> sent() {
        std::vector<std::string> lines;
        for (const auto& frame : out.view()) lines.push_back(describe(frame.view()));
        out.clear();
        return lines;
    }

    Neighbour neighbour;
    FrameRules rules;
    SmallFrames out;
    TimePoint now = TimePoint{} + 1h;
    Bytes last;  // the frame handled last, as it is after handling

private:
    static std::string describe(ByteView bytes) {
        FrameRules any;
        any.link = LinkAddress::from(bytes.data());
        const Frame frame = parse_frame(bytes, any);
        if (frame.kind == FrameKind::arp) {
            const auto m = parse_arp(bytes, frame).value();
            const bool request = m.operation == ArpMessage::Operation::request;
            if (request && m.sender == m.target) return "arp announces " + m.target.to_string();
            return (request ? "arp who-has " + m.target.to_string() : "arp " + m.sender.to_string() + " is-at us") +
                   " to " + frame.link_to.to_string();
        }
        if (frame.router_alert && (bytes[frame.payload] == 131 || bytes[frame.payload] == 143)) {
            IpAddress group{Family::v6, {}};
            const bool v1 = bytes[frame.payload] == 131;
            std::copy_n(bytes.begin() + frame.payload + (v1 ? 8 : 12), 16, group.bytes.begin());
            return std::string(v1 ? "reports (v1) " : "reports ") + group.to_string() + " to " +
                   frame.to.address.to_string() + " at " + frame.link_to.to_string();
        }
        const auto m = parse_neighbour_message(bytes, frame);
        if (!m) return "?";
        return std::string(m->type == NeighbourMessage::Type::solicitation ? "solicits " : "advertises ") +
               m->target.to_string() + " to " + frame.to.address.to_string() + " at " + frame.link_to.to_string();
    }
};

}  // namespace sallyport::media::dpdk::test
