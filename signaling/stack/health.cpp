#include "signaling/stack/health.h"

#include <algorithm>
#include <utility>

#include "signaling/b2bua/next_hop.h"
#include "signaling/b2bua/targets.h"

namespace sallyport::stack {
namespace {

using sip::HeaderName;

constexpr Duration soon = 5s;  // between probes of a target that has just failed
constexpr std::size_t most_learned = 4096;
// A DNS that fails must not cut a carrier off; one that has forgotten the name for good must.
constexpr Duration sources_outlive_dns = 1h;
constexpr std::size_t call_id_tries = 256;

std::string host_of(const config::Target& target) {
    const auto address = IpAddress::parse(target.host);
    return (address ? host_text(*address) : target.host) + (target.port != 0 ? ":" + std::to_string(target.port) : "");
}

}  // namespace

void Health::configure(const config::Snapshot& config, b2bua::Context& cx) {
    for (auto& [number, probe] : probes_) probe.mentioned = false;
    for (const auto& [id, carrier] : config.carriers) {
        const auto realm = b2bua::realm_index(cx.settings.realms, carrier.realm);
        if (carrier.disabled || !realm) continue;
        for (const auto& target : carrier.targets) {
            const std::string key = b2bua::target_key(id, target);
            auto found =
                std::find_if(probes_.begin(), probes_.end(), [&](const auto& p) { return p.second.key == key; });
            const bool fresh = found == probes_.end();
            if (fresh) {
                found = probes_.emplace(++last_, Probe{}).first;
                found->second.carrier = id;
                found->second.key = key;
                found->second.target = target;
            }
            found->second.realm = *realm;
            found->second.tls_only = carrier.tls.required;
            const Duration interval = std::chrono::seconds(std::max(1u, carrier.options_interval_seconds));
            const bool sooner = interval < found->second.interval;
            found->second.interval = interval;
            found->second.mentioned = true;
            // Spread over a second: all shards of all nodes ask the same targets.
            if (fresh || sooner) start(found->first, Duration(1ms) * cx.random.below(1000), cx);
        }
    }
    std::erase_if(probes_, [&](const auto& entry) {
        if (entry.second.mentioned) return false;
        if (entry.second.timer != 0) cx.timers.cancel(entry.second.timer);
        cx.health.forget(entry.second.key);
        return true;
    });
    gather_sources();
}

void Health::start(std::uint64_t number, Duration after, b2bua::Context& cx) {
    Probe& probe = probes_.at(number);
    if (probe.timer != 0) cx.timers.cancel(probe.timer);
    probe.timer = cx.timers.start(cx.now + after, {transaction::TimerOwner::health, 0, number, 0});
}

void Health::on_timer(std::uint64_t number, b2bua::Context& cx) {
    const auto found = probes_.find(number);
    if (found == probes_.end()) return;
    Probe& probe = found->second;
    probe.timer = 0;
    if (probe.asked) {
        // A silent one is not waited for until its transaction has run out.
        if (cx.now - probe.asked_at < soon) return start(number, probe.asked_at + soon - cx.now, cx);
        asked_.erase(probe.asked);
        probe.asked = {};
        failed(number, "does not answer", cx);
    }
    if (probe.timer == 0) start(number, probe.suspected ? std::min(soon, probe.interval) : probe.interval, cx);
    probe.locator.emplace(b2bua::wanted(probe.target, cx.realm(probe.realm), probe.tls_only), cx.random);
    take(number, probe.locator->start(), cx);
}

// Whatever the calls say, a target is asked no more often than a failing one.
void Health::probe_suspects(b2bua::Context& cx) {
    for (const auto& key : cx.health.take_suspects()) {
        const auto found =
            std::find_if(probes_.begin(), probes_.end(), [&](const auto& p) { return p.second.key == key; });
        if (found == probes_.end()) continue;
        Probe& probe = found->second;
        if (probe.suspected || probe.asked || cx.now - probe.asked_at < soon) continue;
        probe.suspected = true;
        start(found->first, {}, cx);
    }
}

void Health::on_dns(std::uint64_t number, const locate::Answer& answer, b2bua::Context& cx) {
    const auto found = probes_.find(number);
    if (found == probes_.end() || !found->second.locator) return;
    take(number, found->second.locator->resume(answer), cx);
}

void Health::take(std::uint64_t number, locate::Step step, b2bua::Context& cx) {
    Probe& probe = probes_.at(number);
    if (const auto* questions = std::get_if<std::vector<locate::Question>>(&step)) {
        for (const auto& question : *questions) cx.out.emplace_back(b2bua::Resolve{number, question});
        return;
    }
    probe.locator.reset();
    const auto* located = std::get_if<std::vector<locate::Located>>(&step);
    if (located == nullptr || located->empty()) {
        if (cx.now - probe.resolved_at > sources_outlive_dns) learn(probe, {});
        return failed(number, "its name leads nowhere", cx);
    }
    probe.resolved_at = cx.now;
    std::set<IpAddress> sources;
    for (const auto& place : *located) sources.insert(place.endpoint.address);
    learn(probe, std::move(sources));
    ask(number, located->front(), cx);
}

void Health::learn(Probe& probe, std::set<IpAddress> sources) {
    if (probe.sources == sources) return;
    probe.sources = std::move(sources);
    gather_sources();
}

void Health::gather_sources() {
    learned_.clear();
    for (const auto& [number, probe] : probes_)
        for (const auto& address : probe.sources)
            if (learned_.size() < most_learned || learned_.contains(address)) learned_[address].insert(probe.carrier);
}

void Health::ask(std::uint64_t number, const locate::Located& at, b2bua::Context& cx) {
    Probe& probe = probes_.at(number);
    const Realm& realm = cx.realm(probe.realm);
    const Flow flow = b2bua::outgoing_flow(realm, probe.realm, at.transport, at.endpoint);
    const std::string uri = "sip:" + host_of(probe.target);
    std::string call_id = cx.random.token(16);
    for (std::size_t i = 0; i < call_id_tries && !cx.settings.is_home(call_id); ++i) call_id = cx.random.token(16);
    auto options = sip::Composer::request("OPTIONS", uri);
    options.add(HeaderName::via, b2bua::via_of(realm, flow, cx.layer.new_branch()))
        .add(HeaderName::max_forwards, "70")
        .add(HeaderName::from, b2bua::contact_of(realm, flow) + ";tag=" + cx.random.token(8))
        .add(HeaderName::to, "<" + uri + ">")
        .add(HeaderName::call_id, call_id)
        .add(HeaderName::cseq, "1 OPTIONS")
        .add(HeaderName::contact, b2bua::contact_of(realm, flow))
        .add(HeaderName::accept, "application/sdp")
        .add(HeaderName::user_agent, cx.settings.server_header);
    const std::string tls_name = at.transport == Transport::tls ? at.tls_name : std::string();
    probe.asked = cx.layer.send(flow, options.finish(), tls_name, cx.now, cx.effects);
    probe.asked_at = cx.now;
    asked_[probe.asked] = number;
    sent_.add();
}

bool Health::on_response(const transaction::Response& response, b2bua::Context& cx) {
    const auto found = asked_.find(response.client);
    if (found == asked_.end()) return false;
    const auto status = response.message.status();
    if (status < 200) return true;
    const auto number = found->second;
    asked_.erase(found);
    // Any answer is a sign of life but these two: nobody behind it, or not taking work.
    if (status == 503 || status == 408)
        failed(number, "answers " + std::to_string(status), cx);
    else
        answered(number, "answers " + std::to_string(status), cx);
    return true;
}

bool Health::on_client_failed(const transaction::ClientFailed& failure, b2bua::Context& cx) {
    const auto found = asked_.find(failure.client);
    if (found == asked_.end()) return false;
    const auto number = found->second;
    asked_.erase(found);
    failed(number, failure.failure == transaction::Failure::timeout ? "does not answer" : "no connection", cx);
    return true;
}

void Health::answered(std::uint64_t number, std::string detail, b2bua::Context& cx) {
    const auto found = probes_.find(number);
    if (found == probes_.end()) return;
    Probe& probe = found->second;
    probe.asked = {};
    const bool acquitted = std::exchange(probe.suspected, false);
    const auto* before = cx.health.find(probe.key);
    const bool was_down = before != nullptr && !before->up;
    if (cx.health.answered(probe.key, detail))
        cx.out.emplace_back(b2bua::LogFact{b2bua::Severity::info, "target-up", {}, {}, probe.key + " " + detail});
    else if (was_down)
        start(number, std::min(soon, probe.interval), cx);
    else if (acquitted)
        start(number, probe.interval, cx);
}

void Health::failed(std::uint64_t number, std::string detail, b2bua::Context& cx) {
    const auto found = probes_.find(number);
    if (found == probes_.end()) return;
    Probe& probe = found->second;
    probe.asked = {};
    if (cx.health.failed(probe.key, detail))
        cx.out.emplace_back(b2bua::LogFact{b2bua::Severity::warning, "target-down", {}, {}, probe.key + " " + detail});
    start(number, std::min(soon, probe.interval), cx);
}

std::size_t Health::timers() const {
    return static_cast<std::size_t>(
        std::count_if(probes_.begin(), probes_.end(), [](const auto& p) { return p.second.timer != 0; }));
}

std::vector<Health::Watched> Health::watched() const {
    std::vector<Watched> out;
    for (const auto& [number, probe] : probes_) out.push_back({probe.carrier, probe.key, probe.target});
    return out;
}

}  // namespace sallyport::stack
