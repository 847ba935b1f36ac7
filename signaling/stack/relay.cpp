#include "signaling/stack/relay.h"

#include <utility>
#include <variant>

#include "signaling/b2bua/cause.h"
#include "signaling/b2bua/headers.h"
#include "signaling/b2bua/identity.h"
#include "signaling/b2bua/methods.h"
#include "signaling/b2bua/next_hop.h"
#include "signaling/policy/numbering.h"
#include "signaling/sip/limits.h"

namespace sallyport::stack {

using sip::HeaderName;

namespace {

constexpr std::uint16_t temporarily_unavailable = 480;
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
    if (pending_.size() >= most) return Begun::too_many;
    auto targets = b2bua::Targets::to_trunk(*trunk, cx.locations.usable(trunk->id, cx.now), called.text, around(cx));
    if (!targets.outlook()) return Begun::not_reachable;
    try_next({request.server, request.flow.remote, config, trunk->id, carrier.id, std::move(called.text),
              std::move(targets)},
             cx);
    return Begun::carried;
}

void Relay::try_next(Pending pending, b2bua::Context& cx) {
    auto step = pending.targets.next(around(cx));
    const auto* hop = std::get_if<b2bua::Hop>(&step);
    const auto* request = cx.layer.request_of(pending.server);
    if (request == nullptr) return;
    if (hop == nullptr) return answer(pending, temporarily_unavailable, nullptr, cx);
    const config::Trunk& trunk = pending.config->trunks.find(pending.trunk)->second;
    const b2bua::Parties parties{trunk, carrier_of(*pending.config, pending.carrier)};
    const auto identity = b2bua::identity_to_pbx(*request, pending.called, parties);
    const Realm& realm = cx.realm(hop->flow.realm);
    auto composer = sip::Composer::request(request->method_text(), hop->request_uri);
    composer.add(HeaderName::via, b2bua::via_of(realm, hop->flow, cx.layer.new_branch()))
        .add(HeaderName::max_forwards, std::to_string(request->max_forwards().value_or(sip::limits::max_forwards) - 1));
    for (const auto& route : hop->routes) composer.add(HeaderName::route, route);
    composer.add(HeaderName::from, identity.from + ";tag=" + cx.random.token(8))
        .add(HeaderName::to, identity.to)
        .add(HeaderName::call_id, home_call_id(cx))
        .add(HeaderName::cseq, "1 " + std::string(request->method_text()))
        .add(HeaderName::user_agent, cx.settings.server_header);
    identity.asserted.add_to(composer);
    b2bua::copy_crossing(*request, composer, identity.asserted.hidden ? b2bua::Sender::hidden : b2bua::Sender::known);
    const auto type =
        request->body().empty() ? std::string_view() : request->first(HeaderName::content_type).value_or("text/plain");
    const auto client =
        cx.layer.send(hop->flow, composer.finish(type, request->body()), hop->tls_name, cx.now, cx.effects);
    pending_.emplace(client.number(), std::move(pending));
}

bool Relay::on_response(const transaction::Response& response, b2bua::Context& cx) {
    const auto found = pending_.find(response.client.number());
    if (found == pending_.end()) return false;
    const auto status = response.message.status();
    if (status < 200) return true;
    const Pending pending = std::move(found->second);
    pending_.erase(found);
    answer(pending, status < 300 ? status : b2bua::relayed_status(status, false), &response.message, cx);
    return true;
}

bool Relay::on_client_failed(const transaction::ClientFailed& failed, b2bua::Context& cx) {
    const auto found = pending_.find(failed.client.number());
    if (found == pending_.end()) return false;
    Pending pending = std::move(found->second);
    pending_.erase(found);
    // Who waited for 32 s has given up (RFC 4320), and its transaction with it.
    if (failed.failure == transaction::Failure::timeout)
        answer(pending, temporarily_unavailable, nullptr, cx);
    else
        try_next(std::move(pending), cx);
    return true;
}

void Relay::answer(const Pending& pending, std::uint16_t status, const sip::Message* heard, b2bua::Context& cx) {
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
