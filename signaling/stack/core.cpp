#include "signaling/stack/core.h"

#include <algorithm>
#include <memory>

#include "signaling/b2bua/asker.h"

namespace sallyport::stack {
namespace {

constexpr std::uint32_t complaints_per_second = 10;
constexpr Duration expiry_interval = 5s;  // bindings that are over are not used; they are cleared this often

}  // namespace

Core::Core(StackConfig given, Shared& shared_state, RandomSource& source)
    : config(std::move(given)),
      shared(shared_state),
      random(source),
      layer(config.timers, timers, random, config.max_transactions, config.max_transaction_bytes),
      settings{config.node,    config.server_header, config.realms,     config.timers,
               config.is_home, config.retry_window,  config.checkpoints},
      counters{statistics.calls_answered,    statistics.calls_failed,       statistics.records_written,
               statistics.carrier_failovers, statistics.calls_forwarded,    statistics.forwards_refused,
               statistics.parties_replaced,  statistics.requests_elsewhere, statistics.setup_seconds},
      calls(config.recent_calls, shared.connections),
      health(statistics.options_sent),
      flow_probes(statistics.options_sent),
      overload(config.tolerated_busy),
      authenticator(config.nonce_secret, config.nonce_life, random, shared.nonce_counts),
      registrar(shared.locations),
      refreshes(config.remembered_refreshes),
      tag_hash_(config.nonce_secret, "to tag"),
      unknown_names_(config.nonce_secret, "unknown name"),
      overload_mark_(random.token(4)) {
    layer.let_in_first([this](const Flow& flow, const sip::Message& request) { return comes_first(flow, request); });
    settings.adopt = [this](std::string_view call_id, std::string_view peers_tag, bool ours, TimePoint now) {
        if (ours)
            shared.adopted.add(call_id, peers_tag, config.shard, now);
        else
            shared.adopted.leave(call_id, peers_tag, now);
    };
}

b2bua::Context Core::context() {
    return {settings,
            counters,
            layer,
            timers,
            random,
            shared.locations,
            shared.gauges,
            target_health,
            calls.index(),
            calls.acks(),
            calls.partings(),
            media_up,
            media_features,
            now_,
            effects_,
            *out_,
            known_sender ? &decisions : nullptr};
}

void Core::handle(const Input& input, TimePoint now, Outputs& out) {
    now_ = now;
    out_ = &out;
    calls.acks().expire(now);
    std::visit([this](const auto& alternative) { on(alternative); }, input);
    run_effects();
    auto cx = context();
    health.probe_suspects(cx);
    review_trunks(flow_probes.take_news());
    statistics.calls.set(calls.size());
    statistics.transactions.set(layer.size());
    statistics.subscriptions.set(subscriptions.size());
    out_ = nullptr;
}

// Effects make effects: a response ends a call, whose other leg is sent a BYE. Each is taken in its order.
void Core::run_effects() {
    for (std::size_t i = 0; i < effects_.size(); ++i) {
        transaction::Effect effect = std::move(effects_[i]);  // the buffer may grow below
        std::visit([this](auto& alternative) { take(std::move(alternative)); }, effect);
    }
    effects_.clear();
}

void Core::on(const Datagram& input) { receive(input.flow, input.bytes, sip::Framing::datagram, input.busy); }
void Core::on(const StreamMessage& input) { receive(input.flow, input.bytes, sip::Framing::stream, input.busy); }

void Core::receive(const Flow& flow, std::string_view bytes, sip::Framing framing, Duration busy) {
    if (flow.realm >= settings.realms.size()) return;
    const Entry entry = entry_of(flow, bytes, busy);
    if (entry == Entry::refused) return;
    if (answer_refresh(flow, bytes)) return;
    auto message = sip::Parser::parse(bytes, framing, &flow.remote);
    if (message.has_value()) {
        statistics.messages_received.add();
        if (!handed_over_.empty() && hand_over_again(flow, *message)) return;
        return layer.receive(flow, std::move(*message), now_, effects_, entry == Entry::urgent);
    }
    switch (message.error().code) {
        case sip::ParseErrc::empty: return;
        case sip::ParseErrc::not_sip: return statistics.dropped_not_sip.add();
        default: return answer_parse_error(flow, bytes, message.error());
    }
}

void Core::answer_parse_error(const Flow& flow, std::string_view bytes, const sip::ParseError& error) {
    statistics.parse_errors.add();
    if (!error.response || (flow.transport == Transport::udp && error.response->size() > 3 * bytes.size())) return;
    const auto via = sip::view_via(error.response_via);
    if (!via.has_value()) return;
    effects_.emplace_back(transaction::Transmit{
        transaction::response_flow(flow, *via), std::make_shared<const std::string>(*error.response), {}});
}

void Core::on(const FlowClosed& input) {
    review_trunks(shared.locations.flow_closed(input.flow), input.reason);
    shared.proven.flow_closed(input.flow);
    subscriptions.on_flow_closed(input.flow);
    layer.flow_closed(input.flow, now_, effects_);
    if (input.flow.connection == 0) return;
    auto cx = context();
    calls.on_flow_closed(input.flow, cx);
}

void Core::on(const TimerDue&) {
    while (const auto due = timers.pop_due(now_)) {
        auto cx = context();
        switch (due->owner) {
            case transaction::TimerOwner::client_transaction:
            case transaction::TimerOwner::server_transaction: layer.timer(*due, now_, effects_); break;
            case transaction::TimerOwner::call: calls.on_timer(*due, cx); break;
            case transaction::TimerOwner::health: health.on_timer(due->object, cx); break;
            case transaction::TimerOwner::flow_probes: flow_probes.on_timer(due->object, snapshot.get(), cx); break;
            case transaction::TimerOwner::registrar:
                expiry_ = 0;
                shared.locations.expire(now_);
                refreshes.expire(now_);
                keep_expiring();
                break;
            case transaction::TimerOwner::subscriptions: subscriptions.on_timer(snapshot.get(), cx); break;
            case transaction::TimerOwner::trunk_review:
                trunk_review_ = 0;
                review_trunks(shared.trunk_states.due(now_), "its registration has expired");
                for (const auto& trunk : health.take_news()) review_trunks({trunk});
                keep_reviewing();
                break;
        }
        run_effects();
    }
}

void Core::keep_expiring() {
    const std::size_t bindings = shared.locations.size();
    statistics.registrations.set(bindings);
    if (bindings == 0 || expiry_ != 0) return;
    expiry_ = timers.start(now_ + expiry_interval, {transaction::TimerOwner::registrar, 0, 0, 0});
}

void Core::on(const DnsAnswer& input) {
    auto cx = context();
    const auto number = b2bua::number_of(input.token);
    switch (b2bua::asker_of(input.token)) {
        case b2bua::Asker::parting: calls.partings().on_dns(number, input.answer, cx); break;
        case b2bua::Asker::call: calls.on_dns(b2bua::CallId::from_number(input.token), input.answer, cx); break;
        case b2bua::Asker::probe: health.on_dns(number, input.answer, cx); break;
        case b2bua::Asker::relay: relay.on_dns(number, input.answer, cx); break;
        case b2bua::Asker::subscription: subscriptions.on_dns(number, input.answer, cx); break;
    }
}

void Core::on(const b2bua::MediaReply& input) {
    auto cx = context();
    calls.on_media_reply(input, cx);
}

void Core::on(const b2bua::MediaEvent& input) {
    auto cx = context();
    calls.on_media_event(input, cx);
}

void Core::on(const b2bua::MediaState& input) {
    if (media_up != input.up)
        log(input.up ? b2bua::Severity::info : b2bua::Severity::error, input.up ? "media-plane-up" : "media-plane-away",
            {}, input.up ? "the media plane takes sessions" : "new calls are refused until it is back");
    media_up = input.up;
    if (!media_up) return;
    if (media_features.fax != input.features.fax)
        log(b2bua::Severity::warning, "media-plane-features", {},
            input.features.fax ? "fax by T.38 is relayed again"
                               : "the media plane is of a version without T.38: fax by it is refused");
    media_features = input.features;
    const bool restarted = media_incarnation != 0 && media_incarnation != input.incarnation;
    media_incarnation = input.incarnation;
    auto cx = context();
    calls.on_media_up(restarted, input.sessions, cx);
}

namespace {

// Hours whose zone this machine's database lacks let nothing through, and control's machine may have it.
std::string trunks_without_zone(const config::Snapshot& snapshot) {
    constexpr std::size_t most_named = 10;
    std::string named;
    std::size_t count = 0;
    for (const auto& [id, trunk] : snapshot.trunks) {
        const auto& destinations = trunk.destinations;
        if (destinations.hours.empty() || destinations.zone != nullptr) continue;
        if (++count <= most_named) named += (named.empty() ? "" : ", ") + id + " (" + destinations.time_zone + ')';
    }
    if (count > most_named) named += " and " + std::to_string(count - most_named) + " more";
    return count == 0 ? "" : "the hours of trunks are closed, since package tzdata lacks their time zones: " + named;
}

}  // namespace

// What a trunk had registered or proved that is gone, or that is another one under the same name by now: a snapshot
// need not have come between the two. Who is known by it would be taken for the new one's PBX, and called in its place.
void Core::forget_former_trunks() {
    const auto trunk_of = [this](const std::string& id) {
        const auto found = snapshot->trunks.find(id);
        return found == snapshot->trunks.end() ? nullptr : &found->second;
    };
    shared.locations.prune([&](const registrar::Binding& binding) {
        const auto* trunk = trunk_of(binding.trunk);
        if (trunk == nullptr || trunk->mode != sallyport::config::TrunkMode::registration) return false;
        return binding.aor.empty() || binding.aor == policy_of(*trunk).aor();
    });
    shared.proven.prune([&](const std::string& id, const std::string& username) {
        const auto* trunk = trunk_of(id);
        return trunk != nullptr &&
               (username.empty() || std::any_of(trunk->credentials.begin(), trunk->credentials.end(),
                                                [&](const auto& each) { return each.username == username; }));
    });
}

void Core::on(const ConfigChanged& input) {
    if (!input.snapshot) return;
    snapshot = input.snapshot;
    shared.pruning.run(snapshot->revision, [this] {
        forget_former_trunks();
        const auto provisioned = [this](std::string_view trunk) { return snapshot->trunks.contains(trunk); };
        shared.gauges.prune([&](std::string_view gauge) {
            const auto id = gauge.substr(gauge.find('/') + 1);
            if (policy::is_trunk_gauge(gauge)) return provisioned(id);
            return !policy::is_number_gauge(gauge) && snapshot->customers.contains(id);
        });
        shared.trunk_states.prune(provisioned);
        if (const auto text = trunks_without_zone(*snapshot); !text.empty())
            log(b2bua::Severity::warning, "time-zone-unknown", {}, text);
        shared.digest_in_clear.prune([this](const std::string& id) {
            const auto trunk = snapshot->trunks.find(id);
            using enum sallyport::config::Transport;
            return trunk != snapshot->trunks.end() && (trunk->second.allows(udp) || trunk->second.allows(tcp));
        });
    });
    refusals.forget_idle(now_);
    refreshes.clear();  // secrets, limits and numbers may be others
    auto cx = context();
    health.configure(*snapshot, cx);
    flow_probes.configure(*snapshot, shared.locations.all(), cx);
    learn_emergency_numbers();
    keep_expiring();
    review_all_trunks();
    keep_reviewing();
}

void Core::on(const Restore& input) {
    auto cx = context();
    const auto provisioned = snapshot ? snapshot : std::make_shared<const sallyport::config::Snapshot>();
    if (calls.size() >= config.max_calls || !calls.restore(input.state, provisioned, cx))
        log(b2bua::Severity::error, "call-not-restored", {},
            std::to_string(input.state.size()) + " bytes that are no call of this version, or no room for it");
}

void Core::on(const Drain& input) {
    if (draining == input.on) return;
    draining = input.on;
    log(b2bua::Severity::info, draining ? "draining" : "taking-work", {},
        draining ? "new work is refused" : "new work is taken");
}

void Core::on(const ReleaseCalls& input) {
    auto cx = context();
    calls.release_all(input.reason, cx);
}

void Core::log(b2bua::Severity severity, std::string event, std::string trunk, std::string text) {
    out_->emplace_back(b2bua::LogFact{severity, std::move(event), {}, std::move(trunk), std::move(text)});
}

// What strangers can cause is counted always and told a few times a second: a flood of it must not become one of the
// log. Each event has its own count, lest a flood of one hides another.
void Core::complain(std::string event, std::string trunk, std::string text) {
    if (complaint_second_ != unix_seconds(now_)) {
        complaint_second_ = unix_seconds(now_);
        complaints_.clear();
    }
    if (complaints_[event]++ < complaints_per_second)
        log(b2bua::Severity::warning, std::move(event), std::move(trunk), std::move(text));
}

void Core::take(transaction::Request&& request) {
    using sip::Method;
    const sip::Message& message = request.message;
    if (!message.to_tag().empty() && message.method() != Method::register_) return take_within_dialog(request);
    if (message.method() == Method::ack) return;
    if (message.method() == Method::register_) return on_register(request);  // judged once its sender is known
    if (const auto refusal = inspect(message)) return refuse(request, *refusal);
    if (message.method() == Method::invite) return on_invite(std::move(request));
    if (message.method() == Method::options) return on_options(request);
    if (message.method() == Method::subscribe) return on_subscribe(request);
    if (message.method() == Method::message) return on_message(request);
}

void Core::take_within_dialog(const transaction::Request& request) {
    auto cx = context();
    const bool ack = request.message.method() == sip::Method::ack;
    const auto place = calls.index().find_dialog(request.message.call_id(), request.message.to_tag());
    if (place) {
        if (!ack && !may_go_on(request, calls.pbx_of(*place, request.message))) return;
        if (const auto refusal = inspect_in_dialog(request.message)) return refuse(request, *refusal);
        calls.on_request(request, cx);
        return;
    }
    if (ack) return;
    if (request.message.method() == sip::Method::subscribe) {
        if (!may_go_on(request, subscriptions.pbx_of(request.message))) return;
        if (subscriptions.refresh(request, cx)) return;
    }
    refuse(request, {481, "no such dialog", {}});
}

// Whether a PBX that was asked to has proved that the request within a dialog is its own.
bool Core::may_go_on(const transaction::Request& request, std::string_view trunk_id) {
    if (!snapshot || trunk_id.empty()) return true;
    const auto trunk = snapshot->trunks.find(trunk_id);
    if (trunk == snapshot->trunks.end()) return true;
    const auto party = identify(request);
    return has_proved(request, trunk->second, party.id == trunk_id ? party.proof : policy::Proof::none);
}

void Core::take(transaction::Cancelled&& cancelled) {
    auto cx = context();
    calls.on_cancelled(cancelled, cx);
}

void Core::take(transaction::Response&& response) {
    auto cx = context();
    const bool taken = health.on_response(response, cx) || flow_probes.on_response(response, snapshot.get(), cx) ||
                       subscriptions.on_response(response, cx) || relay.on_response(response, cx);
    if (!taken) calls.on_response(response, cx);
}

void Core::take(transaction::StrayResponse&& stray) {
    auto cx = context();
    calls.on_stray_response(stray, cx);
}

void Core::take(transaction::ClientFailed&& failed) {
    auto cx = context();
    const bool taken = health.on_client_failed(failed, cx) || flow_probes.on_client_failed(failed) ||
                       subscriptions.on_client_failed(failed, cx) || relay.on_client_failed(failed, cx);
    if (!taken) calls.on_client_failed(failed, cx);
}

}  // namespace sallyport::stack
