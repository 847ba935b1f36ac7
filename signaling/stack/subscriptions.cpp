#include "signaling/stack/subscriptions.h"

#include <algorithm>

#include "signaling/b2bua/asker.h"
#include "signaling/b2bua/next_hop.h"
#include "signaling/b2bua/parting_requests.h"

namespace sallyport::stack {
namespace {

using sip::HeaderName;

constexpr std::uint32_t default_seconds = 3'761, min_seconds = 60;  // RFC 3680 4.4; also the most that is granted
constexpr Duration look_interval = 1s;
constexpr Duration between_notifications = 5s;  // RFC 3680 4.10
constexpr std::size_t most = 10'000;            // of this shard: about 2 kB each
constexpr std::size_t most_of_one = 8;          // of one PBX or carrier: it has a handful of nodes
constexpr std::string_view package = "reg", body_type = "application/reginfo+xml";

std::string_view trimmed(std::string_view text) {
    while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
    while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
    return text;
}

// "reg", "reg;id=7". Empty: another package, or none.
std::string event_of(const sip::Message& request) {
    const auto field = request.first(HeaderName::event);
    if (!field) return {};
    const auto name = trimmed(field->substr(0, field->find(';')));
    return sip::equal_ignoring_case(name, package) ? std::string(trimmed(*field)).substr(0, 128) : std::string();
}

bool takes_our_body(const sip::Message& request) {
    if (!request.has(HeaderName::accept)) return true;  // RFC 3680 4.5: the default
    const auto values = request.values(HeaderName::accept);
    return std::any_of(values.begin(), values.end(), [](std::string_view value) {
        const auto type = trimmed(value.substr(0, value.find(';')));
        return sip::equal_ignoring_case(type, body_type) || type == "*/*" ||
               sip::equal_ignoring_case(type, "application/*");
    });
}

std::uint32_t wanted_seconds(const sip::Message& request) {
    const auto field = request.first(HeaderName::expires);
    const auto seconds = field ? sip::parse_number(*field) : sip::FieldErrc::empty;
    return seconds.has_value() ? *seconds : default_seconds;
}

// What does not make a notification necessary: how long it lasts now.
bool same_to_a_watcher(const std::vector<registrar::Binding>& a, const std::vector<registrar::Binding>& b) {
    return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](const auto& x, const auto& y) {
        return x.contact == y.contact && x.flow == y.flow && x.q == y.q && x.instance == y.instance;
    });
}

// Whose registrations the Request-URI asks for: a trunk's own AOR or one of its numbers; nullptr: nobody's.
const config::Trunk* trunk_asked_for(const config::Snapshot& config, const sip::Uri& uri, std::string& number) {
    if (const auto* trunk = config.trunk_by_aor(uri.user, uri.host)) return trunk;
    const auto e164 = sip::e164(uri);
    if (!e164) return nullptr;
    number = *e164;
    return config.trunk_by_number(*e164);
}

// A target over UDP means the carrier, unless the operator has said what becomes of large requests.
config::LargeRequests large_requests_of(const config::Carrier& carrier) {
    const bool said = carrier.large_requests != config::LargeRequests::automatic;
    return !said && b2bua::names_udp(carrier.targets) ? config::LargeRequests::udp : carrier.large_requests;
}

}  // namespace

std::optional<Refusal> Subscriptions::begin(const transaction::Request& request, const policy::Party& party,
                                            const config::Snapshot& config, b2bua::Context& cx) {
    const sip::Message& message = request.message;
    Subscription fresh;
    fresh.event = event_of(message);
    if (fresh.event.empty())
        return Refusal{489, "event package not served", {{HeaderName::allow_events, std::string(package)}}};
    if (!takes_our_body(message)) return Refusal{406, "body not taken", {{HeaderName::accept, std::string(body_type)}}};
    const auto uri = sip::parse_uri(message.request_uri());
    const auto* trunk = uri.has_value() ? trunk_asked_for(config, *uri, fresh.what.number) : nullptr;
    const bool carrier = party.kind == policy::PartyKind::carrier;
    // A PBX learns of itself alone. A carrier learns whether a number is there, and of the PBX nothing: its AOR is no
    // business of the core's.
    if (trunk == nullptr || (carrier ? fresh.what.number.empty() : trunk->id != party.id))
        return Refusal{404, "no registrations to be told of", {}};
    const std::uint32_t seconds = std::min(wanted_seconds(message), default_seconds);
    if (seconds != 0 && seconds < min_seconds)
        return Refusal{423, "too short", {{HeaderName::min_expires, std::to_string(min_seconds)}}};
    fresh.party = (carrier ? "carrier " : "trunk ") + party.id;
    if (seconds != 0 && (all_.size() >= most || of_party(fresh.party) >= most_of_one))
        return Refusal{503, "too many subscriptions", {{HeaderName::retry_after, "60"}}};
    fresh.trunk = trunk->id;
    fresh.what.id = trunk->id;
    fresh.what.aor =
        fresh.what.number.empty()
            ? trunk->registration_aor
            : "sip:" + fresh.what.number + "@" +
                  std::string(trunk->domain.empty() ? trunk->aor_domain() : std::string_view(trunk->domain));
    if (carrier) fresh.what.hidden = fresh.what.aor;
    const std::string tag = cx.random.token(8);
    fresh.dialog = dialog::Dialog::as_uas(message, request.flow, tag);
    fresh.dialog.local_cseq = 0;
    fresh.number = last_ = (last_ + 1) % b2bua::asker_numbers;
    const auto sender = carrier ? config.carriers.find(party.id) : config.carriers.end();
    if (sender != config.carriers.end()) fresh.large = large_requests_of(sender->second);
    fresh.expires = cx.now + std::chrono::seconds(seconds);
    accept(request, tag, fresh, cx);
    const auto at = all_.insert_or_assign(Key{std::string(message.call_id()), tag}, std::move(fresh)).first;
    if (seconds == 0)
        end(at, "timeout", cx);  // RFC 6665 4.4.3: told once
    else
        notify(at, "active", cx);
    keep_looking(cx);
    return std::nullopt;
}

bool Subscriptions::refresh(const transaction::Request& request, b2bua::Context& cx) {
    const sip::Message& message = request.message;
    const auto at = all_.find({std::string(message.call_id()), std::string(message.to_tag())});
    if (at == all_.end() || at->second.dialog.id.remote_tag != message.from_tag()) return false;
    Subscription& subscription = at->second;
    const auto refuse = [&](std::uint16_t status, HeaderName name = HeaderName::other, std::string_view value = {}) {
        auto composer = sip::respond(message, status, {}, &request.flow.remote);
        if (!value.empty()) composer.add(name, value);
        cx.layer.respond(request.server, status, composer.finish(), cx.now, cx.effects);
        return true;
    };
    if (subscription.dialog.check_sequence(message) == dialog::SequenceCheck::too_low) return refuse(500);
    if (event_of(message) != subscription.event) return refuse(489, HeaderName::allow_events, package);
    const std::uint32_t seconds = std::min(wanted_seconds(message), default_seconds);
    if (seconds != 0 && seconds < min_seconds) return refuse(423, HeaderName::min_expires, std::to_string(min_seconds));
    subscription.dialog.refresh_target(message);
    subscription.dialog.flow = request.flow;
    subscription.expires = cx.now + std::chrono::seconds(seconds);
    accept(request, {}, subscription, cx);
    if (seconds == 0)
        end(at, "timeout", cx);
    else
        notify(at, "active", cx);
    return true;
}

std::string_view Subscriptions::pbx_of(const sip::Message& request) const {
    const auto at = all_.find({std::string(request.call_id()), std::string(request.to_tag())});
    return at == all_.end() || !at->second.what.hidden.empty() ? std::string_view() : at->second.trunk;
}

void Subscriptions::accept(const transaction::Request& request, std::string_view to_tag,
                           const Subscription& subscription, b2bua::Context& cx) const {
    auto composer = sip::respond(request.message, 200, to_tag, &request.flow.remote);
    composer.copy(request.message, HeaderName::record_route)
        .add(HeaderName::contact, b2bua::contact_of(cx.realm(request.flow.realm), request.flow))
        .add(HeaderName::expires, std::to_string((subscription.expires - cx.now) / 1s))
        .add(HeaderName::server, cx.settings.server_header);
    cx.layer.respond(request.server, 200, composer.finish(), cx.now, cx.effects);
}

void Subscriptions::notify(All::iterator at, std::string_view state, b2bua::Context& cx) {
    Subscription& s = at->second;
    const bool last = state != "active";
    if (s.asked && !last) {  // one at a time: they could overtake each other
        s.due = true;
        return;
    }
    if (s.asked) asked_.erase(s.asked);
    s.due = false;
    s.told = cx.locations.usable(s.trunk, cx.now);
    s.notified = cx.now;
    if (!last) ask(at, b2bua::NamedPeer::seek(s.named, s.dialog, cx.realm(s.dialog.flow.realm), cx.now, cx.random), cx);
    send(at, state, cx);
}

void Subscriptions::send(All::iterator at, std::string_view state, b2bua::Context& cx) {
    Subscription& s = at->second;
    const bool last = state != "active";
    const Realm& realm = cx.realm(s.dialog.flow.realm);
    auto hop = b2bua::next_hop(s.dialog, realm, {nullptr, s.named ? &*s.named : nullptr});
    const std::string body = registrar::reg_info_xml(s.what, s.told, s.version++, cx.now);
    const auto compose = [&](std::optional<std::uint32_t> cseq) {
        auto composer = s.dialog.request("NOTIFY", b2bua::via_of(realm, hop.flow, cx.layer.new_branch()), cseq);
        const auto left = std::max<std::int64_t>(0, (s.expires - cx.now) / 1s);
        composer.add(HeaderName::contact, b2bua::contact_of(realm, hop.flow))
            .add(HeaderName::event, s.event)
            .add(HeaderName::subscription_state,
                 last ? "terminated;reason=" + std::string(state) : "active;expires=" + std::to_string(left))
            .add(HeaderName::user_agent, cx.settings.server_header);
        return composer.finish(body_type, body);
    };
    std::string text = compose({});
    s.over_stream.reset();
    // Nobody hears of it if the last one is refused.
    hop.large = last ? b2bua::StreamUse::never : b2bua::stream_use(s.large, !hop.any_transport);
    if (const auto stream = b2bua::stream_for(hop.flow, hop.large, text.size(), realm, cx.health, cx.now)) {
        hop.flow = *stream;
        hop.over_stream = true;
        if (hop.large == b2bua::StreamUse::first) s.over_stream = stream->remote;
        text = compose(s.dialog.local_cseq);
    }
    if (last) {
        s.asked = {};
        return cx.partings.send(s.dialog, std::move(s.named), hop, std::move(text), cx);
    }
    s.asked = cx.layer.send(hop.flow, text, hop.tls_name, cx.now, cx.effects);
    asked_[s.asked] = at->first;
    if (s.named) s.placed.add(s.asked, std::move(text), hop);
}

// RFC 3263 4.3: the same notification to the next place of its subscriber. False: there is none.
bool Subscriptions::go_elsewhere(All::iterator at, transaction::ClientId failed, b2bua::Context& cx) {
    Subscription& s = at->second;
    auto request = s.placed.take(failed);
    if (!request || !s.named) return false;
    const Realm& realm = cx.realm(s.dialog.flow.realm);
    const auto hop = b2bua::next_place(*request, s.dialog, realm, *s.named);
    if (!hop) return false;
    std::string text = b2bua::readdressed(request->text, b2bua::via_of(realm, hop->flow, cx.layer.new_branch()),
                                          b2bua::contact_of(realm, hop->flow));
    s.over_stream.reset();
    s.asked = cx.layer.send(hop->flow, text, hop->tls_name, cx.now, cx.effects);
    asked_[s.asked] = at->first;
    s.placed.add(s.asked, std::move(text), *hop, std::move(request->tried));
    cx.counters.elsewhere.add();
    return true;
}

void Subscriptions::ask(All::iterator at, const b2bua::NamedPeer::Questions& questions, b2bua::Context& cx) {
    for (const auto& question : questions) {
        sought_[at->second.number] = at->first;
        cx.out.emplace_back(b2bua::Resolve{b2bua::dns_token(b2bua::Asker::subscription, at->second.number), question});
    }
}

void Subscriptions::on_dns(std::uint64_t number, const locate::Answer& answer, b2bua::Context& cx) {
    const auto sought = sought_.find(number);
    if (sought == sought_.end()) return;
    const auto at = all_.find(sought->second);
    if (at != all_.end() && at->second.number == number && at->second.named) {
        ask(at, at->second.named->resume(answer, cx.now), cx);
        if (at->second.named->is_waiting()) return;
    }
    sought_.erase(number);
}

void Subscriptions::end(All::iterator at, std::string_view reason, b2bua::Context& cx) {
    notify(at, reason, cx);
    all_.erase(at);  // its NOTIFY is a parting request
}

void Subscriptions::forget(All::iterator at) {
    if (at->second.asked) asked_.erase(at->second.asked);
    all_.erase(at);
}

void Subscriptions::on_timer(const config::Snapshot* config, b2bua::Context& cx) {
    timer_ = 0;
    for (auto at = all_.begin(); at != all_.end();) {
        const auto next = std::next(at);
        Subscription& s = at->second;
        if (s.party.starts_with("trunk ") && cx.locations.has_lost(s.dialog.flow, s.trunk))
            forget(at);  // as after a connection that broke: it comes back and subscribes again
        else if (cx.now >= s.expires)
            end(at, "timeout", cx);
        else if (config != nullptr && !config->trunks.contains(s.trunk))
            end(at, "noresource", cx);
        else if (cx.now - s.notified >= between_notifications &&
                 (s.due || !same_to_a_watcher(s.told, cx.locations.usable(s.trunk, cx.now))))
            notify(at, "active", cx);
        at = next;
    }
    keep_looking(cx);
}

// RFC 6665 4.2.2: whoever does not take a notification is not told any more.
bool Subscriptions::on_response(const transaction::Response& response, b2bua::Context& cx) {
    const auto asked = asked_.find(response.client);
    if (asked == asked_.end()) return false;
    const std::uint16_t status = response.message.status();
    if (status < 200) return true;
    const auto at = all_.find(asked->second);
    asked_.erase(asked);
    if (at == all_.end()) return true;
    if (status == 503 && go_elsewhere(at, response.client, cx)) return true;
    at->second.placed.take(response.client);
    at->second.asked = {};
    if (status >= 300)
        all_.erase(at);
    else if (at->second.due)
        keep_looking(cx);
    return true;
}

bool Subscriptions::on_client_failed(const transaction::ClientFailed& failed, b2bua::Context& cx) {
    const auto asked = asked_.find(failed.client);
    if (asked == asked_.end()) return false;
    const auto key = asked->second;
    asked_.erase(asked);
    const auto at = all_.find(key);
    if (at == all_.end()) return true;
    if (failed.failure == transaction::Failure::transport && at->second.over_stream) {
        // RFC 3261 18.1.1: TCP is refused there, so it goes over UDP after all.
        cx.health.refused_stream(*at->second.over_stream, cx.now);
        at->second.placed.take(failed.client);
        send(at, "active", cx);
        return true;
    }
    if (failed.failure != transaction::Failure::too_large && go_elsewhere(at, failed.client, cx)) return true;
    all_.erase(at);
    return true;
}

// The subscriber comes back and subscribes again: nothing of what it missed would reach it.
void Subscriptions::on_flow_closed(const Flow& flow) {
    if (flow.connection == 0) return;
    for (auto at = all_.begin(); at != all_.end();) {
        const auto next = std::next(at);
        if (at->second.dialog.flow == flow) forget(at);
        at = next;
    }
}

void Subscriptions::keep_looking(b2bua::Context& cx) {
    if (all_.empty() || timer_ != 0) return;
    timer_ = cx.timers.start(cx.now + look_interval, {transaction::TimerOwner::subscriptions, 0, 0, 0});
}

std::size_t Subscriptions::of_party(std::string_view party) const {
    return static_cast<std::size_t>(
        std::count_if(all_.begin(), all_.end(), [&](const auto& entry) { return entry.second.party == party; }));
}

}  // namespace sallyport::stack
