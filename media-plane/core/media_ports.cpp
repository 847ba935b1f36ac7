#include "media-plane/core/media_ports.h"

#include <algorithm>
#include <limits>

namespace sallyport::media {
namespace {
constexpr std::size_t most_reserved = 8;  // of a block of UDP ports, one in so many
}

MediaPorts::MediaPorts(const std::vector<MediaPortConfig>& configs, std::size_t emergency_pairs, RandomSource& random)
    : configs_(configs), ordinary_(configs.size(), 0) {
    SALLYPORT_CHECK(configs.size() <= std::numeric_limits<MediaPortIndex>::max());
    pools_.reserve(configs.size());
    tables_.reserve(configs.size());
    for (const MediaPortConfig& config : configs) {
        pools_.emplace_back(config.first_udp_port, config.last_udp_port, random);
        tables_.emplace_back(config.first_udp_port, config.last_udp_port);
        reserved_.push_back(std::min(emergency_pairs, pools_.back().total() / most_reserved));
        own_.emplace_back();
        for (const IpAddress& address : config.addresses)
            own_.back()[static_cast<std::size_t>(address.family)] = address;
    }
}

std::optional<SessionSide> MediaPorts::find(std::string_view name, Family family) const {
    for (std::size_t i = 0; i < configs_.size(); ++i) {
        if (configs_[i].name != name) continue;
        for (const IpAddress& address : configs_[i].addresses)
            if (family == Family::none || family == address.family) {
                SessionSide side;
                side.port = static_cast<MediaPortIndex>(i);
                side.address = address;
                return side;
            }
    }
    return std::nullopt;
}

std::size_t MediaPorts::left(MediaPortIndex port, bool emergency) const {
    const std::size_t free = pools_[port].free(), shared = pools_[port].total() - reserved_[port];
    if (emergency) return free;
    return std::min(free, shared - std::min(shared, ordinary_[port]));
}

bool MediaPorts::add_streams(Session& session, std::uint32_t count, std::span<const LocalEndpoint> wishes,
                             TimePoint now) {
    const std::size_t before = session.streams.size();
    for (std::uint32_t i = 0; i < count; ++i) {
        auto stream = std::make_unique<Stream>();
        for (const Side side : {Side::a, Side::b}) {
            Leg& leg = stream->leg(side);
            leg.opposite = &stream->leg(other(side));
            leg.session = &session;
            leg.side = side;
            leg.stream = static_cast<std::uint8_t>(before + i);
        }
        Leg& a = stream->leg(Side::a);
        Leg& b = stream->leg(Side::b);
        if (!open(a, session.side(Side::a), wishes, now)) break;
        if (!open(b, session.side(Side::b), wishes, now)) {
            close(a, now);
            break;
        }
        session.streams.push_back(std::move(stream));
    }
    if (session.streams.size() == before + count) return true;
    while (session.streams.size() > before) {
        for (Leg& leg : session.streams.back()->legs) close(leg, now);
        session.streams.pop_back();
    }
    return false;
}

void MediaPorts::close(Session& session, TimePoint now) {
    for (auto& stream : session.streams)
        for (Leg& leg : stream->legs) close(leg, now);
}

bool MediaPorts::open(Leg& leg, const SessionSide& side, std::span<const LocalEndpoint> wishes, TimePoint now) {
    PortPool& pool = pools_[side.port];
    if (left(side.port, leg.session->emergency) == 0) return false;
    std::optional<std::uint16_t> udp_port;
    for (const LocalEndpoint& wish : wishes)
        if (wish.stream == leg.stream && wish.side == leg.side && wish.rtp.address == side.address &&
            pool.take(wish.rtp.port, now)) {
            udp_port = wish.rtp.port;
            break;
        }
    if (!udp_port) udp_port = pool.take(now);
    if (!udp_port && leg.session->emergency) udp_port = pool.take_oldest(now);
    if (!udp_port) return false;
    if (!leg.session->emergency) ++ordinary_[side.port];
    leg.port = side.port;
    leg.local = {side.address, *udp_port};
    leg.flow = &tables_[side.port].open(*udp_port, leg);
    leg.reception = Reception(leg.flow->arrivals);
    return true;
}

void MediaPorts::close(Leg& leg, TimePoint now) {
    tables_[leg.port].close(leg.local.port);
    leg.flow = nullptr;
    pools_[leg.port].give_back(leg.local.port, now);
    if (!leg.session->emergency) --ordinary_[leg.port];
}

}  // namespace sallyport::media
