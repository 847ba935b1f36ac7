#include "signaling/stack/flow_probes.h"

#include <algorithm>

#include "signaling/stack/options_request.h"

namespace sallyport::stack {
namespace {

constexpr std::uint32_t missed_to_silence = 2;

// Of the interval within which silence is noticed: until the first probe that is not answered, and twice for an answer.
struct Pace {
    Duration between, for_an_answer;
};
Pace pace_of(Duration interval) {
    const Duration answer = std::min<Duration>(5s, interval / 3);
    return {interval - missed_to_silence * answer, answer};
}

Duration interval_of(const config::Trunk& trunk) {
    const bool probed = trunk.mode == config::TrunkMode::registration && !trunk.disabled;
    return std::chrono::seconds(probed ? trunk.network.options_interval_seconds : 0);
}

Duration interval_of(const config::Snapshot* config, const std::string& trunk) {
    if (config == nullptr) return {};
    const auto found = config->trunks.find(trunk);
    return found == config->trunks.end() ? Duration{} : interval_of(found->second);
}

// Through a proxy (Path) the flow is the proxy's.
bool is_own_over_udp(const registrar::Binding& binding) {
    return binding.flow.transport == Transport::udp && !binding.flow_closed && binding.path.empty();
}

}  // namespace

void FlowProbes::configure(const config::Snapshot& config, const std::vector<registrar::Binding>& bindings,
                           b2bua::Context& cx) {
    for (const auto& binding : bindings) {
        const auto trunk = config.trunks.find(binding.trunk);
        if (trunk == config.trunks.end() || by_flow_.contains(binding.flow)) continue;
        if (cx.settings.is_home(binding.call_id)) registered(trunk->second, binding, cx);
    }
}

void FlowProbes::registered(const config::Trunk& trunk, const registrar::Binding& binding, b2bua::Context& cx) {
    const Duration interval = interval_of(trunk);
    if (interval == Duration{} || !is_own_over_udp(binding)) return;
    const auto [known, fresh] = by_flow_.try_emplace(binding.flow, last_ + 1);
    if (fresh) ++last_;
    const std::uint64_t number = known->second;
    Watched& watched = watched_[number];
    if (!fresh && watched.trunk == trunk.id) {
        watched.contact = binding.contact;
        watched.missed = 0;
        watched.silent = false;  // and so says its binding
        return;
    }
    if (watched.timer != 0) cx.timers.cancel(watched.timer);
    asked_.erase(watched.asked);
    watched = {binding.flow, trunk.id, binding.contact, 0, {}, 0, false, false};
    // Those that register together are not asked together.
    start(number, watched, Duration(1ms) * cx.random.below(static_cast<std::uint32_t>(interval / 1ms)), cx);
}

void FlowProbes::start(std::uint64_t number, Watched& watched, Duration after, b2bua::Context& cx) {
    if (watched.timer != 0) cx.timers.cancel(watched.timer);
    watched.timer = cx.timers.start(cx.now + after, {transaction::TimerOwner::flow_probes, 0, number, 0});
}

bool FlowProbes::is_there(const Watched& watched, const b2bua::Context& cx) const {
    return cx.locations.look_at(watched.trunk, [&](const auto& bindings) {
        return std::any_of(bindings.begin(), bindings.end(), [&](const registrar::Binding& binding) {
            return binding.flow == watched.flow && is_own_over_udp(binding) && binding.expires_at > cx.now;
        });
    });
}

void FlowProbes::set_silent(Watched& watched, bool silent, b2bua::Context& cx) {
    if (std::exchange(watched.silent, silent) == silent) return;
    if (cx.locations.set_silent(watched.trunk, watched.flow, silent)) news_.push_back(watched.trunk);
}

void FlowProbes::forget(All::iterator watched) {
    asked_.erase(watched->second.asked);
    by_flow_.erase(watched->second.flow);
    watched_.erase(watched);
}

void FlowProbes::on_timer(std::uint64_t number, const config::Snapshot* config, b2bua::Context& cx) {
    const auto found = watched_.find(number);
    if (found == watched_.end()) return;
    Watched& watched = found->second;
    watched.timer = 0;
    const Duration interval = interval_of(config, watched.trunk);
    if (interval == Duration{} || !is_there(watched, cx)) {
        set_silent(watched, false, cx);  // nobody would take it back
        return forget(found);
    }
    if (watched.asked) {
        asked_.erase(watched.asked);
        watched.asked = {};
        if (++watched.missed >= missed_to_silence) {
            if (!watched.answers) return forget(found);
            set_silent(watched, true, cx);
        }
    }
    watched.asked =
        cx.layer.send(watched.flow, options_request(cx, watched.flow, watched.contact), {}, cx.now, cx.effects);
    asked_[watched.asked] = number;
    sent_.add();
    start(number, watched, watched.silent ? interval : pace_of(interval).for_an_answer, cx);
}

bool FlowProbes::on_response(const transaction::Response& response, const config::Snapshot* config,
                             b2bua::Context& cx) {
    const auto found = asked_.find(response.client);
    if (found == asked_.end()) return false;
    if (response.message.status() < 200) return true;
    const std::uint64_t number = found->second;
    asked_.erase(found);
    Watched& watched = watched_.at(number);
    watched.asked = {};
    watched.missed = 0;
    watched.answers = true;
    set_silent(watched, false, cx);
    const Duration interval = interval_of(config, watched.trunk);
    start(number, watched, pace_of(interval).between, cx);
    return true;
}

// What its timer will find unanswered.
bool FlowProbes::on_client_failed(const transaction::ClientFailed& failed) { return asked_.erase(failed.client) != 0; }

}  // namespace sallyport::stack
