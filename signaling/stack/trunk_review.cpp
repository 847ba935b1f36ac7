// The health state of each trunk, judged when there is news of it: it registered, a connection broke, a binding
// expired, a place of it went down, it was provisioned. Every change is told once, in the log.
#include <algorithm>

#include "signaling/stack/core.h"

namespace sallyport::stack {
namespace {

constexpr Duration review_interval = 1s;

b2bua::Severity severity_of(policy::TrunkState state) {
    switch (state) {
        case policy::TrunkState::registered:
        case policy::TrunkState::reachable:
        case policy::TrunkState::disabled: return b2bua::Severity::info;
        case policy::TrunkState::degraded:
        case policy::TrunkState::down: return b2bua::Severity::warning;
    }
    return b2bua::Severity::warning;
}

}  // namespace

bool Core::has_registrar(std::string_view realm) const {
    return std::any_of(settings.realms.begin(), settings.realms.end(),
                       [&](const Realm& r) { return r.name == realm && r.has_registrar(); });
}

void Core::review_trunk(const config::Trunk& trunk, std::string_view hint) {
    const auto targets = health.targets_of(trunk, target_health);
    auto condition = shared.locations.look_at(
        trunk.id, [&](const auto& bindings) { return policy::judge(trunk, bindings, targets, now_); });
    const bool bad = condition.state == policy::TrunkState::degraded || condition.state == policy::TrunkState::down;
    if (bad && trunk.mode == config::TrunkMode::registration && !has_registrar(trunk.realm))
        hint = "its realm has no registrar on this node";
    if (bad && !hint.empty()) condition.why.append(": ").append(hint);
    const auto change = shared.trunk_states.note(trunk.id, std::move(condition), now_);
    if (!change || (!change->before && change->now != policy::TrunkState::degraded)) return;  // new here is no news
    log(severity_of(change->now), "trunk-" + std::string(to_string(change->now)), trunk.id, change->why);
}

void Core::review_trunks(const std::vector<std::string>& trunks, std::string_view hint) {
    if (!snapshot) return;
    for (const auto& id : trunks)
        if (const auto found = snapshot->trunks.find(id); found != snapshot->trunks.end())
            review_trunk(found->second, hint);
}

// One shard is enough for what concerns all.
void Core::review_all_trunks() {
    if (!snapshot || config.shard != 0) return;
    for (const auto& [id, trunk] : snapshot->trunks) review_trunk(trunk);
}

void Core::keep_reviewing() {
    if (config.shard != 0 || trunk_review_ != 0 || !snapshot || snapshot->trunks.empty()) return;
    trunk_review_ = timers.start(now_ + review_interval, {transaction::TimerOwner::trunk_review, 0, 0, 0});
}

}  // namespace sallyport::stack
