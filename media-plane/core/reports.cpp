#include "media-plane/core/reports.h"

#include <algorithm>
#include <utility>

#include "media-plane/core/stages/stages.h"

namespace sallyport::media {
namespace {

namespace limits {
// All streams of eight sessions, the most that are released between two bursts; more would be a lease's end gone wild.
constexpr std::size_t goodbyes = 2 * 8 * max_streams;
}  // namespace limits

// RFC 3550 6.2, 6.3.1 and A.7: 5 s on average, half of it before the first, times 0.5 to 1.5, through e - 3/2. look()
// comes up to 1.1 s late; nobody waits for longer than 5 s all the same, so the longest waits are left out.
constexpr Duration first_least = std::chrono::milliseconds{1030}, first_most = std::chrono::milliseconds{3080};
constexpr Duration next_least = std::chrono::milliseconds{2050}, next_most = std::chrono::milliseconds{3850};

// In units of 1/65536 s; nothing for a time that does not fit (18 hours).
std::optional<std::uint32_t> in_report_units(Duration d) {
    constexpr std::int64_t second = 1'000'000'000;
    const std::int64_t seconds = d.count() / second;
    if (d < Duration::zero() || seconds > 0xffff) return std::nullopt;
    return static_cast<std::uint32_t>(seconds << 16 | ((d.count() % second) << 16) / second);
}

// A stream that the peer hears, and not under the SSRC that the peer itself sends under. RFC 3550 8.2
bool has_source(const Leg& leg) {
    return leg.packets_of_source() > 0 && !leg.source_left && leg.sent_ssrc() != leg.reception.ssrc();
}

// RFC 3550 6.4: who has sent since the report before the last one sends the sender's.
std::optional<rtcp::SenderInfo> sender_info_of(const Leg& leg, TimePoint now) {
    const Leg& in = *leg.opposite;
    const Reporter& r = leg.reporter;
    const std::uint64_t packets = leg.packets_of_source();
    if (packets <= r.packets_at_reports[1] || in.reception.ssrc() != leg.sent_ssrc()) return std::nullopt;
    const auto timestamp = in.reception.timestamp_at(in_clock_units(now, in.flow->clock_rate));
    if (!timestamp) return std::nullopt;
    const std::uint64_t bytes = leg.bytes_sent() - std::min(r.bytes_before_ssrc, leg.bytes_sent());
    const std::uint64_t headers = packets * rtp::fixed_header_bytes + r.extra_header_bytes;
    return rtcp::SenderInfo{rtcp::ntp_time(now), *timestamp, static_cast<std::uint32_t>(packets),
                            static_cast<std::uint32_t>(bytes - std::min(headers, bytes))};
}

std::optional<rtcp::ReportBlock> block_of(Leg& leg, TimePoint now) {
    const auto received = leg.reception.take_report();
    if (!received) return std::nullopt;
    rtcp::ReportBlock block{*received};
    const auto& heard = leg.reporter.heard;
    if (!heard.known() || heard.ssrc != received->ssrc) return block;
    if (const auto since = in_report_units(now - heard.at)) {
        block.last_report = heard.time;
        block.since_last_report = *since;
    }
    return block;
}

void note_report(Leg& leg, const rtcp::Compound& compound) {
    Reporter& r = leg.reporter;
    r.last_ssrc = compound.ssrc;
    r.packets_at_reports = {leg.packets_of_source(), r.packets_at_reports[0]};
    if (compound.sender) r.own_times = {rtcp::middle(compound.sender->ntp), r.own_times[0]};
}

}  // namespace

Reports::Reports(RandomSource& random, srtp::Engine& engine, Notes& notes, Captures& captures,
                 PipelineStatistics& statistics)
    : random_(random), engine_(engine), notes_(notes), captures_(captures), statistics_(statistics) {
    goodbyes_.reserve(limits::goodbyes);
}

void Reports::name(Session& session) {
    for (SessionSide& side : session.sides) random_.fill(side.cname);
}

// In Base64, which of nine octets and of three takes no memory.
std::string_view Reports::cname_of(const SessionSide& side) {
    const ByteView bits(side.cname);
    const std::string first = to_base64(bits.first(9)), last = to_base64(bits.subspan(9));
    std::copy(last.begin(), last.end(), std::copy(first.begin(), first.end(), cname_.begin()));
    return {cname_.data(), cname_.size()};
}

void Reports::settle(Session& session, TimePoint now) {
    for (auto& stream : session.streams)
        for (Leg& leg : stream->legs) {
            Reporter& r = leg.reporter;
            if (!leg.takes_reports())
                r.due = TimePoint{};
            else if (r.due == TimePoint{})
                r.begin(now, now + between(first_least, first_most));
        }
}

void Reports::look(Session& session, TimePoint now) {
    for (auto& stream : session.streams)
        for (Leg& leg : stream->legs)
            if (leg.reporter.due != TimePoint{} && leg.reporter.due <= now) due_.add(leg);
}

std::uint32_t Reports::own_source_of(Leg& leg) const {
    Reporter& r = leg.reporter;
    const auto taken = [&](std::uint32_t ssrc) {
        return ssrc == 0 || ssrc == leg.sent_ssrc() || ssrc == leg.reception.ssrc() ||
               ssrc == leg.opposite->reception.ssrc() || (r.heard.known() && r.heard.ssrc == ssrc);
    };
    while (taken(r.own_ssrc)) r.own_ssrc = random_.u32();
    return r.own_ssrc;
}

rtcp::Compound Reports::compound_of(Leg& leg, TimePoint now) {
    Reporter& r = leg.reporter;
    rtcp::Compound compound;
    const bool for_stream = has_source(leg) && r.speaks_for_stream(now);
    compound.ssrc = for_stream ? leg.sent_ssrc() : own_source_of(leg);
    if (for_stream) compound.sender = sender_info_of(leg, now);
    compound.block = block_of(leg, now);
    compound.cname = cname_of(leg.session->side(leg.side));
    // The one that stood for us until the stream was ours to speak for goes, RFC 3550 8.2.
    if (r.last_ssrc && *r.last_ssrc == r.own_ssrc && compound.ssrc != r.own_ssrc)
        compound.leave(std::exchange(r.own_ssrc, 0u));
    return compound;
}

bool Reports::write(Leg& leg, const rtcp::Compound& compound, Packet& packet, TimePoint now) {
    packet.length = static_cast<std::uint16_t>(rtcp::write(compound, packet.data));
    packet.rtcp = true;
    packet.drop = Drop::none;
    packet.leg = nullptr;
    packet.out = &leg;
    packet.out_port = leg.port;
    packet.service = rtcp_beside(leg.session->emergency ? Service::emergency : Service::voice);
    packet.source = {leg.local.address, static_cast<std::uint16_t>(leg.local.port + 1)};
    packet.to = leg.rtcp.remote();
    if (captures_.any()) captures_.made(packet, now);
    stages::protect({&packet, 1}, engine_, notes_);
    if (captures_.any()) captures_.made_ready(packet, now);
    if (packet.drop != Drop::none) {
        statistics_.drops[static_cast<std::size_t>(packet.drop)].add();
        leg.count_drop(packet.drop);
        return false;
    }
    note_report(leg, compound);
    leg.rtcp_sent.add();
    statistics_.own_rtcp_packets.add();
    return true;
}

// Of its side, so that no re-INVITE makes it begin anew.
void Reports::count_unheard(Leg& leg) {
    if (!leg.heard_where_rtcp_goes()) ++leg.session->side(leg.side).unheard;
}

bool Reports::write_due(Leg& leg, Packet& packet, TimePoint now) {
    Reporter& r = leg.reporter;
    if (r.due > now || r.due == TimePoint{}) return false;  // meanwhile the other side has reported, or nobody may
    r.due = now + between(next_least, next_most);
    if (!leg.may_be_told()) return false;
    count_unheard(leg);
    return write(leg, compound_of(leg, now), packet, now);
}

std::size_t Reports::write(std::span<Packet> room, TimePoint now) {
    std::size_t count = 0;
    for (; count < room.size() && !goodbyes_.empty(); ++count) {
        const Goodbye& goodbye = goodbyes_.back();
        Packet& packet = room[count];
        std::copy_n(goodbye.bytes.begin(), goodbye.length, packet.data);
        packet.length = goodbye.length;
        packet.rtcp = true;
        packet.out = nullptr;
        packet.out_port = goodbye.out_port;
        packet.service = goodbye.service;
        packet.to = goodbye.to;
        packet.source = goodbye.source;
        goodbyes_.pop_back();
    }
    for (std::size_t looked = 0; looked < room.size() && count < room.size() && due_.size() > 0; ++looked) {
        Leg& leg = *due_.first();
        due_.remove(leg);
        if (write_due(leg, room[count], now)) ++count;
    }
    return count;
}

// RFC 3550 6.3.7: who has sent nothing says nothing. The other side's own BYE, if there was one, was ours too. 6.6: who
// relays a stream and shuts down says BYE for its source as well, whoever has reported for that.
void Reports::say_goodbye(Leg& leg, TimePoint now) {
    if (leg.udptl || !leg.wants_reports || leg.withhold_rtcp != Drop::none || !leg.may_be_told() ||
        leg.packets_sent() + leg.rtcp_sent.count == 0)
        return;
    const bool own_remains = leg.reporter.last_ssrc && *leg.reporter.last_ssrc == leg.reporter.own_ssrc;
    const bool source_remains = has_source(leg);
    if (!source_remains && !own_remains) return;
    if (goodbyes_.size() >= limits::goodbyes) {
        statistics_.drops[static_cast<std::size_t>(Drop::no_buffer)].add();
        return;
    }
    rtcp::Compound compound = compound_of(leg, now);
    if (source_remains) compound.leave(leg.sent_ssrc());
    if (!source_remains || compound.ssrc != leg.sent_ssrc()) compound.leave(compound.ssrc);
    count_unheard(leg);
    Goodbye& goodbye = goodbyes_.emplace_back();
    Packet packet;
    packet.data = goodbye.bytes.data();
    packet.capacity = static_cast<std::uint16_t>(goodbye.bytes.size());
    if (!write(leg, compound, packet, now)) {
        goodbyes_.pop_back();
        return;
    }
    goodbye.length = packet.length;
    goodbye.out_port = packet.out_port;
    goodbye.service = packet.service;
    goodbye.to = packet.to;
    goodbye.source = packet.source;
    leg.note_source_left();
    leg.reporter.own_ssrc = 0;
}

Duration Reports::between(Duration least, Duration most) {
    return least + (most - least) / 65'536 * random_.below(65'536);
}

}  // namespace sallyport::media
