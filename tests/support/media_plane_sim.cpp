#include "tests/support/media_plane_sim.h"

#include "control/base/check.h"
#include "tests/support/world.h"

namespace sallyport::test {
namespace {

using b2bua::MediaCommand;
using b2bua::MediaReply;
using b2bua::MediaVerb;
using b2bua::Side;

MediaReply reply_to(const MediaCommand& command, bool ok, std::string error = {}) {
    MediaReply reply;
    reply.call = command.call;
    reply.token = command.token;
    reply.ok = ok;
    reply.error = std::move(error);
    return reply;
}

IpAddress media_address(const std::string& port, Family family) {
    const bool access = port == "access-media";
    const auto v4 = IpAddress::parse(access ? media_access : media_core);
    const auto v6 = IpAddress::parse(access ? "2001:db8:a::10" : "2001:db8:c::10");
    return family == Family::v6 ? *v6 : *v4;
}

}  // namespace

std::optional<MediaReply> MediaPlaneSim::answer(const MediaCommand& command) {
    if (commands.size() < keep_commands) commands.push_back(command);
    if (!up) return command.token == 0 ? std::nullopt : std::optional(reply_to(command, false, "media plane away"));
    if (mood == Mood::silent) return std::nullopt;
    MediaReply reply = mood == Mood::refusing && command.verb != MediaVerb::release
                           ? reply_to(command, false, "no ports")
                       : command.verb == MediaVerb::allocate ? allocate(command)
                       : command.verb == MediaVerb::modify   ? modify(command)
                                                             : release(command);
    if (command.token == 0) return std::nullopt;
    return reply;
}

void MediaPlaneSim::add_streams(Session& session, std::uint32_t wanted) {
    const MediaCommand& command = session.allocated;
    for (auto stream = static_cast<std::uint32_t>(session.local.size() / 2); stream < wanted; ++stream)
        for (const Side side : {Side::a, Side::b}) {
            const auto& port = side == Side::a ? command.port_a : command.port_b;
            const auto address = media_address(port, side == Side::a ? command.family_a : command.family_b);
            const std::uint16_t rtp = take_port(address);
            session.local.push_back({stream, side, {address, rtp}, {address, static_cast<std::uint16_t>(rtp + 1)}});
        }
}

// The next one that no session has.
std::uint16_t MediaPlaneSim::take_port(const IpAddress& address) {
    constexpr std::uint16_t first = 20'000, last = 60'000;
    for (std::uint32_t tries = 0; tries <= last - first; tries += 2) {
        const std::uint16_t port = next_port_;
        next_port_ = port >= last ? first : static_cast<std::uint16_t>(port + 2);
        if (taken_.insert({address, port}).second) return port;
    }
    SALLYPORT_CHECK(false);  // `full` says so in time
}

// A use that it is told of is gone on from as the real one does: behind a margin for what was not reported any more.
b2bua::KeyUse MediaPlaneSim::resumed(b2bua::KeyUse used) {
    used.srtcp_sent += srtcp_margin;
    return used;
}

// Idempotent, as the real one: a session that exists stays as it is, whatever else the command says.
MediaReply MediaPlaneSim::allocate(const MediaCommand& command) {
    Session& session = sessions[command.session];
    if (!session.local.empty()) {
        MediaReply reply = reply_to(command, true);
        reply.local = session.local;
        return reply;
    }
    if (full && !command.emergency) {
        sessions.erase(command.session);
        return reply_to(command, false, "no ports");
    }
    session.allocated = command;
    add_streams(session, command.streams);
    for (const auto& wanted : command.restore)
        for (auto& local : session.local)
            if (local.stream == wanted.stream && local.side == wanted.side) {
                taken_.erase(local.rtp);
                taken_.insert(wanted.rtp);
                local = wanted;
            }
    merge(session, command.legs);
    MediaReply reply = reply_to(command, true);
    reply.local = session.local;
    for (const auto& leg : command.legs)
        if (leg.keys && leg.keys->used) reply.used.push_back(resumed(*leg.keys->used));
    return reply;
}

MediaReply MediaPlaneSim::modify(const MediaCommand& command) {
    const auto found = sessions.find(command.session);
    if (found == sessions.end()) return reply_to(command, false, "no such session");
    add_streams(found->second, command.streams);
    merge(found->second, command.legs);
    MediaReply reply = reply_to(command, true);
    reply.local = found->second.local;
    return reply;
}

MediaReply MediaPlaneSim::release(const MediaCommand& command) {
    MediaReply reply = reply_to(command, true);
    const auto found = sessions.find(command.session);
    if (found == sessions.end()) return reply;
    for (const auto& local : found->second.local) {
        b2bua::MediaLegStatistics s;
        s.stream = local.stream;
        s.side = local.side;
        s.packets_received = s.packets_sent = 50;
        s.local = local.rtp;
        reply.statistics.push_back(s);
        taken_.erase(local.rtp);
    }
    sessions.erase(found);
    return reply;
}

void MediaPlaneSim::merge(Session& session, const std::vector<b2bua::MediaLeg>& legs) {
    for (const auto& leg : legs) {
        auto& kept = session.legs[{leg.stream, leg.side}];
        kept.stream = leg.stream;
        kept.side = leg.side;
        if (leg.remote) kept.remote = leg.remote;
        if (leg.remote_rtcp) kept.remote_rtcp = leg.remote_rtcp;
        if (leg.keys) kept.keys = leg.keys;
        if (leg.direction) kept.direction = leg.direction;
        if (leg.udptl) kept.udptl = leg.udptl;
        if (leg.payload_map) kept.payload_map = leg.payload_map;
        kept.disabled = leg.disabled;
    }
}

b2bua::MediaState MediaPlaneSim::restarted() {
    ++incarnation_;
    sessions.clear();
    taken_.clear();
    up = true;
    return state();
}

b2bua::MediaState MediaPlaneSim::state() const {
    b2bua::MediaState state;
    state.up = up;
    state.incarnation = incarnation_;
    state.features = features;
    for (const auto& [name, session] : sessions) state.sessions.push_back(name);
    return state;
}

}  // namespace sallyport::test
