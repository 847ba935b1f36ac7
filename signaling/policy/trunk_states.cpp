#include "signaling/policy/trunk_states.h"

#include <algorithm>

#include "control/base/check.h"

namespace sallyport::policy {
namespace {

std::string counted(std::size_t n, std::string_view noun) {
    return std::to_string(n) + ' ' + std::string(noun) + (n == 1 ? "" : "s");
}

// A PBX that came back over another connection is not worse off for the one it left.
bool is_superseded(const registrar::Binding& lost, const std::vector<registrar::Binding>& bindings, TimePoint now) {
    return std::any_of(bindings.begin(), bindings.end(), [&](const registrar::Binding& other) {
        const bool same = other.call_id == lost.call_id || (!lost.instance.empty() && other.instance == lost.instance);
        return same && !other.flow_closed && !other.silent && other.expires_at > now;
    });
}

std::string place_of(const registrar::Binding& binding) {
    return std::string(to_string(binding.flow.transport)) + " from " + binding.flow.remote.to_string();
}

// What an operator goes to look at; of many, the first few.
std::string places_of(const std::vector<const registrar::Binding*>& lost) {
    constexpr std::size_t most_named = 3;
    std::string out;
    for (std::size_t i = 0; i < std::min(lost.size(), most_named); ++i)
        out += (out.empty() ? "" : ", ") + place_of(*lost[i]);
    return lost.size() > most_named ? out + " and " + std::to_string(lost.size() - most_named) + " more" : out;
}

TrunkCondition judge_registered(const std::vector<registrar::Binding>& bindings, TimePoint now) {
    TrunkCondition out;
    std::vector<const registrar::Binding*> lost, silent;
    const registrar::Binding* newest = nullptr;
    for (const auto& binding : bindings) {
        if (binding.expires_at <= now) continue;
        if (!out.look_again || binding.expires_at < *out.look_again) out.look_again = binding.expires_at;
        if (binding.flow_closed || binding.silent) {
            if (!is_superseded(binding, bindings, now)) (binding.flow_closed ? lost : silent).push_back(&binding);
            continue;
        }
        ++out.contacts;
        if (newest == nullptr || binding.registered_at > newest->registered_at) newest = &binding;
    }
    if (newest == nullptr) {
        // What has just expired may be renewed by somebody who read the clock before: it is looked at once more.
        if (!out.look_again && !bindings.empty()) out.look_again = now + 1s;
        if (!silent.empty())
            out.why = "it no longer answers where it has registered from (" + places_of(silent) + ")";
        else if (!lost.empty())
            out.why = "the connection it registered over is gone, and it has not come back (" + places_of(lost) + ")";
        else
            out.why = "it is not registered";
        return out;
    }
    const std::string all = " of its " + counted(lost.size() + silent.size() + out.contacts, "contact");
    out.state = lost.empty() && silent.empty() ? TrunkState::registered : TrunkState::degraded;
    if (!lost.empty())
        out.why = "the connections of " + std::to_string(lost.size()) + all + " are gone (" + places_of(lost) + ")";
    else if (!silent.empty())
        out.why = std::to_string(silent.size()) + all +
                  (silent.size() == 1 ? " no longer answers (" : " no longer answer (") + places_of(silent) + ")";
    else
        out.why = counted(out.contacts, "contact") + ", the latest over " + place_of(*newest);
    return out;
}

TrunkCondition judge_static(const config::Trunk& trunk, const std::vector<TrunkTarget>& targets) {
    TrunkCondition out;
    const auto up = static_cast<std::size_t>(
        std::count_if(targets.begin(), targets.end(), [](const TrunkTarget& target) { return target.up; }));
    out.contacts = static_cast<std::uint32_t>(targets.empty() ? trunk.targets.size() : up);
    if (targets.empty()) {
        out.state = TrunkState::reachable;
        out.why = counted(trunk.targets.size(), "target") + ", not probed";
        return out;
    }
    out.state = up == targets.size() ? TrunkState::reachable : up > 0 ? TrunkState::degraded : TrunkState::down;
    for (const auto& target : targets)
        if (target.up == (up == targets.size()))
            out.why += (out.why.empty() ? "" : "; ") + target.text + " " + target.detail;
    return out;
}

}  // namespace

std::string_view to_string(TrunkState state) {
    switch (state) {
        case TrunkState::registered: return "registered";
        case TrunkState::reachable: return "reachable";
        case TrunkState::degraded: return "degraded";
        case TrunkState::down: return "down";
        case TrunkState::disabled: return "disabled";
    }
    SALLYPORT_CHECK(false);
}

TrunkCondition judge(const config::Trunk& trunk, const std::vector<registrar::Binding>& bindings,
                     const std::vector<TrunkTarget>& targets, TimePoint now) {
    TrunkCondition out;
    if (trunk.disabled) {
        out.state = TrunkState::disabled;
        out.why = "disabled by provisioning";
        return out;
    }
    if (trunk.mode == config::TrunkMode::static_) return judge_static(trunk, targets);
    return judge_registered(bindings, now);
}

std::optional<TrunkStates::Change> TrunkStates::note(std::string_view trunk, TrunkCondition condition, TimePoint now) {
    const std::lock_guard lock(mutex_);
    const auto found = entries_.find(trunk);
    const bool fresh = found == entries_.end();
    Entry& entry = fresh ? entries_[std::string(trunk)] : found->second;
    std::optional<Change> change;
    if (fresh || entry.state != condition.state) {
        change = Change{fresh ? std::nullopt : std::optional(entry.state), condition.state, condition.why};
        entry.state = condition.state;
        entry.since = now;
    }
    if (condition.contacts > 0) entry.trouble.clear();
    entry.why = std::move(condition.why);
    entry.contacts = condition.contacts;
    entry.look_again = condition.look_again;
    return change;
}

void TrunkStates::note_trouble(std::string_view trunk, std::string_view text) {
    const std::lock_guard lock(mutex_);
    const auto found = entries_.find(trunk);
    Entry& entry = found != entries_.end() && found->second.contacts == 0 ? found->second : nobody_;
    entry.trouble = text.substr(0, trouble_bytes);
}

std::vector<std::string> TrunkStates::due(TimePoint now) const {
    std::vector<std::string> out;
    const std::lock_guard lock(mutex_);
    for (const auto& [trunk, entry] : entries_)
        if (entry.look_again && *entry.look_again <= now) out.push_back(trunk);
    return out;
}

std::map<std::string, TrunkStates::Entry, std::less<>> TrunkStates::all() const {
    const std::lock_guard lock(mutex_);
    return entries_;
}

std::array<std::uint64_t, trunk_state_count> TrunkStates::counts() const {
    std::array<std::uint64_t, trunk_state_count> counts{};
    const std::lock_guard lock(mutex_);
    for (const auto& [trunk, entry] : entries_) ++counts[static_cast<std::size_t>(entry.state)];
    return counts;
}

}  // namespace sallyport::policy
