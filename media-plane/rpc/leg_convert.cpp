#include "media-plane/rpc/leg_convert.h"

#include <algorithm>
#include <bit>
#include <bitset>
#include <optional>

#include "media-plane/core/telephone_events.h"
#include "media-plane/srtp/mki.h"

namespace sallyport::media::rpc {

Refusal invalid(const std::string& field, const std::string& why) { return {Code::invalid, field + ": " + why}; }

std::optional<Refusal> check_name(const std::string& field, const std::string& value) {
    if (value.empty()) return invalid(field, "is missing");
    if (value.size() > limits::name_bytes)
        return invalid(field, "is longer than " + std::to_string(limits::name_bytes) + " bytes");
    const bool printable = std::all_of(value.begin(), value.end(), [](char c) { return c > ' ' && c < 0x7f; });
    if (!printable) return invalid(field, "has a character other than printable ASCII without space");
    return std::nullopt;
}

namespace {

// Where media may be sent is the pipeline's to judge: it knows the leg's own address.
Converted<Endpoint> endpoint_from(const std::string& field, const pb::Endpoint& endpoint) {
    const auto address = IpAddress::parse(endpoint.address());
    if (!address || endpoint.address().front() == '[')
        return invalid(field + ".address", "is not an IPv4 or IPv6 literal");
    if (endpoint.port() < 1 || endpoint.port() > 65'535)
        return invalid(field + ".port", std::to_string(endpoint.port()) + " is not in 1..65535");
    return Endpoint{*address, static_cast<std::uint16_t>(endpoint.port())};
}

Converted<std::vector<srtp::SsrcIndex>> indices_from(const std::string& field,
                                                     const google::protobuf::RepeatedPtrField<pb::SsrcIndex>& from,
                                                     std::size_t most, std::uint64_t highest) {
    if (from.size() > static_cast<int>(most)) return invalid(field, "has more than " + std::to_string(most) + " SSRCs");
    std::vector<srtp::SsrcIndex> indices;
    for (const auto& entry : from) {
        const auto same = [&](const srtp::SsrcIndex& known) { return known.ssrc == entry.ssrc(); };
        if (std::any_of(indices.begin(), indices.end(), same)) return invalid(field, "names an SSRC twice");
        if (entry.index() > highest)
            return invalid(field, "has an index of more than " + std::to_string(std::bit_width(highest)) + " bits");
        indices.push_back({entry.ssrc(), entry.index()});
    }
    return indices;
}

Converted<KeyUse> key_use_from(const std::string& field, const pb::KeyUse& used) {
    auto received =
        indices_from(field + ".received", used.received(), srtp::limits::inbound_ssrcs, srtp::limits::packet_index);
    if (!received) return received.error();
    auto sent = indices_from(field + ".sent", used.sent(), srtp::limits::outbound_ssrcs, srtp::limits::packet_index);
    if (!sent) return sent.error();
    if (used.srtcp_sent() > srtp::limits::srtcp_index)
        return invalid(field + ".srtcp_sent", "is an index of more than 31 bits");
    auto srtcp_received = indices_from(field + ".srtcp_received", used.srtcp_received(), srtp::limits::inbound_ssrcs,
                                       srtp::limits::srtcp_index);
    if (!srtcp_received) return srtcp_received.error();
    if (used.sent_unlisted_from() > srtp::limits::packet_index + 1)
        return invalid(field + ".sent_unlisted_from", "is behind the last index, which has 48 bits");
    return KeyUse{{.rtp = std::move(*received), .srtcp_received = std::move(*srtcp_received)},
                  {.rtp = std::move(*sent), .srtcp = used.srtcp_sent(), .unlisted_from = used.sent_unlisted_from()},
                  used.received_packets(),
                  used.received_srtcp_packets()};
}

Converted<Keys> keys_from(const std::string& field, const pb::Keys& keys) {
    if (keys.suite() < 0 || keys.suite() >= static_cast<int>(srtp::suite_facts.size()))
        return Refusal{Code::unsupported, field + ".suite: " + std::to_string(keys.suite()) + " is not known here"};
    Keys converted;
    converted.suite = static_cast<srtp::Suite>(keys.suite());
    if (converted.suite == srtp::Suite::none) {
        if (!keys.receive().empty() || !keys.send().empty()) return invalid(field, "has keys, but suite SRTP_NONE");
        return converted;
    }
    const auto& facts = srtp::facts(converted.suite);
    const std::size_t wanted = facts.key_bytes + facts.salt_bytes;
    if (keys.receive().empty() && keys.send().empty()) return invalid(field, "has a suite, but no key");
    for (const auto& [name, value] : {std::pair{".receive", &keys.receive()}, std::pair{".send", &keys.send()}})
        if (!value->empty() && value->size() != wanted)  // empty: not known yet
            return invalid(field + name, "has " + std::to_string(value->size()) + " bytes; " +
                                             std::string(facts.sdes_name) + " takes " + std::to_string(wanted));
    converted.receive = srtp::SecretBytes(as_bytes(keys.receive()));
    converted.send = srtp::SecretBytes(as_bytes(keys.send()));
    if (keys.has_used()) {
        auto used = key_use_from(field + ".used", keys.used());
        if (!used) return used.error();
        converted.used = std::move(*used);
    }
    if (keys.receive_mki().size() > srtp::limits::mki_bytes)
        return invalid(field + ".receive_mki", "has " + std::to_string(keys.receive_mki().size()) +
                                                   " bytes; most are " + std::to_string(srtp::limits::mki_bytes));
    if (keys.receive_lifetime() > srtp::limits::packet_index + 1)
        return invalid(field + ".receive_lifetime", "is more than 2^48");
    converted.receive_mki.assign(keys.receive_mki().begin(), keys.receive_mki().end());
    converted.receive_lifetime = keys.receive_lifetime();
    return converted;
}

Converted<std::vector<PayloadMap>> payload_map_from(const std::string& field, const pb::Leg& leg) {
    std::vector<PayloadMap> map;
    std::bitset<limits::payload_types> seen;
    for (int i = 0; i < leg.payload_map_size(); ++i) {
        const auto& entry = leg.payload_map(i);
        const std::string name = field + ".payload_map[" + std::to_string(i) + "]";
        if (entry.from() >= limits::payload_types || entry.to() >= limits::payload_types)
            return invalid(name, "payload types are 0..127");
        if (seen.test(entry.from())) return invalid(name, "type " + std::to_string(entry.from()) + " is mapped twice");
        seen.set(entry.from());
        map.push_back({static_cast<std::uint8_t>(entry.from()), static_cast<std::uint8_t>(entry.to())});
    }
    return map;
}

Converted<std::vector<TelephoneEventType>> telephone_events_from(const std::string& field, const pb::Leg& leg) {
    if (leg.telephone_events_size() > static_cast<int>(TelephoneEvents::most_types))
        return invalid(field + ".telephone_events", "are " + std::to_string(leg.telephone_events_size()) +
                                                        " types; possible are " +
                                                        std::to_string(TelephoneEvents::most_types));
    std::vector<TelephoneEventType> types;
    std::bitset<limits::payload_types> seen;
    for (int i = 0; i < leg.telephone_events_size(); ++i) {
        const auto& entry = leg.telephone_events(i);
        const std::string name = field + ".telephone_events[" + std::to_string(i) + "]";
        if (entry.payload_type() >= limits::payload_types) return invalid(name + ".payload_type", "is not in 0..127");
        if (seen.test(entry.payload_type()))
            return invalid(name, "type " + std::to_string(entry.payload_type()) + " is named twice");
        seen.set(entry.payload_type());
        if (entry.clock_rate() < limits::least_clock_rate || entry.clock_rate() > limits::clock_rate)
            return invalid(name + ".clock_rate", std::to_string(entry.clock_rate()) + " Hz is not in 1000..1000000");
        const std::uint32_t sent = entry.sent_clock_rate() == 0 ? entry.clock_rate() : entry.sent_clock_rate();
        if (sent < limits::least_clock_rate || sent > limits::clock_rate)
            return invalid(name + ".sent_clock_rate", std::to_string(sent) + " Hz is not in 1000..1000000");
        types.push_back({static_cast<std::uint8_t>(entry.payload_type()), entry.clock_rate(), sent});
    }
    return types;
}

Converted<Latched> latched_from(const std::string& field, const pb::Latched& latched) {
    Latched converted;
    converted.authenticated = latched.authenticated();
    const auto convert = [&](const char* name, bool given, const pb::Endpoint& from,
                             Endpoint& to) -> std::optional<Refusal> {
        if (!given) return std::nullopt;
        auto endpoint = endpoint_from(field + name, from);
        if (!endpoint) return endpoint.error();
        to = *endpoint;
        return std::nullopt;
    };
    if (auto refusal = convert(".rtp", latched.has_rtp(), latched.rtp(), converted.rtp)) return *refusal;
    if (auto refusal = convert(".rtcp", latched.has_rtcp(), latched.rtcp(), converted.rtcp)) return *refusal;
    if (auto refusal = convert(".signalled", latched.has_signalled(), latched.signalled(), converted.signalled))
        return *refusal;
    return converted;
}

std::optional<Refusal> convert_addresses(const std::string& field, const pb::Leg& leg, LegChange& change) {
    if (leg.has_remote()) {
        auto remote = endpoint_from(field + ".remote", leg.remote());
        if (!remote) return remote.error();
        change.remote = *remote;
    }
    if (leg.has_remote_rtcp()) {
        auto remote = endpoint_from(field + ".remote_rtcp", leg.remote_rtcp());
        if (!remote) return remote.error();
        change.remote_rtcp = *remote;
    }
    if (leg.has_latched()) {
        auto latched = latched_from(field + ".latched", leg.latched());
        if (!latched) return latched.error();
        change.latched = *latched;
    }
    return std::nullopt;
}

std::optional<Refusal> convert_media(const std::string& field, const pb::Leg& leg, LegChange& change) {
    if (leg.has_keys()) {
        auto keys = keys_from(field + ".keys", leg.keys());
        if (!keys) return keys.error();
        change.keys = std::move(*keys);
    }
    if (leg.has_direction()) {
        if (!pb::Direction_IsValid(leg.direction())) return invalid(field + ".direction", "is not a known value");
        change.direction = static_cast<Direction>(leg.direction());
    }
    if (leg.has_latching()) {
        if (!pb::Latching_IsValid(leg.latching())) return invalid(field + ".latching", "is not a known value");
        change.latching = static_cast<Latching>(leg.latching());
    }
    if (leg.has_transport()) {
        if (!pb::Transport_IsValid(leg.transport())) return invalid(field + ".transport", "is not a known value");
        change.udptl = leg.transport() == pb::TRANSPORT_UDPTL;
    }
    if (leg.has_reports()) change.reports = leg.reports();
    if (leg.replace_payload_map()) {
        auto map = payload_map_from(field, leg);
        if (!map) return map.error();
        change.payload_map = std::move(*map);
        change.drop_unmapped = leg.drop_unmapped();
        auto events = telephone_events_from(field, leg);
        if (!events) return events.error();
        change.telephone_events = std::move(*events);
    } else if (leg.telephone_events_size() != 0) {
        return invalid(field + ".telephone_events", "are given without replace_payload_map");
    } else if (leg.drop_unmapped()) {
        return invalid(field + ".drop_unmapped", "is given without replace_payload_map");
    } else if (leg.payload_map_size() != 0) {
        return invalid(field + ".payload_map", "is given without replace_payload_map");
    }
    if (leg.clock_rate() > limits::clock_rate)
        return invalid(field + ".clock_rate", "is above " + std::to_string(limits::clock_rate) + " Hz");
    if (leg.clock_rate() != 0) change.clock_rate = leg.clock_rate();
    if (leg.codec().size() > limits::codec_bytes)
        return invalid(field + ".codec", "is longer than " + std::to_string(limits::codec_bytes) + " bytes");
    if (!leg.codec().empty()) {
        if (auto refusal = check_name(field + ".codec", leg.codec())) return refusal;
        change.codec = leg.codec();
    }
    if (leg.has_pace()) change.pace = Pace::of(leg.pace().packets_per_second(), leg.pace().bytes_per_second());
    if (!pb::MediaKind_IsValid(leg.media())) return invalid(field + ".media", "is not a known value");
    if (leg.media() != pb::MEDIA_KIND_UNSPECIFIED) change.video = leg.media() == pb::MEDIA_KIND_VIDEO;
    return std::nullopt;
}

Converted<LegChange> leg_from(const std::string& field, const pb::Leg& leg) {
    if (leg.stream() >= max_streams)
        return invalid(field + ".stream",
                       std::to_string(leg.stream()) + " is not below " + std::to_string(max_streams));
    if (!pb::Side_IsValid(leg.side())) return invalid(field + ".side", "is not a known value");
    LegChange change;
    change.stream = leg.stream();
    change.side = static_cast<Side>(leg.side());
    change.relearn = leg.relearn();
    change.disabled = leg.disabled();
    if (auto refusal = convert_addresses(field, leg, change)) return *refusal;
    if (auto refusal = convert_media(field, leg, change)) return *refusal;
    return change;
}

}  // namespace

Converted<std::vector<LegChange>> legs_from(const google::protobuf::RepeatedPtrField<pb::Leg>& legs) {
    std::vector<LegChange> changes;
    std::bitset<2 * max_streams> seen;
    for (int i = 0; i < legs.size(); ++i) {
        const std::string field = "legs[" + std::to_string(i) + "]";
        auto leg = leg_from(field, legs[i]);
        if (!leg) return leg.error();
        const std::size_t place = leg->stream * 2 + static_cast<std::size_t>(leg->side);
        if (seen.test(place)) return invalid(field, "its stream and side were named before");
        seen.set(place);
        changes.push_back(std::move(*leg));
    }
    return changes;
}

Converted<std::vector<LocalEndpoint>> restore_from(const pb::Allocate& command) {
    std::vector<LocalEndpoint> restore;
    if (command.restore_size() > static_cast<int>(2 * max_streams))
        return invalid("restore", "has more legs than a session");
    for (int i = 0; i < command.restore_size(); ++i) {
        const auto& wish = command.restore(i);
        const std::string field = "restore[" + std::to_string(i) + "]";
        if (wish.stream() >= max_streams) return invalid(field + ".stream", "is not below 16");
        if (!pb::Side_IsValid(wish.side())) return invalid(field + ".side", "is not a known value");
        auto rtp = endpoint_from(field + ".rtp", wish.rtp());
        if (!rtp) return rtp.error();
        LocalEndpoint local{wish.stream(), static_cast<Side>(wish.side()), *rtp, {}};
        if (wish.has_rtcp()) {
            auto rtcp = endpoint_from(field + ".rtcp", wish.rtcp());
            if (!rtcp) return rtcp.error();
            local.rtcp = *rtcp;
        }
        restore.push_back(local);
    }
    return restore;
}

}  // namespace sallyport::media::rpc
