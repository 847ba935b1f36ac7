#include "signaling/rpc/media_convert.h"

#include <algorithm>
#include <array>
#include <utility>

namespace sallyport::rpc {
namespace {

constexpr std::uint32_t max_streams = 16;  // media.proto
constexpr std::uint32_t max_payload_type = 127;
constexpr int most_event_types = 8;
constexpr std::uint32_t least_event_rate = 1'000, most_event_rate = 1'000'000;
constexpr int max_received_ssrcs = 16, max_sent_ssrcs = 64;
constexpr std::size_t max_codec_bytes = 32, max_reason_bytes = 32;

struct SuiteName {
    std::string_view sdes;  // RFC 4568 6.2, RFC 6188, RFC 7714
    media_pb::Srtp value;
};
constexpr std::array suite_names{
    SuiteName{"", media_pb::SRTP_NONE},
    SuiteName{"AES_CM_128_HMAC_SHA1_80", media_pb::SRTP_AES_CM_128_HMAC_SHA1_80},
    SuiteName{"AES_CM_128_HMAC_SHA1_32", media_pb::SRTP_AES_CM_128_HMAC_SHA1_32},
    SuiteName{"AEAD_AES_128_GCM", media_pb::SRTP_AEAD_AES_128_GCM},
    SuiteName{"AEAD_AES_256_GCM", media_pb::SRTP_AEAD_AES_256_GCM},
    SuiteName{"AES_256_CM_HMAC_SHA1_80", media_pb::SRTP_AES_256_CM_HMAC_SHA1_80},
};

media_pb::Side to_proto(b2bua::Side side) { return side == b2bua::Side::a ? media_pb::SIDE_A : media_pb::SIDE_B; }

media_pb::Family to_proto(Family family) {
    switch (family) {
        case Family::none: return media_pb::FAMILY_ANY;
        case Family::v4: return media_pb::FAMILY_V4;
        case Family::v6: return media_pb::FAMILY_V6;
    }
    return media_pb::FAMILY_ANY;
}

media_pb::Direction to_proto(sdp::Direction direction) {
    switch (direction) {
        case sdp::Direction::sendrecv: return media_pb::DIRECTION_SENDRECV;
        case sdp::Direction::sendonly: return media_pb::DIRECTION_SENDONLY;
        case sdp::Direction::recvonly: return media_pb::DIRECTION_RECVONLY;
        case sdp::Direction::inactive: return media_pb::DIRECTION_INACTIVE;
    }
    return media_pb::DIRECTION_INACTIVE;
}

void copy(const Endpoint& from, media_pb::Endpoint& to) {
    to.set_address(from.address.to_string());
    to.set_port(from.port);
}

void copy(const Bytes& from, std::string& to) { to.assign(from.begin(), from.end()); }

std::optional<std::string> check_endpoint(const std::optional<Endpoint>& endpoint, const char* what) {
    if (!endpoint || (!endpoint->empty() && endpoint->port != 0)) return std::nullopt;
    return std::string(what) + " endpoint without address or port";
}

void copy(const b2bua::KeyUse& from, media_pb::KeyUse& to) {
    const auto add = [](const std::vector<b2bua::SsrcIndex>& indices, auto& list) {
        for (const auto& index : indices) {
            auto& entry = *list.Add();
            entry.set_ssrc(index.ssrc);
            entry.set_index(index.index);
        }
    };
    add(from.received, *to.mutable_received());
    add(from.sent, *to.mutable_sent());
    to.set_srtcp_sent(from.srtcp_sent);
    add(from.srtcp_received, *to.mutable_srtcp_received());
    to.set_sent_unlisted_from(from.sent_unlisted_from);
    to.set_received_packets(from.received_packets);
    to.set_received_srtcp_packets(from.received_srtcp_packets);
}

std::optional<std::string> copy(const b2bua::MediaKeys& from, media_pb::Keys& to) {
    const auto suite =
        std::find_if(suite_names.begin(), suite_names.end(), [&](const SuiteName& s) { return s.sdes == from.suite; });
    if (suite == suite_names.end()) return "SRTP suite " + from.suite + " is not known";
    to.set_suite(suite->value);
    if (suite->value == media_pb::SRTP_NONE) return std::nullopt;
    copy(from.receive, *to.mutable_receive());
    copy(from.send, *to.mutable_send());
    if (from.used) copy(*from.used, *to.mutable_used());
    copy(from.receive_mki, *to.mutable_receive_mki());
    to.set_receive_lifetime(from.receive_lifetime);
    return std::nullopt;
}

void copy(const b2bua::MediaLatched& from, media_pb::Latched& to) {
    const auto whole = [](const Endpoint& e) { return !e.empty() && e.port != 0; };
    if (whole(from.rtp)) copy(from.rtp, *to.mutable_rtp());
    if (whole(from.rtcp)) copy(from.rtcp, *to.mutable_rtcp());
    if (whole(from.signalled)) copy(from.signalled, *to.mutable_signalled());
    to.set_authenticated(from.authenticated);
}

std::optional<std::string> copy(const b2bua::MediaLeg& from, media_pb::Leg& to) {
    if (from.stream >= max_streams) return "stream " + std::to_string(from.stream) + " is above 15";
    to.set_stream(from.stream);
    to.set_side(to_proto(from.side));
    if (auto wrong = check_endpoint(from.remote, "RTP")) return wrong;
    if (auto wrong = check_endpoint(from.remote_rtcp, "RTCP")) return wrong;
    if (from.remote) copy(*from.remote, *to.mutable_remote());
    if (from.remote_rtcp) copy(*from.remote_rtcp, *to.mutable_remote_rtcp());
    if (from.keys)
        if (auto wrong = copy(*from.keys, *to.mutable_keys())) return wrong;
    if (from.direction) to.set_direction(to_proto(*from.direction));
    if (from.latch_any_address)
        to.set_latching(*from.latch_any_address ? media_pb::LATCHING_ANY_ADDRESS
                                                : media_pb::LATCHING_SIGNALLED_ADDRESS);
    if (from.payload_map) {
        to.set_replace_payload_map(true);
        to.set_drop_unmapped(true);
        for (const auto& [received, sent] : *from.payload_map) {
            if (received > max_payload_type || sent > max_payload_type) return "payload type above 127";
            auto& entry = *to.add_payload_map();
            entry.set_from(received);
            entry.set_to(sent);
        }
        // What the plane would refuse is not worth a call: such events pass, and are not told.
        const auto is_clock = [](std::uint32_t rate) { return rate >= least_event_rate && rate <= most_event_rate; };
        for (const auto& [type, rate, sent_rate] : from.telephone_events) {
            if (type > max_payload_type || !is_clock(rate)) continue;
            if (to.telephone_events_size() == most_event_types) break;
            auto& entry = *to.add_telephone_events();
            entry.set_payload_type(type);
            entry.set_clock_rate(rate);
            if (sent_rate != rate && is_clock(sent_rate)) entry.set_sent_clock_rate(sent_rate);
        }
    }
    if (from.latched) copy(*from.latched, *to.mutable_latched());
    to.set_relearn(from.relearn);
    to.set_disabled(from.disabled);
    to.set_clock_rate(from.clock_rate.value_or(0));
    if (from.codec) to.set_codec(from.codec->substr(0, max_codec_bytes));
    if (from.pace) {
        to.mutable_pace()->set_packets_per_second(from.pace->packets_per_second);
        to.mutable_pace()->set_bytes_per_second(from.pace->bytes_per_second);
    }
    if (from.video) to.set_media(*from.video ? media_pb::MEDIA_KIND_VIDEO : media_pb::MEDIA_KIND_AUDIO);
    if (from.reports) to.set_reports(*from.reports);
    if (from.udptl) to.set_transport(*from.udptl ? media_pb::TRANSPORT_UDPTL : media_pb::TRANSPORT_RTP);
    return std::nullopt;
}

std::optional<std::string> copy(const b2bua::MediaCommand& from, media_pb::Allocate& to) {
    if (from.streams < 1 || from.streams > max_streams) return std::to_string(from.streams) + " streams";
    to.set_session(from.session);
    to.set_port_a(from.port_a);
    to.set_port_b(from.port_b);
    to.set_family_a(to_proto(from.family_a));
    to.set_family_b(to_proto(from.family_b));
    to.set_streams(from.streams);
    to.set_answered(from.answered);
    to.set_inactivity_seconds(from.inactivity_seconds);
    to.set_call(from.call_label);
    to.set_trunk(from.trunk);
    to.set_emergency(from.emergency);
    for (const auto& leg : from.legs)
        if (auto wrong = copy(leg, *to.add_legs())) return wrong;
    for (const auto& local : from.restore) {
        auto& wish = *to.add_restore();
        wish.set_stream(local.stream);
        wish.set_side(to_proto(local.side));
        copy(local.rtp, *wish.mutable_rtp());
        copy(local.rtcp, *wish.mutable_rtcp());
    }
    return std::nullopt;
}

std::optional<std::string> copy(const b2bua::MediaCommand& from, media_pb::Modify& to) {
    if (from.streams > max_streams) return std::to_string(from.streams) + " streams";
    to.set_session(from.session);
    to.set_streams(from.streams);
    to.set_answered(from.answered);
    for (const auto& leg : from.legs)
        if (auto wrong = copy(leg, *to.add_legs())) return wrong;
    return std::nullopt;
}

Endpoint from_proto(const media_pb::Endpoint& endpoint) {
    const auto address = IpAddress::parse(endpoint.address());
    if (!address || endpoint.port() > 65'535) return {};
    return {*address, static_cast<std::uint16_t>(endpoint.port())};
}

std::optional<b2bua::Side> from_proto(media_pb::Side side) {
    if (side == media_pb::SIDE_A) return b2bua::Side::a;
    if (side == media_pb::SIDE_B) return b2bua::Side::b;
    return std::nullopt;
}

std::vector<b2bua::MediaLegStatistics> from_proto(const media_pb::SessionStatistics& statistics) {
    std::vector<b2bua::MediaLegStatistics> legs;
    for (const auto& from : statistics.legs()) {
        const auto side = from_proto(from.side());
        if (!side || from.stream() >= max_streams || legs.size() >= 2 * max_streams) continue;
        auto& to = legs.emplace_back();
        to.stream = from.stream();
        to.side = *side;
        to.packets_received = from.packets_received();
        to.bytes_received = from.bytes_received();
        to.packets_sent = from.packets_sent();
        to.bytes_sent = from.bytes_sent();
        to.lost = from.lost();
        to.dropped = from.dropped();
        to.srtp_auth_failures = from.srtp_auth_failures();
        to.jitter_seconds = from.jitter_seconds();
        to.reordered = from.reordered();
        to.round_trip_seconds = from.round_trip_seconds();
        to.mos = from.mos();
        to.worst_mos = from.worst_mos();
        to.silences = from.silences();
        to.silent_seconds = from.silent_seconds();
        to.one_way_seconds = from.one_way_seconds();
        to.telephone_events = from.telephone_events();
        const auto suite = std::find_if(suite_names.begin(), suite_names.end(),
                                        [&](const SuiteName& s) { return s.value == from.suite(); });
        if (suite != suite_names.end()) to.suite = suite->sdes;
        to.local = from_proto(from.local());
        to.remote = from_proto(from.remote());
    }
    return legs;
}

std::optional<b2bua::MediaEventKind> from_proto(media_pb::EventKind kind) {
    switch (kind) {
        case media_pb::EVENT_FIRST_PACKET: return b2bua::MediaEventKind::first_packet;
        case media_pb::EVENT_LATCHED: return b2bua::MediaEventKind::latched;
        case media_pb::EVENT_INACTIVITY: return b2bua::MediaEventKind::inactivity;
        case media_pb::EVENT_SRTP_AUTH_FAILURES: return b2bua::MediaEventKind::srtp_auth_failures;
        case media_pb::EVENT_RELEASED: return b2bua::MediaEventKind::released;
        case media_pb::EVENT_KEY_USE: return b2bua::MediaEventKind::key_use;
        case media_pb::EVENT_SILENCE: return b2bua::MediaEventKind::silence;
        case media_pb::EVENT_HEARD_AGAIN: return b2bua::MediaEventKind::heard_again;
        case media_pb::EVENT_TELEPHONE_EVENT: return b2bua::MediaEventKind::telephone_event;
        case media_pb::EVENT_NOT_SENT: return b2bua::MediaEventKind::not_sent;
        case media_pb::EVENT_SENT_AGAIN: return b2bua::MediaEventKind::sent_again;
        case media_pb::EVENT_KEY_ENDS: return b2bua::MediaEventKind::key_ends;
        default: return std::nullopt;
    }
}

b2bua::KeyUse from_proto(const media_pb::KeyUse& from, std::uint32_t stream, b2bua::Side side) {
    b2bua::KeyUse used{.stream = stream, .side = side, .srtcp_sent = from.srtcp_sent()};
    const auto copy_some = [](const auto& list, int most, std::vector<b2bua::SsrcIndex>& out) {
        for (int i = 0; i < std::min(list.size(), most); ++i) out.push_back({list[i].ssrc(), list[i].index()});
    };
    copy_some(from.received(), max_received_ssrcs, used.received);
    copy_some(from.sent(), max_sent_ssrcs, used.sent);
    copy_some(from.srtcp_received(), max_received_ssrcs, used.srtcp_received);
    used.sent_unlisted_from = from.sent_unlisted_from();
    used.received_packets = from.received_packets();
    used.received_srtcp_packets = from.received_srtcp_packets();
    return used;
}

b2bua::MediaLatched from_proto(const media_pb::Latched& from, std::uint32_t stream, b2bua::Side side) {
    return {stream,
            side,
            from_proto(from.rtp()),
            from_proto(from.rtcp()),
            from_proto(from.signalled()),
            from.authenticated()};
}

std::string sentence(const media_pb::Reply& reply) {
    if (!reply.text().empty()) return reply.text();
    switch (reply.code()) {
        case media_pb::CODE_NO_PORTS: return "no media ports left";
        case media_pb::CODE_NO_SESSION: return "no such media session";
        case media_pb::CODE_STALE_EPOCH: return "a newer signaling process owns the media sessions";
        case media_pb::CODE_OVERLOADED: return "media plane overloaded";
        case media_pb::CODE_UNKNOWN_PORT: return "no such media port";
        case media_pb::CODE_DRAINING: return "the media plane is being drained";
        case media_pb::CODE_UNSUPPORTED: return "not supported by the media plane";
        default: return "refused by the media plane";
    }
}

}  // namespace

Result<media_pb::ClientMessage, std::string> to_proto(const b2bua::MediaCommand& command) {
    media_pb::ClientMessage message;
    std::optional<std::string> wrong;
    switch (command.verb) {
        case b2bua::MediaVerb::allocate: wrong = copy(command, *message.mutable_allocate()); break;
        case b2bua::MediaVerb::modify: wrong = copy(command, *message.mutable_modify()); break;
        case b2bua::MediaVerb::release:
            message.mutable_release()->set_session(command.session);
            message.mutable_release()->set_call_ends(command.call_ends);
            break;
    }
    if (wrong) return *wrong;
    return message;
}

b2bua::MediaReply from_proto(const media_pb::Reply& reply) {
    b2bua::MediaReply result;
    result.ok = reply.code() == media_pb::CODE_OK;
    if (!result.ok) result.error = sentence(reply);
    for (const auto& local : reply.local()) {
        const auto side = from_proto(local.side());
        if (!side || local.stream() >= max_streams || result.local.size() >= 2 * max_streams) continue;
        result.local.push_back({local.stream(), *side, from_proto(local.rtp()), from_proto(local.rtcp())});
    }
    result.statistics = from_proto(reply.statistics());
    for (const auto& used : reply.used()) {
        const auto side = from_proto(used.side());
        if (!side || used.stream() >= max_streams || result.used.size() >= 2 * max_streams) continue;
        result.used.push_back(from_proto(used.used(), used.stream(), *side));
    }
    for (const auto& latched : reply.latched()) {
        const auto side = from_proto(latched.side());
        if (!side || latched.stream() >= max_streams || result.latched.size() >= 2 * max_streams) continue;
        result.latched.push_back(from_proto(latched.latched(), latched.stream(), *side));
    }
    return result;
}

bool names(const media_pb::Welcome& welcome, media_pb::Feature feature) {
    return std::find(welcome.features().begin(), welcome.features().end(), feature) != welcome.features().end();
}

b2bua::MediaState from_proto(const media_pb::Welcome& welcome) {
    b2bua::MediaState state{true, welcome.incarnation(), {welcome.sessions().begin(), welcome.sessions().end()}};
    state.features.fax = names(welcome, media_pb::FEATURE_UDPTL);
    state.features.mki = names(welcome, media_pb::FEATURE_KEY_TERMS);
    return state;
}

std::string features_missing(const media_pb::Welcome& welcome) {
    std::string text;
    const auto add = [&](media_pb::Feature feature, const char* consequence) {
        if (!names(welcome, feature)) text += (text.empty() ? "" : "; ") + std::string(consequence);
    };
    add(media_pb::FEATURE_UDPTL, "fax by T.38 is refused");
    add(media_pb::FEATURE_REPORTS, "peers whose other side sends no RTCP have none");
    add(media_pb::FEATURE_RESUME, "SRTP and latches of live calls do not outlast its restart");
    add(media_pb::FEATURE_SILENCE, "one-way calls are not told");
    add(media_pb::FEATURE_QUALITY, "call records have no round trip and no MOS");
    add(media_pb::FEATURE_TELEPHONE_EVENTS, "what is dialled in a call is not counted");
    add(media_pb::FEATURE_EVENT_CLOCKS,
        "digits last too long or too short where events have another clock on each side");
    add(media_pb::FEATURE_EMERGENCY, "it keeps nothing for emergencies when it is full");
    add(media_pb::FEATURE_SENDING, "calls that nothing is sent to are not told");
    add(media_pb::FEATURE_KEY_TERMS,
        "SRTP keys that are named in each packet (MKI) are passed over, and those whose lifetime ends go on");
    add(media_pb::FEATURE_PACE,
        "streams are held to the node's rate alone, not to their codec's, and video is marked as voice");
    return text;
}

std::optional<b2bua::MediaEvent> from_proto(const media_pb::Event& event) {
    const auto kind = from_proto(event.kind());
    const auto side = from_proto(event.side());
    if (!kind || !side || event.stream() >= max_streams || event.session().empty()) return std::nullopt;
    b2bua::MediaEvent converted{*kind,
                                event.session(),
                                event.stream(),
                                *side,
                                from_proto(event.endpoint()),
                                event.count(),
                                from_proto(event.statistics()),
                                from_proto(event.used(), event.stream(), *side),
                                from_proto(event.latched(), event.stream(), *side),
                                event.one_way()};
    converted.drop = event.drop().substr(0, max_reason_bytes);
    const auto& telephone = event.telephone_event();
    if (telephone.has_code() && telephone.code() <= 255)
        converted.telephone.code = static_cast<std::uint8_t>(telephone.code());
    converted.telephone.milliseconds = telephone.duration_ms();
    converted.telephone.unended = telephone.unended();
    return converted;
}

}  // namespace sallyport::rpc
