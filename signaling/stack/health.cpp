#include "signaling/stack/health.h"

#include <algorithm>
#include <utility>

#include "signaling/b2bua/asker.h"
#include "signaling/b2bua/next_hop.h"
#include "signaling/b2bua/targets.h"
#include "signaling/stack/options_request.h"

namespace sallyport::stack {
namespace {

using sip::HeaderName;

// Between probes of a place that has just failed, and questions for a name that leads nowhere.
constexpr Duration soon = 5s;
constexpr std::size_t most_learned = 4096;
// A DNS that fails must not cut a carrier off; one that has forgotten the name for good must.
constexpr Duration sources_outlive_dns = 1h;

std::string host_of(const config::Target& target) {
    const auto address = IpAddress::parse(target.host);
    return (address ? host_text(*address) : target.host) + (target.port != 0 ? ":" + std::to_string(target.port) : "");
}
bool is_literal(const config::Target& target) { return IpAddress::parse(target.host).has_value(); }

// Spread over a second: all shards of all nodes ask the same targets.
Duration spread(b2bua::Context& cx) { return Duration(1ms) * cx.random.below(1000); }

}  // namespace

void Health::configure(const config::Snapshot& config, b2bua::Context& cx) {
    for (auto& [number, watch] : watches_) watch.mentioned = false;
    for (const auto& [id, carrier] : config.carriers) {
        const auto realm = b2bua::realm_index(cx.settings.realms, carrier.realm);
        if (carrier.disabled || !realm) continue;
        const Duration interval = std::chrono::seconds(std::max(1u, carrier.options_interval_seconds));
        for (const auto& target : carrier.targets)
            watch({id, {}}, target, b2bua::wanted(target, cx.realm(*realm), carrier.tls.required), *realm, interval,
                  cx);
    }
    for (const auto& [id, trunk] : config.trunks) {
        if (trunk.mode != config::TrunkMode::static_ || trunk.network.options_interval_seconds == 0) continue;
        const auto realm = b2bua::realm_index(cx.settings.realms, trunk.realm);
        if (trunk.disabled || !realm || trunk.tls.peer_connects()) continue;  // nobody is there to be asked
        const Duration interval = std::chrono::seconds(trunk.network.options_interval_seconds);
        for (const auto& target : trunk.targets)
            watch({{}, id}, target, b2bua::wanted(target, cx.realm(*realm), trunk.tls.required, &trunk), *realm,
                  interval, cx);
    }
    for (auto at = watches_.begin(); at != watches_.end();) {
        auto& [number, watch] = *at;
        if (watch.mentioned) {
            ++at;
            continue;
        }
        for (const auto place : places_of(number)) drop(places_.find(place), cx);
        if (watch.timer != 0) cx.timers.cancel(watch.timer);
        cx.health.forget(watch.key);
        watch_by_key_.erase(watch.key);
        at = watches_.erase(at);
    }
    gather_sources();
}

void Health::watch(const Owner& owner, const config::Target& target, locate::Wanted wanted, RealmIndex realm,
                   Duration interval, b2bua::Context& cx) {
    const std::string key = b2bua::target_key(owner.key(), target);
    const auto [known, fresh] = watch_by_key_.try_emplace(key, last_ + 1);
    if (fresh) ++last_;
    const std::uint64_t number = known->second;
    Watch& watch = watches_[number];
    const bool moved = !fresh && (watch.realm != realm || watch.wanted != wanted);
    const bool sooner = !fresh && interval < watch.interval;
    if (fresh) {
        watch.owner = owner;
        watch.key = key;
        watch.target = target;
        cx.health.watch(key);
    }
    watch.wanted = std::move(wanted);
    watch.realm = realm;
    watch.interval = interval;
    watch.mentioned = true;
    if (moved)
        for (const auto place : places_of(number)) drop(places_.find(place), cx);
    if (fresh || moved || sooner) start(watch.timer, number, spread(cx), cx);
    if (!sooner) return;
    for (const auto place : places_of(number)) start(places_.at(place).timer, place, spread(cx), cx);
}

void Health::start(TimerId& timer, std::uint64_t number, Duration after, b2bua::Context& cx) {
    if (timer != 0) cx.timers.cancel(timer);
    timer = cx.timers.start(cx.now + after, {transaction::TimerOwner::health, 0, number, 0});
}

void Health::on_timer(std::uint64_t number, b2bua::Context& cx) {
    if (watches_.contains(number)) return resolve(number, cx);
    const auto place = places_.find(number);
    if (place != places_.end()) probe(number, place->second, cx);
}

void Health::resolve(std::uint64_t number, b2bua::Context& cx) {
    Watch& watch = watches_.at(number);
    watch.timer = 0;
    if (!is_literal(watch.target)) start(watch.timer, number, watch.interval, cx);
    watch.locator.emplace(watch.wanted, cx.random);
    take(number, watch.locator->start(), cx);
}

void Health::on_dns(std::uint64_t number, const locate::Answer& answer, b2bua::Context& cx) {
    const auto found = watches_.find(number);
    if (found == watches_.end() || !found->second.locator) return;
    take(number, found->second.locator->resume(answer), cx);
}

void Health::take(std::uint64_t number, locate::Step step, b2bua::Context& cx) {
    Watch& watch = watches_.at(number);
    if (const auto* questions = std::get_if<std::vector<locate::Question>>(&step)) {
        for (const auto& question : *questions)
            cx.out.emplace_back(b2bua::Resolve{b2bua::dns_token(b2bua::Asker::probe, number), question});
        return;
    }
    watch.locator.reset();
    const auto* located = std::get_if<std::vector<locate::Located>>(&step);
    if (located == nullptr || located->empty()) {
        const auto* error = std::get_if<locate::LocateErrc>(&step);
        const bool no_way = error != nullptr && *error == locate::LocateErrc::unsupported;
        leads_nowhere(watch,
                      no_way ? "no listener of its realm has a transport and IP version that it may use"
                             : "its name leads nowhere",
                      cx);
        return start(watch.timer, number, std::min(soon, watch.interval), cx);
    }
    take_places(number, *located, cx);
}

// What it stood for before goes on being watched: the resolver may be what is broken.
void Health::leads_nowhere(Watch& watch, const std::string& detail, b2bua::Context& cx) {
    if (cx.now - watch.resolved_at > sources_outlive_dns) learn(watch, {});
    if (cx.health.failed(watch.key, detail)) tell(watch, watch.key, false, detail, cx);
}

void Health::tell(const Watch& watch, const std::string& key, bool up, const std::string& detail, b2bua::Context& cx) {
    if (!watch.owner.trunk.empty()) news_.insert(watch.owner.trunk);
    cx.out.emplace_back(b2bua::LogFact{up ? b2bua::Severity::info : b2bua::Severity::warning,
                                       up ? "target-up" : "target-down",
                                       {},
                                       watch.owner.trunk,
                                       key + " " + detail});
}

void Health::take_places(std::uint64_t number, const std::vector<locate::Located>& located, b2bua::Context& cx) {
    Watch& watch = watches_.at(number);
    watch.resolved_at = cx.now;
    std::set<IpAddress> sources;
    for (const auto& at : located) sources.insert(at.endpoint.address);
    learn(watch, std::move(sources));
    if (!is_literal(watch.target)) {
        const bool was_down = !cx.health.up(watch.key);
        const std::string detail =
            "its name stands for " + std::to_string(located.size()) + (located.size() == 1 ? " address" : " addresses");
        if (cx.health.answered(watch.key, detail))
            tell(watch, watch.key, true, detail, cx);
        else if (was_down)
            start(watch.timer, number, std::min(soon, watch.interval), cx);
    }
    for (const auto old : places_of(number)) places_.at(old).found = false;
    std::vector<std::uint64_t> fresh;
    for (const auto& at : located) {  // no more than locate::limits::located
        const std::string key = b2bua::place_key(watch.key, watch.target, at);
        const auto [known, is_new] = place_by_key_.try_emplace(key, last_ + 1);
        if (is_new) {
            fresh.push_back(++last_);
            cx.health.watch(key);
        }
        Place& place = places_[known->second];
        watch.places.insert(known->second);
        place.watch = number;
        place.key = key;
        place.at = at;
        place.found = true;
    }
    for (const auto old : places_of(number))
        if (!places_.at(old).found) drop(places_.find(old), cx);
    for (const auto place : fresh) probe(place, places_.at(place), cx);
}

void Health::probe(std::uint64_t number, Place& place, b2bua::Context& cx) {
    place.timer = 0;
    if (place.asked) {
        // A silent one is not waited for until its transaction has run out.
        if (cx.now - place.asked_at < soon) return start(place.timer, number, place.asked_at + soon - cx.now, cx);
        asked_.erase(place.asked);
        place.asked = {};
        failed(number, "does not answer", cx);
    }
    if (const auto* entry = cx.health.find(place.key); entry != nullptr && entry->paused_until > cx.now)
        return start(place.timer, number, entry->paused_until - cx.now, cx);
    const Duration interval = watches_.at(place.watch).interval;
    if (place.timer == 0) start(place.timer, number, place.suspected ? std::min(soon, interval) : interval, cx);
    ask(number, place, cx);
}

// Whatever the calls say, a place is asked no more often than a failing one.
void Health::probe_suspects(b2bua::Context& cx) {
    for (const auto& key : cx.health.take_suspects()) {
        const auto found = place_by_key_.find(key);
        if (found == place_by_key_.end()) continue;
        Place& place = places_.at(found->second);
        if (place.suspected || place.asked || cx.now - place.asked_at < soon) continue;
        place.suspected = true;
        start(place.timer, found->second, {}, cx);
    }
}

void Health::drop(Places::iterator place, b2bua::Context& cx) {
    if (place->second.timer != 0) cx.timers.cancel(place->second.timer);
    asked_.erase(place->second.asked);
    place_by_key_.erase(place->second.key);
    // A literal's place has the key of its target, which is still watched.
    cx.health.forget(place->second.key);
    Watch& watch = watches_.at(place->second.watch);
    if (watch.key == place->second.key) cx.health.watch(watch.key);
    watch.places.erase(place->first);
    places_.erase(place);
}

void Health::learn(Watch& watch, std::set<IpAddress> sources) {
    if (watch.owner.carrier.empty() || watch.sources == sources) return;
    watch.sources = std::move(sources);
    gather_sources();
}

void Health::gather_sources() {
    learned_.clear();
    for (const auto& [number, watch] : watches_)
        for (const auto& address : watch.sources)
            if (learned_.size() < most_learned || learned_.contains(address))
                learned_[address].insert(watch.owner.carrier);
}

void Health::ask(std::uint64_t number, Place& place, b2bua::Context& cx) {
    const Watch& watch = watches_.at(place.watch);
    const Realm& realm = cx.realm(watch.realm);
    const locate::Located& at = place.at;
    const Flow flow = b2bua::outgoing_flow(realm, watch.realm, at.transport, at.endpoint);
    const std::string tls_name = at.transport == Transport::tls ? at.tls_name : std::string();
    place.asked =
        cx.layer.send(flow, options_request(cx, flow, "sip:" + host_of(watch.target)), tls_name, cx.now, cx.effects);
    place.asked_at = cx.now;
    asked_[place.asked] = number;
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
    if (status == 503 || status == 408) {
        failed(number, "answers " + std::to_string(status), cx);
        const auto seconds = sip::parse_retry_after(response.message.first(HeaderName::retry_after).value_or(""));
        if (status == 503 && seconds) cx.health.pause(places_.at(number).key, std::chrono::seconds(*seconds), cx.now);
    } else {
        answered(number, "answers " + std::to_string(status), cx);
    }
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

void Health::answered(std::uint64_t number, const std::string& detail, b2bua::Context& cx) {
    Place& place = places_.at(number);
    const Watch& watch = watches_.at(place.watch);
    place.asked = {};
    const bool acquitted = std::exchange(place.suspected, false);
    const bool was_down = !cx.health.up(place.key);
    const auto* known = cx.health.find(place.key);
    if (known != nullptr && known->detail != detail && !watch.owner.trunk.empty()) news_.insert(watch.owner.trunk);
    if (cx.health.answered(place.key, detail))
        tell(watch, place.key, true, detail, cx);
    else if (was_down)
        start(place.timer, number, std::min(soon, watch.interval), cx);
    else if (acquitted)
        start(place.timer, number, watch.interval, cx);
}

void Health::failed(std::uint64_t number, const std::string& detail, b2bua::Context& cx) {
    Place& place = places_.at(number);
    const Watch& watch = watches_.at(place.watch);
    place.asked = {};
    if (cx.health.failed(place.key, detail)) tell(watch, place.key, false, detail, cx);
    start(place.timer, number, std::min(soon, watch.interval), cx);
}

std::vector<std::uint64_t> Health::places_of(std::uint64_t watch) const {
    const auto& places = watches_.at(watch).places;
    return {places.begin(), places.end()};
}

std::size_t Health::timers() const {
    const auto running = [](const auto& each) { return each.second.timer != 0; };
    return static_cast<std::size_t>(std::count_if(watches_.begin(), watches_.end(), running) +
                                    std::count_if(places_.begin(), places_.end(), running));
}

std::vector<policy::TrunkTarget> Health::targets_of(const config::Trunk& trunk,
                                                    const b2bua::TargetHealth& known) const {
    std::vector<policy::TrunkTarget> out;
    const auto add = [&](std::string text, const std::string& key) {
        if (const auto* entry = known.find(key)) out.push_back({std::move(text), entry->detail, entry->up});
    };
    for (const auto& target : trunk.targets) {
        const auto found = watch_by_key_.find(b2bua::target_key(b2bua::trunk_owner(trunk.id), target));
        if (found == watch_by_key_.end()) continue;
        const Watch& watch = watches_.at(found->second);
        if (is_literal(target) || watch.places.empty() || !known.up(watch.key)) {
            add(b2bua::target_text(target), watch.key);
            continue;
        }
        for (const auto place : watch.places) add(b2bua::place_text(places_.at(place).at), places_.at(place).key);
    }
    return out;
}

std::vector<Health::Watched> Health::watched() const {
    std::vector<Watched> out;
    out.reserve(watches_.size());
    for (const auto& [number, watch] : watches_) {
        Watched each{watch.owner.carrier, watch.owner.trunk, watch.key, watch.target, {}};
        if (!is_literal(watch.target))
            for (const auto place : watch.places)
                each.places.push_back({b2bua::place_text(places_.at(place).at), places_.at(place).key});
        out.push_back(std::move(each));
    }
    return out;
}

}  // namespace sallyport::stack
