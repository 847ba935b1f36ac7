#include "signaling/stack/relay.h"

#include <utility>
#include <variant>

#include "signaling/b2bua/asker.h"
#include "signaling/b2bua/cause.h"
#include "signaling/b2bua/headers.h"
#include "signaling/b2bua/identity.h"
#include "signaling/b2bua/methods.h"
#include "signaling/b2bua/next_hop.h"
#include "signaling/policy/caller.h"
#include "signaling/policy/numbering.h"
#include "signaling/sip/limits.h"

namespace sallyport::stack {

using sip::HeaderName;

namespace {

constexpr std::uint16_t temporarily_unavailable = 480, too_large = 513;
constexpr std::size_t call_id_tries = 256;  // one of N shards is home: a miss in all of these does not happen

// The answer comes to the shard of its Call-ID.
std::string home_call_id(b2bua::Context& cx) {
    std::string id = cx.random.token(16);
    for (std::size_t i = 0; i < call_id_tries && !cx.settings.is_home(id); ++i) id = cx.random.token(16);
    return id;
}

b2bua::Targets::Surroundings around(b2bua::Context& cx) { return {cx.settings.realms, cx.health, cx.now, cx.random}; }

const config::Carrier& carrier_of(const config::Snapshot& config, const std::string& id) {
    static const config::Carrier none;
    const auto found = config.carriers.find(id);
    return found == config.carriers.end() ? none : found->second;
}

}  // namespace

Relay::Begun Relay::begin(const transaction::Request& request, const policy::Party& carrier,
                          const config::SnapshotPtr& config, b2bua::Context& cx) {
    const auto uri = sip::parse_uri(request.message.request_uri());
    const auto& from = carrier_of(*config, carrier.id);
    if (!uri.has_value() || policy::has_phone_context(*uri)) return Begun::no_number;
    auto called = policy::called_number(*uri, from.numbering, from.domain);
    if (called.kind != policy::NumberKind::global) return Begun::no_number;
    const auto* trunk = config->trunk_by_number(called.text);
    if (trunk == nullptr)
        return config->disabled_trunk_by_number(called.text) == nullptr ? Begun::unknown_number : Begun::not_reachable;
    if (policy::asks_for_unknown_privacy(request.message)) return Begun::privacy_not_possible;
    // Who waits for an answer of DNS that has never come is forgotten once there is need of his place.
    for (auto at = pending_.begin(); pending_.size() >= most && at != pending_.end();)
        if (const auto old = at++; cx.layer.request_of(old->second.server) == nullptr) forget(old);
    if (pending_.size() >= most) return Begun::too_many;
    auto targets = b2bua::Targets::to_trunk(*trunk, cx.locations.usable(trunk->id, cx.now), called.text, around(cx));
    if (!targets.outlook()) return Begun::not_reachable;
    last_ = (last_ + 1) % b2bua::asker_numbers;
    const auto at = pending_
                        .insert_or_assign(last_, Pending{request.server, request.flow.remote, config, trunk->id,
                                                         carrier.id, std::move(called.text), home_call_id(cx),
                                                         cx.random.token(8), std::move(targets)})
                        .first;
    go_on(at, cx);
    return Begun::carried;
}

void Relay::go_on(All::iterator at, b2bua::Context& cx) { take(at, at->second.targets.next(around(cx)), cx); }

void Relay::take(All::iterator at, b2bua::Targets::Step step, b2bua::Context& cx) {
    Pending& pending = at->second;
    if (cx.layer.request_of(pending.server) == nullptr) return forget(at);
    if (const auto* questions = std::get_if<std::vector<locate::Question>>(&step)) {
        for (const auto& question : *questions)
            cx.out.emplace_back(b2bua::Resolve{b2bua::dns_token(b2bua::Asker::relay, at->first), question});
        return;
    }
    if (auto* hop = std::get_if<b2bua::Hop>(&step)) {
        pending.hop = std::move(*hop);
        return send(at, cx);
    }
    end(at, pending.refused != 0 ? b2bua::relayed_status(pending.refused, false) : temporarily_unavailable, nullptr,
        cx);
}

void Relay::on_dns(std::uint64_t number, const locate::Answer& answer, b2bua::Context& cx) {
    const auto at = pending_.find(number);
    if (at != pending_.end() && !at->second.hop) take(at, at->second.targets.resume(answer, around(cx)), cx);
}

// The next place gets the same request with a new branch (RFC 3263 4.3).
void Relay::send(All::iterator at, b2bua::Context& cx) {
    Pending& pending = at->second;
    b2bua::Hop& hop = *pending.hop;
    const auto* request = cx.layer.request_of(pending.server);
    if (request == nullptr) return forget(at);
    std::string text = compose(pending, *request, cx);
    const auto stream =
        b2bua::stream_for(hop.flow, hop.large, text.size(), cx.realm(hop.flow.realm), cx.health, cx.now);
    if (stream) {
        const Flow datagrams = std::exchange(hop.flow, *stream);
        if (hop.large == b2bua::StreamUse::first) hop.datagram_flow = datagrams;
        text = compose(pending, *request, cx);
    }
    pending.client = cx.layer.send(hop.flow, std::move(text), hop.tls_name, cx.now, cx.effects);
    asked_[pending.client] = at->first;
}

std::string Relay::compose(const Pending& pending, const sip::Message& request, b2bua::Context& cx) const {
    const config::Trunk& trunk = pending.config->trunks.find(pending.trunk)->second;
    const b2bua::Parties parties{trunk, carrier_of(*pending.config, pending.carrier)};
    const auto identity = b2bua::identity_to_pbx(request, pending.called, parties);
    const b2bua::Hop& hop = *pending.hop;
    auto composer = sip::Composer::request(request.method_text(), hop.request_uri);
    composer.add(HeaderName::via, b2bua::via_of(cx.realm(hop.flow.realm), hop.flow, cx.layer.new_branch()))
        .add(HeaderName::max_forwards, std::to_string(request.max_forwards().value_or(sip::limits::max_forwards) - 1));
    for (const auto& route : hop.routes) composer.add(HeaderName::route, route);
    composer.add(HeaderName::from, identity.from + ";tag=" + pending.from_tag)
        .add(HeaderName::to, identity.to)
        .add(HeaderName::call_id, pending.call_id)
        .add(HeaderName::cseq, "1 " + std::string(request.method_text()))
        .add(HeaderName::user_agent, cx.settings.server_header);
    identity.asserted.add_to(composer);
    b2bua::copy_crossing(request, composer, identity.asserted.hidden ? b2bua::Sender::hidden : b2bua::Sender::known);
    const auto type =
        request.body().empty() ? std::string_view() : request.first(HeaderName::content_type).value_or("text/plain");
    return composer.finish(type, request.body());
}

Relay::All::iterator Relay::asked(transaction::ClientId client) {
    const auto found = asked_.find(client);
    return found == asked_.end() ? pending_.end() : pending_.find(found->second);
}

bool Relay::on_response(const transaction::Response& response, b2bua::Context& cx) {
    const auto at = asked(response.client);
    if (at == pending_.end()) return false;
    const auto status = response.message.status();
    if (status < 200) return true;
    const std::string& key = at->second.hop->health_key;
    if (status != 503) {
        if (status != 408) cx.health.noticed_alive(key);
        end(at, status < 300 ? status : b2bua::relayed_status(status, false), &response.message, cx);
        return true;
    }
    // RFC 3261 21.5.4, RFC 3263 4.3: it takes nothing now, and others may.
    const auto seconds = sip::parse_retry_after(response.message.first(HeaderName::retry_after).value_or(""));
    if (seconds && cx.health.pause(key, std::chrono::seconds(*seconds), cx.now))
        cx.out.emplace_back(
            b2bua::LogFact{b2bua::Severity::warning,
                           "target-paused",
                           {},
                           at->second.trunk,
                           at->second.hop->text() + " asks for " + std::to_string(*seconds) + " s without messages"});
    at->second.refused = status;
    leave_place(at);
    go_on(at, cx);
    return true;
}

bool Relay::on_client_failed(const transaction::ClientFailed& failed, b2bua::Context& cx) {
    const auto at = asked(failed.client);
    if (at == pending_.end()) return false;
    b2bua::Hop& hop = *at->second.hop;
    if (failed.failure == transaction::Failure::transport && hop.datagram_flow) {
        // RFC 3261 18.1.1: TCP is refused there, so it goes over UDP after all.
        cx.health.refused_stream(hop.flow.remote, cx.now);
        hop.flow = *std::exchange(hop.datagram_flow, std::nullopt);
        hop.large = b2bua::StreamUse::never;
        asked_.erase(failed.client);
        send(at, cx);
        return true;
    }
    if (failed.failure == transaction::Failure::too_large) {
        at->second.refused = too_large;
    } else if (!hop.health_key.empty()) {
        cx.health.suspect(hop.health_key);
    }
    // Who waited for 32 s has given up (RFC 4320), and its transaction with it.
    if (failed.failure == transaction::Failure::timeout) {
        end(at, temporarily_unavailable, nullptr, cx);
        return true;
    }
    leave_place(at);
    go_on(at, cx);
    return true;
}

void Relay::leave_place(All::iterator at) {
    asked_.erase(at->second.client);
    at->second.client = {};
    at->second.hop.reset();
}

void Relay::end(All::iterator at, std::uint16_t status, const sip::Message* heard, b2bua::Context& cx) {
    answer(at->second, status, heard, cx);
    forget(at);
}

void Relay::forget(All::iterator at) {
    asked_.erase(at->second.client);
    pending_.erase(at);
}

void Relay::answer(const Pending& pending, std::uint16_t status, const sip::Message* heard, b2bua::Context& cx) const {
    const auto* request = cx.layer.request_of(pending.server);
    if (request == nullptr) return;
    auto composer = sip::respond(*request, status, cx.random.token(8), &pending.source);
    if (request->method() == sip::Method::options && status < 300)
        composer.add(HeaderName::allow, b2bua::methods_in_dialog).add(HeaderName::accept, "application/sdp");
    composer.add(HeaderName::server, cx.settings.server_header);
    if (heard != nullptr) {
        const b2bua::Parties parties{pending.config->trunks.find(pending.trunk)->second,
                                     carrier_of(*pending.config, pending.carrier)};
        const auto asserted = b2bua::asserted_in_call(*heard, false, parties);
        asserted.add_to(composer);
        b2bua::copy_crossing(*heard, composer, asserted.hidden ? b2bua::Sender::hidden : b2bua::Sender::known);
    }
    cx.layer.respond(pending.server, status, composer.finish(), cx.now, cx.effects);
}

}  // namespace sallyport::stack
