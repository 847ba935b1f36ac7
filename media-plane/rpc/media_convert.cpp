#include "media-plane/rpc/media_convert.h"

#include <string.h>  // explicit_bzero

#include <algorithm>
#include <bitset>
#include <optional>

#include "control/base/check.h"

namespace sallyport::media::rpc {
namespace {

Refusal invalid(const std::string& field, const std::string& why) { return {Code::invalid, field + ": " + why}; }

// Names end up in logs, lists and page tokens: printable, without spaces.
std::optional<Refusal> check_name(const std::string& field, const std::string& value) {
    if (value.empty()) return invalid(field, "is missing");
    if (value.size() > limits::name_bytes)
        return invalid(field, "is longer than " + std::to_string(limits::name_bytes) + " bytes");
    const bool printable = std::all_of(value.begin(), value.end(), [](char c) { return c > ' ' && c < 0x7f; });
    if (!printable) return invalid(field, "has a character other than printable ASCII without space");
    return std::nullopt;
}

std::optional<Refusal> check_label(const std::string& field, const std::string& value) {
    if (value.size() <= limits::label_bytes) return std::nullopt;
    return invalid(field, "is longer than " + std::to_string(limits::label_bytes) + " bytes");
}

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
                                                     std::size_t most) {
    if (from.size() > static_cast<int>(most)) return invalid(field, "has more than " + std::to_string(most) + " SSRCs");
    std::vector<srtp::SsrcIndex> indices;
    for (const auto& entry : from) {
        const auto same = [&](const srtp::SsrcIndex& known) { return known.ssrc == entry.ssrc(); };
        if (std::any_of(indices.begin(), indices.end(), same)) return invalid(field, "names an SSRC twice");
        if (entry.index() > srtp::limits::packet_index) return invalid(field, "has an index of more than 48 bits");
        indices.push_back({entry.ssrc(), entry.index()});
    }
    return indices;
}

Converted<KeyUse> key_use_from(const std::string& field, const pb::KeyUse& used) {
    auto received = indices_from(field + ".received", used.received(), srtp::limits::inbound_ssrcs);
    if (!received) return received.error();
    auto sent = indices_from(field + ".sent", used.sent(), srtp::limits::outbound_ssrcs);
    if (!sent) return sent.error();
    if (used.srtcp_sent() > srtp::limits::srtcp_index)
        return invalid(field + ".srtcp_sent", "is an index of more than 31 bits");
    return KeyUse{{std::move(*received), 0}, {std::move(*sent), used.srtcp_sent()}};
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

template <class Legs>
Converted<std::vector<LegChange>> legs_from(const Legs& legs) {
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

std::optional<Refusal> check_allocate(const pb::Allocate& command) {
    if (auto refusal = check_name("session", command.session())) return refusal;
    if (auto refusal = check_name("port_a", command.port_a())) return refusal;
    if (auto refusal = check_name("port_b", command.port_b())) return refusal;
    if (auto refusal = check_label("call", command.call())) return refusal;
    if (auto refusal = check_label("trunk", command.trunk())) return refusal;
    if (!pb::Family_IsValid(command.family_a())) return invalid("family_a", "is not a known value");
    if (!pb::Family_IsValid(command.family_b())) return invalid("family_b", "is not a known value");
    if (command.streams() < 1 || command.streams() > max_streams)
        return invalid("streams", std::to_string(command.streams()) + " is not in 1.." + std::to_string(max_streams));
    if (command.inactivity_seconds() > limits::inactivity_seconds)
        return invalid("inactivity_seconds", "is above " + std::to_string(limits::inactivity_seconds));
    return std::nullopt;
}

void fill(pb::KeyUse& out, const KeyUse& used) {
    const auto copy = [](const std::vector<srtp::SsrcIndex>& from, auto& to) {
        for (const auto& entry : from) {
            auto& added = *to.Add();
            added.set_ssrc(entry.ssrc);
            added.set_index(entry.index);
        }
    };
    copy(used.received.rtp, *out.mutable_received());
    copy(used.sent.rtp, *out.mutable_sent());
    out.set_srtcp_sent(used.sent.srtcp);
}

void fill(pb::Latched& out, const Latched& latched) {
    if (!latched.rtp.empty()) fill_endpoint(out.mutable_rtp(), latched.rtp);
    if (!latched.rtcp.empty()) fill_endpoint(out.mutable_rtcp(), latched.rtcp);
    if (!latched.signalled.empty()) fill_endpoint(out.mutable_signalled(), latched.signalled);
    out.set_authenticated(latched.authenticated);
}

}  // namespace

Converted<HelloFields> from_proto(const pb::Hello& hello) {
    if (auto refusal = check_name("hello.client", hello.client())) return *refusal;
    if (hello.lease_seconds() > limits::lease_seconds)
        return invalid("hello.lease_seconds", std::to_string(hello.lease_seconds()) + " is not in 0..3600");
    const auto& named = hello.features();
    const bool takes_silence = std::find(named.begin(), named.end(), pb::FEATURE_SILENCE) != named.end();
    return HelloFields{hello.client(), hello.epoch(), hello.lease_seconds(), takes_silence};
}

Converted<Allocate> from_proto(const std::string& client, const pb::Allocate& command) {
    if (auto refusal = check_allocate(command)) return *refusal;
    Allocate allocate;
    allocate.key = {client, command.session()};
    allocate.port_a = command.port_a();
    allocate.port_b = command.port_b();
    allocate.family_a = static_cast<Family>(command.family_a());
    allocate.family_b = static_cast<Family>(command.family_b());
    allocate.streams = command.streams();
    allocate.inactivity_seconds = command.inactivity_seconds();
    allocate.call = command.call();
    allocate.trunk = command.trunk();
    allocate.answered = command.answered();
    auto legs = legs_from(command.legs());
    if (!legs) return legs.error();
    allocate.legs = std::move(*legs);
    auto restore = restore_from(command);
    if (!restore) return restore.error();
    allocate.restore = std::move(*restore);
    return allocate;
}

Converted<Modify> from_proto(const std::string& client, const pb::Modify& command) {
    if (auto refusal = check_name("session", command.session())) return *refusal;
    if (command.streams() > max_streams)
        return invalid("streams", std::to_string(command.streams()) + " is above " + std::to_string(max_streams));
    auto legs = legs_from(command.legs());
    if (!legs) return legs.error();
    return Modify{{client, command.session()}, std::move(*legs), command.streams(), command.answered()};
}

Converted<Release> from_proto(const std::string& client, const pb::Release& command) {
    if (auto refusal = check_name("session", command.session())) return *refusal;
    return Release{.key = {client, command.session()}, .call_ends = command.call_ends()};
}

void wipe_keys(pb::ClientMessage& message) {
    const auto wipe = [](auto& legs) {
        for (auto& leg : legs) {
            if (!leg.has_keys()) continue;
            for (std::string* key : {leg.mutable_keys()->mutable_receive(), leg.mutable_keys()->mutable_send()})
                explicit_bzero(key->data(), key->size());
        }
    };
    if (message.has_allocate()) wipe(*message.mutable_allocate()->mutable_legs());
    if (message.has_modify()) wipe(*message.mutable_modify()->mutable_legs());
}

pb::Code to_proto(Code code) {
    switch (code) {
        case Code::ok: return pb::CODE_OK;
        case Code::invalid: return pb::CODE_INVALID;
        case Code::no_ports: return pb::CODE_NO_PORTS;
        case Code::no_session: return pb::CODE_NO_SESSION;
        case Code::stale_epoch: return pb::CODE_STALE_EPOCH;
        case Code::overloaded: return pb::CODE_OVERLOADED;
        case Code::unknown_port: return pb::CODE_UNKNOWN_PORT;
        case Code::unsupported: return pb::CODE_UNSUPPORTED;
    }
    SALLYPORT_CHECK(false);
}

pb::Reply to_proto(std::uint64_t sequence, const std::string& session, const Reply& reply) {
    pb::Reply out;
    out.set_sequence(sequence);
    out.set_code(to_proto(reply.code));
    out.set_text(reply.text);
    out.set_session(session);
    for (const auto& local : reply.local) {
        auto& endpoint = *out.add_local();
        endpoint.set_stream(local.stream);
        endpoint.set_side(static_cast<pb::Side>(local.side));
        fill_endpoint(endpoint.mutable_rtp(), local.rtp);
        fill_endpoint(endpoint.mutable_rtcp(), local.rtcp);
    }
    if (reply.statistics) *out.mutable_statistics() = to_proto(*reply.statistics);
    for (const auto& leg : reply.used) {
        auto& used = *out.add_used();
        used.set_stream(leg.stream);
        used.set_side(static_cast<pb::Side>(leg.side));
        fill(*used.mutable_used(), leg.used);
    }
    for (const auto& leg : reply.latched) {
        auto& latched = *out.add_latched();
        latched.set_stream(leg.stream);
        latched.set_side(static_cast<pb::Side>(leg.side));
        fill(*latched.mutable_latched(), leg.latched);
    }
    return out;
}

pb::Event to_proto(const Event& event) {
    pb::Event out;
    switch (event.kind) {
        case EventKind::first_packet: out.set_kind(pb::EVENT_FIRST_PACKET); break;
        case EventKind::latched: out.set_kind(pb::EVENT_LATCHED); break;
        case EventKind::inactivity: out.set_kind(pb::EVENT_INACTIVITY); break;
        case EventKind::srtp_auth_failures: out.set_kind(pb::EVENT_SRTP_AUTH_FAILURES); break;
        case EventKind::released: out.set_kind(pb::EVENT_RELEASED); break;
        case EventKind::silence: out.set_kind(pb::EVENT_SILENCE); break;
        case EventKind::heard_again: out.set_kind(pb::EVENT_HEARD_AGAIN); break;
        case EventKind::key_use:
            out.set_kind(pb::EVENT_KEY_USE);
            fill(*out.mutable_used(), event.used);
            break;
    }
    out.set_session(event.key.session);
    out.set_stream(event.stream);
    out.set_side(static_cast<pb::Side>(event.side));
    if (!event.endpoint.empty()) fill_endpoint(out.mutable_endpoint(), event.endpoint);
    out.set_count(event.count);
    out.set_one_way(event.one_way);
    if (event.latched) fill(*out.mutable_latched(), *event.latched);
    if (event.statistics) *out.mutable_statistics() = to_proto(*event.statistics);
    return out;
}

std::string page_token(const SessionKey& last) { return last.client + ' ' + last.session; }

Converted<SessionKey> from_page_token(const std::string& token) {
    if (token.empty()) return SessionKey{};
    const auto space = token.find(' ');
    if (space == token.npos || token.size() > 2 * limits::name_bytes + 1)
        return invalid("page_token", "was not given out by this server");
    return SessionKey{token.substr(0, space), token.substr(space + 1)};
}

}  // namespace sallyport::media::rpc
