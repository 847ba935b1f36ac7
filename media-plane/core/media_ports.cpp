#include "media-plane/core/media_ports.h"

#include <limits>

namespace sallyport::media {

MediaPorts::MediaPorts(const std::vector<MediaPortConfig>& configs, RandomSource& random) : configs_(configs) {
    SALLYPORT_CHECK(configs.size() <= std::numeric_limits<MediaPortIndex>::max());
    pools_.reserve(configs.size());
    tables_.reserve(configs.size());
    for (const MediaPortConfig& config : configs) {
        pools_.emplace_back(config.first_udp_port, config.last_udp_port, random);
        tables_.emplace_back(config.first_udp_port, config.last_udp_port);
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
    std::optional<std::uint16_t> udp_port;
    for (const LocalEndpoint& wish : wishes)
        if (wish.stream == leg.stream && wish.side == leg.side && wish.rtp.address == side.address &&
            pool.take(wish.rtp.port, now)) {
            udp_port = wish.rtp.port;
            break;
        }
    if (!udp_port) udp_port = pool.take(now);
    if (!udp_port) return false;
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
}

}  // namespace sallyport::media
