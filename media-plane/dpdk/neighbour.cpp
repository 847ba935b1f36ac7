#include "media-plane/dpdk/neighbour.h"

#include <algorithm>
#include <chrono>

#include "control/base/check.h"
#include "media-plane/core/same_place.h"
#include "media-plane/dpdk/echo.h"

namespace sallyport::media::dpdk {
namespace {

using Handled = Neighbour::Handled;
constexpr Handled absorbed{Neighbour::Verdict::absorbed, Drop::none, false};
constexpr Handled dropped(Drop why) { return {Neighbour::Verdict::dropped, why, false}; }
constexpr Handled too_many(Handled learnt) {  // no answer, but what it taught stays
    learnt.verdict = Neighbour::Verdict::dropped;
    learnt.drop = Drop::answer_rate;
    return learnt;
}

}  // namespace

bool InterfaceAddress::on_link(const IpAddress& other) const {
    if (other.family != address.family) return false;
    const std::size_t whole = prefix_length / 8;
    if (!std::equal(other.bytes.begin(), other.bytes.begin() + static_cast<std::ptrdiff_t>(whole),
                    address.bytes.begin()))
        return false;
    const auto mask = static_cast<std::uint8_t>(0xff00u >> (prefix_length % 8));
    return mask == 0 || ((other.bytes[whole] ^ address.bytes[whole]) & mask) == 0;
}

bool Neighbour::Budget::take(TimePoint now) {
    const double earned = per_second * std::chrono::duration<double>(now - last).count();
    level = std::min(per_second, level + std::max(0.0, earned));
    last = now;
    if (level < 1) return false;
    level -= 1;
    return true;
}

Neighbour::Neighbour(NeighbourConfig config) : config_(std::move(config)) {}

const IpAddress* Neighbour::own_address(Family family) const {
    for (const auto& a : config_.addresses)
        if (a.address.family == family) return &a.address;
    return nullptr;
}

bool Neighbour::is_ours(const IpAddress& address) const {
    return std::any_of(config_.addresses.begin(), config_.addresses.end(),
                       [&](const InterfaceAddress& a) { return same_place(a.address, address); });
}

const IpAddress* Neighbour::next_hop_of(const IpAddress& destination) const {
    if (own_address(destination.family) == nullptr) return nullptr;
    if (destination.family == Family::v6 && destination.is_link_local()) return &destination;
    for (const auto& a : config_.addresses)
        if (a.on_link(destination)) return &destination;
    const auto& gateway = destination.family == Family::v4 ? config_.gateway_v4 : config_.gateway_v6;
    return gateway ? &*gateway : nullptr;
}

void Neighbour::start(TimePoint now, SmallFrames& out, bool announce) {
    if (announce) this->announce(out);
    for (const auto& gateway : {config_.gateway_v4, config_.gateway_v6})
        if (gateway && own_address(gateway->family) != nullptr)
            if (NextHop* hop = hops_.obtain(*gateway, now)) hop->permanent = true;
    if (announce) {  // RFC 3810 6.1: twice, lest one be lost
        report_groups(MldReport::joined, out);
        report_ = {MldReport::joined, now + limits::mld_repetition};
    }
    tick(now, out);
}

void Neighbour::announce(const IpAddress& address, SmallFrames& out) {
    if (address.family == Family::v6) {
        advertise(address, all_nodes_group(), LinkAddress::of_multicast(all_nodes_group()), false, out);
    } else if (SmallFrame* frame = out.add()) {  // RFC 5227 section 3: a request, since all stacks take it
        write_arp(*frame, LinkAddress::broadcast(), config_.vlan,
                  {ArpMessage::Operation::request, config_.link, {}, address, address});
    }
}

void Neighbour::announce(SmallFrames& out) {
    for (const auto& a : config_.addresses) announce(a.address, out);
}

void Neighbour::link_returned(TimePoint now, SmallFrames& out) {
    announce(out);
    report_groups(MldReport::joined, out);
    announcements_left_ = limits::reannouncements;
    next_announcement_ = now + limits::announce_interval;
}

void Neighbour::note_conflict(const IpAddress& address, const LinkAddress& link, TimePoint now, SmallFrames& out) {
    std::uint64_t bits = 0;
    for (const std::uint8_t octet : link.bytes) bits = bits << 8 | octet;
    statistics_.conflict_link.set(bits);
    statistics_.conflict_family.set(static_cast<std::uint64_t>(address.family));
    statistics_.conflict_at.set(static_cast<std::uint64_t>(now.time_since_epoch().count()));
    statistics_.conflicts.add();
    if (now < next_defence_) return;
    next_defence_ = now + limits::defend_interval;
    announce(address, out);
}

Handled Neighbour::handle(ByteSpan bytes, const Frame& frame, TimePoint now, SmallFrames& out, bool answer) {
    switch (frame.kind) {
        case FrameKind::arp: return on_arp(bytes, frame, now, out, answer);
        case FrameKind::icmp: return on_echo(bytes, frame, now, answer);
        case FrameKind::icmpv6:
            if (const auto message = parse_neighbour_message(bytes, frame))
                return on_neighbour_message(*message, frame, now, out, answer);
            if (const auto query = parse_mld_query(bytes, frame)) {
                if (answer) on_mld_query(*query, now);
                return absorbed;
            }
            return on_echo(bytes, frame, now, answer);
        case FrameKind::udp:
        case FrameKind::none: break;
    }
    SALLYPORT_CHECK(false);
}

Handled Neighbour::on_arp(ByteView bytes, const Frame& frame, TimePoint now, SmallFrames& out, bool answer) {
    const auto message = parse_arp(bytes, frame);
    if (!message) return dropped(Drop::not_ip);
    if (is_ours(message->sender)) {  // our own announcement, or somebody with our address
        if (answer && message->sender_link != config_.link)
            note_conflict(message->sender, message->sender_link, now, out);
        return absorbed;
    }
    Handled result = absorbed;
    const bool asks_for_us = message->operation == ArpMessage::Operation::request && is_ours(message->target);
    // RFC 826: an entry that exists follows every sender; a new one is made only for who asks for us.
    if (!message->sender.is_unspecified()) {
        result.learned = learn(message->sender, message->sender_link, asks_for_us, now);
        result.teaches = answer && on_link_as_itself(message->sender) && teachings_.take(now);
    }
    if (!asks_for_us || !answer) return result;
    if (!answers_.take(now)) return too_many(result);
    if (SmallFrame* reply = out.add()) {
        write_arp(*reply, message->sender_link, config_.vlan,
                  {ArpMessage::Operation::reply, config_.link, message->sender_link, message->target, message->sender});
        statistics_.arp_answers.add();
    }
    return result;
}

Handled Neighbour::on_neighbour_message(const NeighbourMessage& message, const Frame& frame, TimePoint now,
                                        SmallFrames& out, bool answer) {
    Handled result = absorbed;
    if (message.type == NeighbourMessage::Type::advertisement) {
        if (is_ours(message.target)) {
            const LinkAddress& link = message.link ? *message.link : frame.link_from;
            if (answer && link != config_.link) note_conflict(message.target, link, now, out);
            return result;
        }
        if (!message.link) return result;
        result.teaches = answer && on_link_as_itself(message.target) && teachings_.take(now);
        const NextHop* known = hops_.find(message.target);
        // Section 7.2.5: without the override flag a known link address stays.
        if (known && known->usable() && !message.override_entry && known->link != *message.link) return result;
        result.learned = learn(message.target, *message.link, false, now);
        return result;
    }
    if (!is_ours(message.target)) return result;
    const bool detection = frame.from.address.is_unspecified();
    if (!detection && message.link) {
        result.learned = learn(frame.from.address, *message.link, true, now);
        result.teaches = answer && on_link_as_itself(frame.from.address) && teachings_.take(now);
    }
    if (!answer) return result;
    if (!answers_.take(now)) return too_many(result);
    const IpAddress to = detection ? all_nodes_group() : frame.from.address;
    const LinkAddress link_to = detection ? LinkAddress::of_multicast(to) : message.link.value_or(frame.link_from);
    advertise(message.target, to, link_to, !detection, out);
    return result;
}

Handled Neighbour::on_echo(ByteSpan bytes, const Frame& frame, TimePoint now, bool answer) {
    if (!is_ours(frame.to.address)) return dropped(Drop::not_for_us);
    if (frame.link_to.is_group()) return dropped(Drop::not_for_us);
    if (!is_echo_request(bytes, frame)) return dropped(Drop::not_udp);
    if (frame.from.address.is_unspecified() || frame.from.address.is_loopback() || is_ours(frame.from.address))
        return dropped(Drop::martian);
    if (!answer) return absorbed;
    if (!answers_.take(now)) return dropped(Drop::answer_rate);
    turn_into_echo_reply(bytes, frame, config_.link);
    statistics_.echo_replies.add();
    return {Verdict::answered_in_place, Drop::none, false};
}

// No answer at once: all hosts of the link have been asked (RFC 3810 6.2). Ours is put off by an amount that is our
// own, of what the querier allows. A report that is due sooner says it all.
void Neighbour::on_mld_query(const MldQuery& query, TimePoint now) {
    const IpAddress* own = own_address(Family::v6);
    if (own == nullptr || (!query.group.is_unspecified() && query.group != solicited_node_group(*own))) return;
    const std::uint16_t spread = load_be16(config_.link.bytes.data() + 4);
    const TimePoint at = now + query.response_within * spread / 0x10000;
    if (!report_ || at < report_->at)
        report_ = {query.first_version ? MldReport::first_version : MldReport::current, at};
}

void Neighbour::report_groups(MldReport kind, SmallFrames& out) {
    const IpAddress* own = own_address(Family::v6);
    if (own == nullptr) return;
    // RFC 3590: who has no link-local address reports from none.
    const IpAddress from = own->is_link_local() ? *own : IpAddress{Family::v6, {}};
    if (SmallFrame* frame = out.add())
        write_mld_report(*frame, config_.link, config_.vlan, from, solicited_node_group(*own), kind);
}

bool Neighbour::on_link_as_itself(const IpAddress& address) const {
    const IpAddress* next_hop = next_hop_of(address);
    return next_hop != nullptr && *next_hop == address;
}

bool Neighbour::learn(const IpAddress& address, const LinkAddress& link, bool create, TimePoint now) {
    if (!on_link_as_itself(address)) return false;  // off the link: it is reached through the gateway
    NextHop* hop = hops_.find(address);
    if (hop == nullptr && create && introductions_.take(now)) hop = hops_.obtain(address, now);
    if (hop == nullptr) return false;
    hops_.learn(*hop, link, now);
    statistics_.next_hops.set(hops_.size());
    return true;
}

const LinkAddress* Neighbour::resolve(const IpAddress& destination, TimePoint now, SmallFrames& out) {
    // Most packets of a port go where the one before went, or to the same gateway.
    if (const LinkAddress* link = resolved_last(destination, now)) return link;
    const IpAddress* address = next_hop_of(destination);
    if (address == nullptr) return nullptr;
    const bool same_hop =
        last_.hop != nullptr && last_.erasures == hops_.erasures() && same_place(*address, last_.next);
    NextHop* hop = same_hop ? last_.hop : hops_.find(*address);
    if (hop != nullptr) last_ = {destination, *address, hop, hops_.erasures()};
    if (hop == nullptr) {
        hop = hops_.obtain(*address, now);
        if (hop == nullptr) return nullptr;
        statistics_.next_hops.set(hops_.size());
        if (solicit(*hop, now, out)) {
            hop->asked = 1;
            hop->next = now + limits::next_hop_first_retransmit;
        }
    }
    hop->used = now;
    hop->wanted = true;
    return hop->usable() ? &hop->link : nullptr;
}

bool Neighbour::solicit(const NextHop& hop, TimePoint now, SmallFrames& out) {
    const IpAddress* from = own_address(hop.address.family);
    if (from == nullptr || !solicitations_.take(now)) return false;
    SmallFrame* frame = out.add();
    if (frame == nullptr) return false;
    const bool unicast = hop.state == NextHop::State::probe;
    if (hop.address.family == Family::v4) {
        write_arp(*frame, unicast ? hop.link : LinkAddress::broadcast(), config_.vlan,
                  {ArpMessage::Operation::request, config_.link, {}, *from, hop.address});
    } else {
        const IpAddress to = unicast ? hop.address : solicited_node_group(hop.address);
        const LinkAddress link_to = unicast ? hop.link : LinkAddress::of_multicast(to);
        write_neighbour_message(
            *frame, link_to, config_.link, config_.vlan, *from, to,
            {.type = NeighbourMessage::Type::solicitation, .target = hop.address, .link = config_.link});
    }
    statistics_.solicitations.add();
    return true;
}

void Neighbour::advertise(const IpAddress& address, const IpAddress& to, const LinkAddress& link_to, bool solicited,
                          SmallFrames& out) {
    SmallFrame* frame = out.add();
    if (frame == nullptr) return;
    NeighbourMessage message{.type = NeighbourMessage::Type::advertisement, .target = address, .link = config_.link};
    message.solicited = solicited;
    message.override_entry = true;
    write_neighbour_message(*frame, link_to, config_.link, config_.vlan, address, to, message);
    statistics_.advertisements.add();
}

void Neighbour::tick(TimePoint now, SmallFrames& out) {
    if (report_ && now >= report_->at) {
        report_groups(report_->kind, out);
        report_.reset();
    }
    if (announcements_left_ > 0 && now >= next_announcement_) {
        --announcements_left_;
        next_announcement_ = now + limits::announce_interval;
        announce(out);
        report_groups(MldReport::joined, out);
    }
    hops_.tick(now, [&](const NextHop& hop) { return solicit(hop, now, out); });
    statistics_.next_hops.set(hops_.size());
}

}  // namespace sallyport::media::dpdk
