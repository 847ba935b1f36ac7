#include "media-plane/rpc/media_convert.h"

#include <string.h>  // explicit_bzero

#include <algorithm>
#include <optional>

#include "control/base/check.h"
#include "media-plane/rpc/leg_convert.h"

namespace sallyport::media::rpc {
namespace {

std::optional<Refusal> check_label(const std::string& field, const std::string& value) {
    if (value.size() <= limits::label_bytes) return std::nullopt;
    return invalid(field, "is longer than " + std::to_string(limits::label_bytes) + " bytes");
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
    copy(used.received.srtcp_received, *out.mutable_srtcp_received());
    out.set_sent_unlisted_from(used.sent.unlisted_from);
    out.set_received_packets(used.received_packets);
    out.set_received_srtcp_packets(used.received_srtcp);
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
    const auto takes = [&](pb::Feature feature) {
        return std::find(named.begin(), named.end(), feature) != named.end();
    };
    return HelloFields{hello.client(),
                       hello.epoch(),
                       hello.lease_seconds(),
                       takes(pb::FEATURE_SILENCE),
                       takes(pb::FEATURE_TELEPHONE_EVENTS),
                       hello.telephone_event_codes(),
                       takes(pb::FEATURE_SENDING),
                       takes(pb::FEATURE_TOGETHER),
                       takes(pb::FEATURE_KEY_TERMS)};
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
    allocate.emergency = command.emergency();
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
    if (message.has_commands())
        for (auto& command : *message.mutable_commands()->mutable_commands()) wipe_keys(command);
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
        case Code::draining: return pb::CODE_DRAINING;
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
        case EventKind::not_sent:
            out.set_kind(pb::EVENT_NOT_SENT);
            out.set_drop(std::string(to_string(event.drop)));
            break;
        case EventKind::key_ends: out.set_kind(pb::EVENT_KEY_ENDS); break;
        case EventKind::sent_again: out.set_kind(pb::EVENT_SENT_AGAIN); break;
        case EventKind::telephone_event: {
            out.set_kind(pb::EVENT_TELEPHONE_EVENT);
            auto& told = *out.mutable_telephone_event();
            told.set_code(event.telephone.code);
            told.set_duration_ms(static_cast<std::uint32_t>(
                std::chrono::duration_cast<std::chrono::milliseconds>(event.telephone.duration).count()));
            told.set_unended(!event.telephone.ended);
            break;
        }
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
