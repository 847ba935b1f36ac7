// A confirmed call read back from its checkpoint: the same dialogs, the same media session, the same o= lines. Text of
// another version, or with a part missing, is refused as a whole.
#include <algorithm>
#include <charconv>
#include <limits>
#include <sstream>

#include "signaling/b2bua/call.h"
#include "signaling/b2bua/checkpoint_lines.h"

namespace sallyport::b2bua {

namespace {

using Lines = CheckpointLines;

Leg read_leg(Lines& lines, const std::string& prefix) {
    Leg leg;
    auto& d = leg.dialog;
    leg.realm = static_cast<RealmIndex>(lines.number(prefix + ".realm"));
    d.id = {lines.text(prefix + ".call-id"), lines.text(prefix + ".local-tag"), lines.text(prefix + ".remote-tag")};
    d.local_uri = lines.text(prefix + ".local-uri");
    d.remote_uri = lines.text(prefix + ".remote-uri");
    d.remote_target = lines.text(prefix + ".remote-target");
    d.route_set = lines.all(prefix + ".route");
    d.local_cseq = static_cast<std::uint32_t>(lines.number(prefix + ".local-cseq"));
    if (lines.has(prefix + ".remote-cseq"))
        d.remote_cseq = static_cast<std::uint32_t>(lines.number(prefix + ".remote-cseq"));
    const std::string transport = lines.text(prefix + ".transport");
    d.flow.transport = transport == "TLS" ? Transport::tls : transport == "TCP" ? Transport::tcp : Transport::udp;
    d.flow.realm = leg.realm;
    d.flow.local = lines.endpoint(prefix + ".local");
    d.flow.remote = lines.endpoint(prefix + ".remote");  // its connection died with the process that had it
    d.tls_name = lines.text(prefix + ".tls-name");
    d.confirmed = leg.established = true;
    leg.takes_update = lines.has(prefix + ".takes-update");
    if (lines.has(prefix + ".session-seconds")) {
        using enum dialog::SessionTimer::Role;
        const std::string by = lines.text(prefix + ".session-renewed-by");
        if (by != "peer" && by != "us" && by != "us-alone") lines.spoil();
        leg.session.restore(by == "peer" ? expect : renew,
                            static_cast<std::uint32_t>(lines.number(prefix + ".session-seconds")), by != "us-alone");
    }
    leg.call_id = d.id.call_id;
    leg.local_tag = d.id.local_tag;
    return leg;
}

std::optional<sdp::CryptoLine> read_key(Lines& lines, const std::string& name) {
    if (!lines.has(name)) return std::nullopt;
    auto key = sdp::parse_crypto(lines.text(name));
    if (!key) lines.spoil();
    return key;
}

SdpBridge::SideState read_media(Lines& lines, const std::string& prefix) {
    SdpBridge::SideState side;
    side.profile = {lines.flag(prefix + ".srtp"),
                    lines.all(prefix + ".codec"),
                    lines.flag(prefix + ".latch-any"),
                    lines.family(prefix + ".family"),
                    lines.flag(prefix + ".loopback"),
                    {},
                    false,
                    {}};
    for (const auto& text : lines.all(prefix + ".advertised"))
        if (const auto address = IpAddress::parse(text)) side.profile.advertised.push_back(*address);
    if (lines.has(prefix + ".stand-in"))
        side.profile.stand_in = IpAddress::parse(lines.text(prefix + ".stand-in")).value_or(IpAddress{});
    side.profile.no_private = lines.flag(prefix + ".no-private");
    if (lines.has(prefix + ".hold-told-as")) {
        const auto told = lines.number(prefix + ".hold-told-as");
        if (told > static_cast<std::uint64_t>(sdp::HoldToldAs::inactive)) lines.spoil();
        side.profile.hold = static_cast<sdp::HoldToldAs>(std::min<std::uint64_t>(told, 3));
    }
    if (lines.has(prefix + ".packet-milliseconds"))
        side.profile.packet_milliseconds = static_cast<std::uint32_t>(lines.number(prefix + ".packet-milliseconds"));
    side.profile.fax = !lines.has(prefix + ".no-fax");
    side.origin = sdp::OriginState(lines.number(prefix + ".origin-id"), lines.number(prefix + ".origin-version"),
                                   lines.text(prefix + ".origin-last"));
    side.heard = lines.heard(prefix + ".heard");
    side.told = lines.description(prefix + ".told");
    for (const auto& refused : lines.all(prefix + ".refused")) side.refused.push_back(refused == "1");
    const std::size_t streams = side.heard ? side.heard->media.size() : 0;
    if (side.refused.size() != streams || !side.told || side.told->media.size() != streams) lines.spoil();
    side.keys.resize(streams);
    side.spoken.resize(streams);
    for (std::size_t i = 0; i < streams; ++i) {
        const auto spoken = lines.description(prefix + ".spoken." + std::to_string(i));
        if (spoken && spoken->media.size() == 1) side.spoken[i] = spoken->media[0];
    }
    for (std::size_t i = 0; i < streams; ++i) {
        side.keys[i].ours = read_key(lines, prefix + ".key-ours." + std::to_string(i));
        side.keys[i].theirs = read_key(lines, prefix + ".key-theirs." + std::to_string(i));
    }
    side.changed = false;
    return side;
}

void read_ports(Lines& lines, Side side, std::vector<MediaLocal>& out) {
    for (const auto& value : lines.all(side == Side::a ? "media-local.a" : "media-local.b")) {
        const auto first = value.find(' '), second = value.rfind(' ');
        std::uint32_t stream = 0;
        const auto parsed = std::from_chars(value.data(), value.data() + value.size(), stream);
        if (first == value.npos || second == first || parsed.ec != std::errc()) return lines.spoil();
        const auto rtp = Endpoint::parse(value.substr(first + 1, second - first - 1));
        const auto rtcp = Endpoint::parse(value.substr(second + 1));
        if (!rtp || !rtcp) return lines.spoil();
        out.push_back({stream, side, *rtp, *rtcp});
    }
}

// "stream number <ssrc:index >ssrc:index ...", as checkpoint.cpp writes it; the number is of SRTCP sent.
std::optional<KeyUse> parse_key_use(std::string_view text, Side side, std::uint64_t& first) {
    KeyUse used{.side = side};
    const auto number = [&](auto& value) {
        const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
        if (error != std::errc()) return false;
        text.remove_prefix(static_cast<std::size_t>(end - text.data()));
        return true;
    };
    const auto skip = [&](char c) { return text.starts_with(c) ? text.remove_prefix(1), true : false; };
    if (!number(used.stream) || !skip(' ') || !number(first)) return std::nullopt;
    while (!text.empty()) {
        SsrcIndex index;
        if (!skip(' ')) return std::nullopt;
        const bool sent = skip('>');
        if (!sent && !skip('<')) return std::nullopt;
        if (!number(index.ssrc) || !skip(':') || !number(index.index)) return std::nullopt;
        (sent ? used.sent : used.received).push_back(index);
    }
    return used;
}

void read_key_use(Lines& lines, Side side, std::vector<KeyUse>& out) {
    for (const auto& value : lines.all(side == Side::a ? "key-use.a" : "key-use.b")) {
        std::uint64_t srtcp_sent = 0;
        auto used = parse_key_use(value, side, srtcp_sent);
        if (!used || srtcp_sent > std::numeric_limits<std::uint32_t>::max()) return lines.spoil();
        used->srtcp_sent = static_cast<std::uint32_t>(srtcp_sent);
        out.push_back(std::move(*used));
    }
    // "stream number <ssrc:index ...": of SRTCP received; the number is where an SSRC begins that is not listed.
    for (const auto& value : lines.all(side == Side::a ? "key-use-more.a" : "key-use-more.b")) {
        std::uint64_t unlisted_from = 0;
        auto more = parse_key_use(value, side, unlisted_from);
        if (!more || !more->sent.empty()) return lines.spoil();
        for (KeyUse& used : out) {
            if (used.stream != more->stream || used.side != side) continue;
            used.srtcp_received = std::move(more->received);
            used.sent_unlisted_from = unlisted_from;
            break;
        }
    }
}

// "stream signalled rtp rtcp [authenticated]", "-" for what was not seen.
std::optional<MediaLatched> parse_latched(std::string_view text, Side side) {
    MediaLatched latched{.side = side};
    const auto word = [&] {
        const auto end = std::min(text.find(' '), text.size());
        const auto found = text.substr(0, end);
        text.remove_prefix(std::min(end + 1, text.size()));
        return found;
    };
    const auto endpoint = [&](Endpoint& out) {
        const auto found = word();
        if (found == "-") return true;
        const auto parsed = Endpoint::parse(found);
        out = parsed.value_or(Endpoint{});
        return parsed.has_value();
    };
    const auto stream = word();
    const auto [end, error] = std::from_chars(stream.data(), stream.data() + stream.size(), latched.stream);
    if (error != std::errc() || end != stream.data() + stream.size()) return std::nullopt;
    if (!endpoint(latched.signalled) || !endpoint(latched.rtp) || !endpoint(latched.rtcp)) return std::nullopt;
    latched.authenticated = word() == "authenticated";
    return latched;
}

void read_latched(Lines& lines, Side side, std::vector<MediaLatched>& out) {
    for (const auto& value : lines.all(side == Side::a ? "latched.a" : "latched.b")) {
        auto latched = parse_latched(value, side);
        if (!latched) return lines.spoil();
        out.push_back(*latched);
    }
}

void read_forwards(Lines& lines, std::vector<Forward>& out) {
    for (const auto& text : lines.all("forward")) {
        std::istringstream words(text);
        Forward forward;
        if (words >> forward.from >> forward.to >> forward.trunk >> forward.status >> forward.left)
            out.push_back(std::move(forward));
        else
            lines.spoil();
    }
}

void read_replaced(Lines& lines, std::vector<Replaced>& out) {
    for (const Side side : {Side::a, Side::b})
        for (const auto& text : lines.all(side == Side::a ? "replaced.a" : "replaced.b")) {
            std::istringstream words(text);
            Replaced one{.side = side};
            std::int64_t at = 0;
            if (words >> one.end >> at >> one.call_id) {
                one.at = TimePoint(Duration(at));
                out.push_back(std::move(one));
            } else {
                lines.spoil();
            }
        }
    std::stable_sort(out.begin(), out.end(), [](const auto& x, const auto& y) { return x.at < y.at; });
}

// One that an earlier version has written down says only whose call it is; he pays.
void read_holding(Lines& lines, policy::Admitted& admitted) {
    policy::Holding& holding = admitted.holding;
    for (const auto& gauge : lines.all("holds")) holding.gauges.emplace_back(gauge);
    if (holding.gauges.empty()) holding.gauges.push_back(policy::trunk_gauge(admitted.trunk));
    if (lines.has("holds-kbps")) holding.kbps = static_cast<std::uint32_t>(lines.number("holds-kbps"));
    holding.price_per_minute = admitted.price_per_minute;
    if (holding.price_per_minute <= 0) return;
    for (const auto& gauge : lines.all("pays")) holding.payers.emplace_back(gauge);
    if (holding.payers.empty()) holding.payers.push_back(policy::trunk_gauge(admitted.trunk));
}

MediaCommand read_allocation(Lines& lines) {
    MediaCommand media;
    media.session = lines.text("media-session");
    media.streams = static_cast<std::uint32_t>(lines.number("media-streams"));
    media.inactivity_seconds = static_cast<std::uint32_t>(lines.number("media-inactivity"));
    media.port_a = lines.text("media-place.a");
    media.port_b = lines.text("media-place.b");
    media.family_a = lines.family("media-family.a");
    media.family_b = lines.family("media-family.b");
    return media;
}

void read_record(Lines& lines, CallRecord& record) {
    record.id = lines.text("id");
    record.trunk = lines.text("trunk");
    record.carrier = lines.text("carrier");
    record.ends = {lines.text("end.a"), lines.text("end.b")};
    record.direction = lines.text("direction");
    record.caller = lines.text("caller");
    record.called = lines.text("called");
    const auto optional = [&](const char* name) { return lines.has(name) ? lines.text(name) : std::string(); };
    record.asserted_identity = optional("asserted-identity");
    record.redirecting_party = optional("redirecting-party");
    record.request_uri = optional("request-uri");
    record.emergency = lines.has("emergency");
    record.location = optional("location");
    read_forwards(lines, record.forwards);
    read_replaced(lines, record.replaced);
    record.target = lines.text("target");
    record.started = lines.instant("started");
    record.rang = lines.instant("rang");
    record.answered = lines.instant("answered");
    record.status = 200;
}

}  // namespace

bool Call::restore(std::string_view checkpoint, config::SnapshotPtr config, Context& cx) {
    Lines lines(checkpoint);
    if (!lines.complete()) return false;
    config_ = std::move(config);
    read_record(lines, record_);
    session_ = SessionId::restore(lines.text("session-a"), lines.text("session-b"));
    record_.session_id = session_.text();
    admitted_.trunk = record_.trunk;
    admitted_.called = record_.called;
    admitted_.emergency = record_.emergency;
    if (lines.has("price-millionths"))
        admitted_.price_per_minute = static_cast<double>(lines.number("price-millionths")) / 1e6;
    read_holding(lines, admitted_);
    for (const Side side : {Side::a, Side::b})
        if (auto found = End::parse(record_.ends[static_cast<std::size_t>(side)]))
            end(side) = std::move(*found);
        else
            lines.spoil();
    caller_hidden_ = lines.has("caller-hidden");
    MediaCommand media = read_allocation(lines);
    media.call = id_;
    media.call_label = record_.session_id;
    media.trunk = admitted_.trunk;
    media.emergency = admitted_.emergency;
    std::vector<MediaLocal> local;
    std::vector<KeyUse> used;
    std::vector<MediaLatched> latched;
    for (const Side side : {Side::a, Side::b}) {
        const bool a = side == Side::a;
        leg(side) = read_leg(lines, a ? "leg-a" : "leg-b");
        bridge_.at(side) = read_media(lines, a ? "media-a" : "media-b");
        read_ports(lines, side, local);
        read_key_use(lines, side, used);
        read_latched(lines, side, latched);
        if (leg(side).realm >= cx.settings.realms.size()) return false;
    }
    if (!lines.complete()) return false;
    media_.adopt(std::move(media), std::move(local), std::move(used), std::move(latched));
    record_.realm_a = cx.realm(leg(Side::a).realm).name;
    record_.realm_b = cx.realm(leg(Side::b).realm).name;
    record_.call_id_a = leg(Side::a).call_id;
    record_.call_id_b = leg(Side::b).call_id;
    record_.codecs = bridge_.codecs();
    phase_ = Phase::answered;
    cx.gauges.hold(admitted_.holding);
    pays_since_ = lines.has("pays-since") ? lines.instant("pays-since") : record_.answered;
    cx.gauges.begin_spending(admitted_.trunk, admitted_.price_per_minute, pays_since_, cx.now);
    holds_gauge_ = true;
    for (const Side side : {Side::a, Side::b}) {
        cx.index.add_dialog(leg(side).call_id, leg(side).local_tag, {id_, side});
        adopt(leg(side), cx);
        seek_peer(leg(side), cx);
        resume_session_timer(side, cx);
    }
    ladder_.note(cx.now, "adopted from an earlier process");
    rest_later(cx);
    if (cx.media_up) on_media_restarted(cx);
    return true;
}

}  // namespace sallyport::b2bua
