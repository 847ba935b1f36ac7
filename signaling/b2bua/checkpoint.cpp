// A confirmed call as text, for whoever keeps it beyond this process: one "name=value" line each, values escaped. Holds
// SRTP keys: to be stored like a secret.
#include <cmath>

#include "signaling/b2bua/call.h"
#include "signaling/b2bua/checkpoint_lines.h"

namespace sallyport::b2bua {

namespace {

void line(std::string& out, std::string_view name, std::string_view value) {
    out += name;
    out += '=';
    for (const char c : value) {
        if (c == '\n')
            out += "\\n";
        else if (c == '\r')
            out += "\\r";
        else if (c == '\\')
            out += "\\\\";
        else
            out += c;
    }
    out += '\n';
}

std::string number(std::uint64_t n) { return std::to_string(n); }

std::string_view family_text(Family family) {
    return family == Family::v4 ? "v4" : family == Family::v6 ? "v6" : "any";
}

void write_leg(std::string& out, std::string_view prefix, const Leg& leg) {
    const auto name = [&](std::string_view field) { return std::string(prefix) + "." + std::string(field); };
    const auto& d = leg.dialog;
    line(out, name("realm"), number(leg.realm));
    line(out, name("call-id"), d.id.call_id);
    line(out, name("local-tag"), d.id.local_tag);
    line(out, name("remote-tag"), d.id.remote_tag);
    line(out, name("local-uri"), d.local_uri);
    line(out, name("remote-uri"), d.remote_uri);
    line(out, name("remote-target"), d.remote_target);
    for (const auto& route : d.route_set) line(out, name("route"), route);
    line(out, name("local-cseq"), number(d.local_cseq));
    if (d.remote_cseq) line(out, name("remote-cseq"), number(*d.remote_cseq));
    line(out, name("transport"), to_string(d.flow.transport));
    line(out, name("local"), d.flow.local.empty() ? std::string() : d.flow.local.to_string());
    line(out, name("remote"), d.flow.remote.to_string());
    line(out, name("tls-name"), d.tls_name);
    if (leg.takes_update) line(out, name("takes-update"), "1");
    if (leg.session.role() == dialog::SessionTimer::Role::none) return;
    line(out, name("session-seconds"), number(leg.session.seconds()));
    line(out, name("session-renewed-by"),
         leg.session.role() == dialog::SessionTimer::Role::expect ? "peer"
         : leg.session.peer_knows()                               ? "us"
                                                                  : "us-alone");
}

void write_media(std::string& out, std::string_view prefix, const SdpBridge::SideState& side) {
    const auto name = [&](std::string_view field) { return std::string(prefix) + "." + std::string(field); };
    line(out, name("srtp"), side.profile.srtp ? "1" : "0");
    for (const auto& codec : side.profile.codecs) line(out, name("codec"), codec);
    line(out, name("latch-any"), side.profile.latch_any_address ? "1" : "0");
    line(out, name("family"), family_text(side.profile.family));
    line(out, name("loopback"), side.profile.loopback ? "1" : "0");
    if (!side.profile.stand_in.empty()) line(out, name("stand-in"), side.profile.stand_in.to_string());
    for (const auto& address : side.profile.advertised) line(out, name("advertised"), address.to_string());
    line(out, name("no-private"), side.profile.no_private ? "1" : "0");
    if (side.profile.hold != sdp::HoldToldAs::said)
        line(out, name("hold-told-as"), number(static_cast<std::uint64_t>(side.profile.hold)));
    if (side.profile.packet_milliseconds != 0)
        line(out, name("packet-milliseconds"), number(side.profile.packet_milliseconds));
    if (!side.profile.fax) line(out, name("no-fax"), "1");
    line(out, name("origin-id"), number(side.origin.session_id()));
    line(out, name("origin-version"), number(side.origin.version()));
    line(out, name("origin-last"), side.origin.last());
    if (side.heard) line(out, name("heard"), side.heard.text());
    if (side.told) line(out, name("told"), sdp::write(*side.told));
    for (std::size_t i = 0; side.told && i < side.spoken.size(); ++i) {
        if (!side.spoken[i]) continue;
        sdp::SessionDescription one = *side.told;
        one.media = {*side.spoken[i]};
        line(out, name("spoken." + number(i)), sdp::write(one));
    }
    for (const bool refused : side.refused) line(out, name("refused"), refused ? "1" : "0");
    for (std::size_t i = 0; i < side.keys.size(); ++i) {
        if (side.keys[i].ours) line(out, name("key-ours." + number(i)), sdp::write_crypto(*side.keys[i].ours));
        if (side.keys[i].theirs) line(out, name("key-theirs." + number(i)), sdp::write_crypto(*side.keys[i].theirs));
    }
}

void write_key_use(std::string& out, const KeyUse& used) {
    std::string text = number(used.stream) + " " + number(used.srtcp_sent);
    const auto write = [&](char direction, const std::vector<SsrcIndex>& indices) {
        for (const auto& i : indices) text += std::string(" ") + direction + number(i.ssrc) + ":" + number(i.index);
    };
    write('<', used.received);
    write('>', used.sent);
    line(out, used.side == Side::a ? "key-use.a" : "key-use.b", text);
    // A line of its own, which processes from before do not know and leave out.
    if (used.srtcp_received.empty() && used.sent_unlisted_from == 0) return;
    text = number(used.stream) + " " + number(used.sent_unlisted_from);
    write('<', used.srtcp_received);
    line(out, used.side == Side::a ? "key-use-more.a" : "key-use-more.b", text);
}

void write_latched(std::string& out, const MediaLatched& latched) {
    const auto text = [](const Endpoint& e) { return e.empty() ? std::string("-") : e.to_string(); };
    line(out, latched.side == Side::a ? "latched.a" : "latched.b",
         number(latched.stream) + " " + text(latched.signalled) + " " + text(latched.rtp) + " " + text(latched.rtcp) +
             (latched.authenticated ? " authenticated" : ""));
}

}  // namespace

std::string Call::checkpoint() const {
    std::string out(CheckpointLines::head);
    line(out, "id", record_.id);
    const bool replacing = replaced_ && replaced_->pending;
    const SessionId& session = replacing ? replaced_->session : session_;
    const policy::Admitted& admitted = replacing && replaced_->admitted ? *replaced_->admitted : admitted_;
    line(out, "session-a", session.of(Side::a));
    line(out, "session-b", session.of(Side::b));
    line(out, "trunk", admitted.trunk);
    line(out, "carrier", record_.carrier);
    line(out, "end.a", agreed_end(Side::a).name());
    line(out, "end.b", agreed_end(Side::b).name());
    if (admitted.price_per_minute > 0)
        line(out, "price-millionths",
             number(static_cast<std::uint64_t>(std::llround(admitted.price_per_minute * 1e6))));
    for (const auto& gauge : admitted.holding.gauges) line(out, "holds", gauge);
    for (const auto& gauge : admitted.holding.payers) line(out, "pays", gauge);
    if (!admitted.holding.payers.empty())
        line(out, "pays-since", number(static_cast<std::uint64_t>(pays_since_.time_since_epoch().count())));
    if (admitted.holding.kbps > 0) line(out, "holds-kbps", number(admitted.holding.kbps));
    line(out, "direction", record_.direction);
    line(out, "caller", record_.caller);
    line(out, "called", record_.called);
    if (!record_.asserted_identity.empty()) line(out, "asserted-identity", record_.asserted_identity);
    if (!record_.redirecting_party.empty()) line(out, "redirecting-party", record_.redirecting_party);
    if (!record_.request_uri.empty()) line(out, "request-uri", record_.request_uri);
    if (record_.emergency) line(out, "emergency", "1");
    if (!record_.location.empty()) line(out, "location", record_.location);
    if (caller_hidden_) line(out, "caller-hidden", "1");
    for (const auto& f : record_.forwards)
        line(out, "forward", f.from + " " + f.to + " " + f.trunk + " " + number(f.status) + " " + number(f.left));
    for (const auto& r : record_.replaced)
        line(out, r.side == Side::a ? "replaced.a" : "replaced.b",
             r.end + " " + number(static_cast<std::uint64_t>(r.at.time_since_epoch().count())) + " " + r.call_id);
    line(out, "target", record_.target);
    line(out, "started", number(static_cast<std::uint64_t>(record_.started.time_since_epoch().count())));
    line(out, "rang", number(static_cast<std::uint64_t>(record_.rang.time_since_epoch().count())));
    line(out, "answered", number(static_cast<std::uint64_t>(record_.answered.time_since_epoch().count())));
    const MediaCommand& media = media_.allocated();
    line(out, "media-session", media.session);
    line(out, "media-streams", number(media.streams));
    line(out, "media-inactivity", number(media.inactivity_seconds));
    line(out, "media-place.a", media.port_a);
    line(out, "media-place.b", media.port_b);
    line(out, "media-family.a", family_text(media.family_a));
    line(out, "media-family.b", family_text(media.family_b));
    for (const auto& local : media_.local())
        line(out, local.side == Side::a ? "media-local.a" : "media-local.b",
             number(local.stream) + " " + local.rtp.to_string() + " " + local.rtcp.to_string());
    for (const auto& used : media_.key_use()) write_key_use(out, used);
    for (const auto& latched : media_.latched()) write_latched(out, latched);
    write_leg(out, "leg-a", agreed_leg(Side::a));
    write_leg(out, "leg-b", agreed_leg(Side::b));
    write_media(out, "media-a", agreed_bridge().at(Side::a));
    write_media(out, "media-b", agreed_bridge().at(Side::b));
    return out;
}

}  // namespace sallyport::b2bua
