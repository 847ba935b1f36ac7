#include "media-plane/core/leg_change.h"

#include <limits>

namespace sallyport::media {
namespace {

constexpr std::uint32_t lowest_clock_rate = 1000;
constexpr std::uint32_t highest_clock_rate = 1'000'000;

std::string name_of(const LegChange& change) {
    return "legs[stream " + std::to_string(change.stream) + ", side " + (change.side == Side::a ? "a" : "b") + "]";
}

// Where media may be sent: nowhere that a c= line could misuse us for.
std::optional<std::string> why_not(const Endpoint& remote, const IpAddress& local, const Barred& barred,
                                   MediaPortIndex port) {
    const IpAddress& a = remote.address;
    if (a.empty()) return "no address";
    if (a.is_unspecified()) return std::nullopt;  // hold
    if (a.family != local.family) return a.to_string() + " is not of the local address's family";
    if (a.is_multicast()) return a.to_string() + " is not a unicast address";
    if (a.is_loopback() && !local.is_loopback()) return a.to_string() + " is a loopback address";
    if (a.is_link_local() && !local.is_link_local()) return a.to_string() + " is a link-local address";
    if (remote.port == 0) return "port 0";
    return barred.why_not(a, port);
}

std::optional<Refusal> check_fields(const LegChange& change, const IpAddress& local, const Barred& barred,
                                    MediaPortIndex port, const std::string& where) {
    // A disabled m-line has port 0 and what address its writer liked: nothing is sent there.
    if (!change.disabled && change.remote)
        if (const auto why = why_not(*change.remote, local, barred, port))
            return Refusal{Code::invalid, where + ".remote: " + *why};
    if (!change.disabled && change.remote_rtcp)
        if (const auto why = why_not(*change.remote_rtcp, local, barred, port))
            return Refusal{Code::invalid, where + ".remote_rtcp: " + *why};
    if (change.clock_rate && (*change.clock_rate < lowest_clock_rate || *change.clock_rate > highest_clock_rate))
        return Refusal{Code::invalid, where + ".clock_rate: " + std::to_string(*change.clock_rate) + " Hz"};
    if (change.payload_map)
        for (const PayloadMap& entry : *change.payload_map)
            if (entry.from >= rtp::payload_types || entry.to >= rtp::payload_types)
                return Refusal{Code::invalid, where + ".payload_map: payload types are 0 to 127"};
    return std::nullopt;
}

// RFC 3550 11: RTCP is on the next port, unless signaling says otherwise (RFC 3605).
Endpoint rtcp_beside(const Endpoint& rtp) {
    if (rtp.port == std::numeric_limits<std::uint16_t>::max()) return {};
    return {rtp.address, static_cast<std::uint16_t>(rtp.port + 1)};
}

// True if the peer has another address than before.
bool apply_remote(const LegChange& change, Leg& leg, TimePoint now) {
    bool moved = false;
    const Endpoint rtp_before = leg.rtp.remote(), rtcp_before = leg.rtcp.remote();
    if (change.remote) {
        leg.held = change.remote->address.is_unspecified();
        if (!leg.held && leg.rtp.signal(*change.remote)) {
            leg.relearn();
            moved = true;
            leg.rtcp.signal(rtcp_beside(*change.remote));
        }
    }
    if (change.remote_rtcp && !leg.held)
        leg.rtcp.signal(change.remote_rtcp->address.is_unspecified() ? Endpoint{} : *change.remote_rtcp);
    if (moved) {
        const auto departed = [](const Endpoint& before, const Latch& after) {
            return before == after.remote() ? Endpoint{} : before;
        };
        leg.remember_departed({departed(rtp_before, leg.rtp), departed(rtcp_before, leg.rtcp), now + Departed::time});
    }
    return moved;
}

}  // namespace

std::optional<Refusal> LegChanges::prepare(const LegChange& change, const Leg* current, const IpAddress& local,
                                           MediaPortIndex port) {
    const std::string where = name_of(change);
    for (const Prepared& p : prepared_)
        if (p.change->stream == change.stream && p.change->side == change.side)
            return Refusal{Code::invalid, where + ": named twice"};
    if (auto refusal = check_fields(change, local, barred_, port, where)) return refusal;
    const bool secure = change.keys ? change.keys->suite != srtp::Suite::none : current && current->secure();
    if (secure && change.udptl.value_or(current && current->udptl))
        return Refusal{Code::invalid, where + ".udptl: not on a leg with SRTP keys"};
    Prepared prepared;
    prepared.change = &change;
    if (change.keys)
        if (auto refusal = make_contexts(*change.keys, current, where + ".keys", prepared)) return refusal;
    prepared_.push_back(std::move(prepared));
    return std::nullopt;
}

std::optional<Refusal> LegChanges::make_contexts(const Keys& keys, const Leg* current, const std::string& where,
                                                 Prepared& out) {
    if (keys.suite == srtp::Suite::none) {
        if (keys.receive.empty() && keys.send.empty()) return std::nullopt;
        return Refusal{Code::invalid, where + ": keys without a suite"};
    }
    if (!engine_.supports(keys.suite))
        return Refusal{Code::unsupported, where + ".suite: " + std::string(srtp::facts(keys.suite).sdes_name)};
    const auto make = [&](const srtp::SecretBytes& key, const std::unique_ptr<srtp::CryptoContext>* old, bool inbound,
                          std::unique_ptr<srtp::CryptoContext>& context) -> std::optional<Refusal> {
        const std::string field = where + (inbound ? ".receive" : ".send");
        if (key.empty()) return std::nullopt;                                           // not known yet
        if (old && *old && (*old)->key().equals(keys.suite, key)) return std::nullopt;  // the same: its ROC goes on
        auto made = engine_.create(keys.suite, key, inbound);
        if (made.has_value()) {
            if (keys.used && !engine_.resume(**made, inbound ? keys.used->received : keys.used->sent))
                return Refusal{Code::invalid, field + ": used in a way that cannot be gone on with"};
            context = std::move(*made);
            return std::nullopt;
        }
        if (made.error() != srtp::EngineErrc::bad_key_length)
            return Refusal{Code::overloaded, field + ": no SRTP context could be made"};
        return Refusal{Code::invalid, field + ": " + std::to_string(key.size()) + " bytes, needed are " +
                                          std::to_string(srtp::key_material_bytes(keys.suite))};
    };
    if (auto refusal = make(keys.receive, current ? &current->receive_context : nullptr, true, out.receive))
        return refusal;
    return make(keys.send, current ? &current->send_context : nullptr, false, out.send);
}

void LegChanges::apply(Prepared& prepared, Leg& leg, TimePoint now) {
    const LegChange& change = *prepared.change;
    leg.disabled = change.disabled;
    const bool peer_moved = !change.disabled && apply_remote(change, leg, now);
    if (change.keys) apply_keys(*change.keys, prepared, leg, peer_moved, now);
    if (change.udptl && *change.udptl != leg.udptl) {
        leg.udptl = *change.udptl;
        leg.expected_since = TimePoint{};  // what it is now has yet to begin
    }
    if (change.reports) leg.wants_reports = *change.reports;
    if (change.direction) leg.direction = *change.direction;
    if (change.latching && *change.latching != leg.latching) {
        leg.latching = *change.latching;
        // What the old mode has learnt stays only if the new one would have learnt it too.
        const Latch learnt = leg.rtp;
        leg.rtp.forget();
        if (learnt.latched() && leg.judge(false, learnt.remote()) == Judgement::peer)
            leg.rtp.latch(learnt.remote());
        else
            leg.rtcp.forget();
    }
    if (change.payload_map) {
        leg.payload_types.set(*change.payload_map, change.drop_unmapped);
        leg.maps_payload = leg.payload_types.changes_any();
        if (!leg.telephone && !change.telephone_events.empty()) leg.telephone = std::make_unique<TelephoneEvents>();
        if (leg.telephone) leg.telephone->set_types(change.telephone_events);  // and what was counted stays
    }
    if (change.clock_rate && *change.clock_rate != leg.flow->clock_rate) {
        leg.flow->set_clock_rate(*change.clock_rate);
        leg.reception.restart_jitter();
        leg.expected_since = TimePoint{};  // its last arrival is forgotten: silence is counted from now on
    }
    if (change.codec) leg.codec.set(*change.codec);
    if (change.pace) leg.pace = *change.pace;
    if (change.video) leg.video = *change.video;
    if (change.relearn) {
        leg.relearn();
        if (leg.held) {  // nobody: not on hold, but gone, and nothing of it is heard any more
            leg.rtp.signal({});
            leg.rtcp.signal({});
        }
    } else if (change.latched && !change.disabled) {
        leg.resume_latch(*change.latched);
    }
}

namespace {

// Said with every command; what was counted and told of the key stays.
std::unique_ptr<KeyTerms> terms_of(const Keys& keys, bool new_key, const KeyTerms* before) {
    if (keys.receive.empty() || (keys.receive_mki.empty() && keys.receive_lifetime == 0)) return nullptr;
    if (!new_key && before && before->says(keys.receive_mki, keys.receive_lifetime))
        return std::make_unique<KeyTerms>(*before);
    auto terms = std::make_unique<KeyTerms>(keys.receive_mki, keys.receive_lifetime);
    if (!new_key && before)
        terms->go_on(before->packets(false), before->packets(true));
    else if (new_key && keys.used)
        terms->go_on(keys.used->received_packets, keys.used->received_srtcp);
    return terms;
}

}  // namespace

void LegChanges::apply_keys(const Keys& keys, Prepared& prepared, Leg& leg, bool peer_moved, TimePoint now) {
    const bool same_suite = keys.suite == leg.suite;
    auto terms = terms_of(keys, prepared.receive != nullptr, leg.key_terms());
    // What a plain leg believed was never authenticated.
    if (!leg.secure() && keys.suite != srtp::Suite::none) leg.relearn();
    leg.suite = keys.suite;
    if (prepared.receive) {
        leg.retire_key(engine_, now);
        if (same_suite && leg.receive_context) engine_.continue_from(*prepared.receive, std::move(leg.receive_context));
        leg.receive_context = std::move(prepared.receive);
    } else if (keys.receive.empty()) {
        leg.receive_context.reset();
        leg.forget_retired_key();
    }
    leg.set_key_terms(std::move(terms));
    if (prepared.send) {
        // RFC 4568 7.1.4: towards another address it is a new context, counting from zero.
        if (same_suite && leg.send_context && !peer_moved)
            engine_.continue_from(*prepared.send, std::move(leg.send_context));
        leg.send_context = std::move(prepared.send);
        leg.numbering = {};  // the new key's use says where it goes on
    } else if (keys.send.empty()) {
        leg.send_context.reset();
    }
}

}  // namespace sallyport::media
