#include "signaling/registrar/location_store.h"

#include <algorithm>

namespace sallyport::registrar {
namespace {

bool is_usable(const Binding& binding, TimePoint now) { return binding.expires_at > now && !binding.flow_closed; }

}  // namespace

std::vector<Binding> LocationStore::usable(std::string_view trunk, TimePoint now) const {
    std::vector<Binding> live;
    {
        const Stripe& s = stripe(trunk);
        const std::lock_guard lock(s.mutex);
        const auto found = s.bindings.find(trunk);
        if (found == s.bindings.end()) return live;
        for (const Binding& b : found->second)
            if (is_usable(b, now) && !b.silent) live.push_back(b);
    }
    // Among equals the PBX's latest word is the best guess of where it is.
    std::stable_sort(live.begin(), live.end(), [](const Binding& a, const Binding& b) {
        return a.q != b.q ? a.q > b.q : a.registered_at > b.registered_at;
    });
    return live;
}

std::optional<std::string> LocationStore::trunk_of(const Flow& flow, TimePoint now) const {
    std::optional<std::string> only;
    bool shared = false;
    visit_over(flow, [&](const std::string& trunk) {
        if (only == trunk || !is_bound(trunk, flow, now)) return true;
        shared = only.has_value();
        only = trunk;
        return !shared;
    });
    return shared ? std::nullopt : only;
}

bool LocationStore::has_binding(const Flow& flow, TimePoint now) const {
    bool found = false;
    visit_over(flow, [&](const std::string& trunk) { return !(found = is_bound(trunk, flow, now)); });
    return found;
}

bool LocationStore::is_bound(std::string_view trunk, const Flow& flow, TimePoint now) const {
    const Stripe& s = stripe(trunk);
    const std::lock_guard lock(s.mutex);
    const auto found = s.bindings.find(trunk);
    return found != s.bindings.end() && std::any_of(found->second.begin(), found->second.end(), [&](const Binding& b) {
               return b.flow == flow && is_usable(b, now);
           });
}

std::vector<Binding> LocationStore::of(std::string_view trunk) const {
    const Stripe& s = stripe(trunk);
    const std::lock_guard lock(s.mutex);
    const auto found = s.bindings.find(trunk);
    return found == s.bindings.end() ? std::vector<Binding>{} : found->second;
}

std::vector<std::string> LocationStore::flow_closed(const Flow& flow) {
    if (flow.connection == 0) return {};  // one that could not be opened carried no registration
    std::vector<std::string> trunks;
    visit_over(flow, [&](const std::string& trunk) {
        update(trunk, [&](std::vector<Binding>& bindings) {
            for (Binding& b : bindings)
                if (b.flow == flow) b.flow_closed = true;
            return true;
        });
        trunks.push_back(trunk);
        return true;
    });
    return trunks;
}

bool LocationStore::set_silent(std::string_view trunk, const Flow& flow, bool silent) {
    return update(trunk, [&](std::vector<Binding>& bindings) {
        bool changed = false;
        for (Binding& b : bindings)
            if (b.flow == flow && b.path.empty()) changed |= std::exchange(b.silent, silent) != silent;
        return changed;
    });
}

std::vector<std::string> LocationStore::take_flow(const Flow& flow, std::string_view trunk) {
    std::vector<std::string> displaced;
    if (flow.connection != 0 || flow.transport != Transport::udp) return displaced;
    lost_.remove(flow, trunk);
    visit_over(flow, &Uses::own, [&](const std::string& other) {
        if (other == trunk) return true;
        const bool had = update(other, [&](std::vector<Binding>& bindings) {
            bool lost = false;
            for (Binding& b : bindings) {
                if (b.flow != flow || b.flow_closed || !b.path.empty()) continue;
                lost = b.flow_closed = true;
            }
            return lost;
        });
        if (!had) return true;
        lost_.add(flow, other);
        displaced.push_back(other);
        return true;
    });
    return displaced;
}

bool LocationStore::has_lost(const Flow& flow, std::string_view trunk) const { return lost_.has(flow, trunk); }

void LocationStore::LostFlows::add(const Flow& flow, const std::string& trunk) {
    const std::lock_guard lock(mutex_);
    any_.store(true, std::memory_order_relaxed);
    trunks_[flow].insert(trunk);
    ages_.push_back(flow);
    if (ages_.size() <= most) return;
    trunks_.erase(ages_.front());
    ages_.pop_front();
}

void LocationStore::LostFlows::remove(const Flow& flow, std::string_view trunk) {
    if (!any_.load(std::memory_order_relaxed)) return;
    const std::lock_guard lock(mutex_);
    const auto found = trunks_.find(flow);
    if (found == trunks_.end()) return;
    if (const auto at = found->second.find(trunk); at != found->second.end()) found->second.erase(at);
    if (found->second.empty()) trunks_.erase(found);
}

bool LocationStore::LostFlows::has(const Flow& flow, std::string_view trunk) const {
    if (!any_.load(std::memory_order_relaxed) || flow.transport != Transport::udp) return false;
    const std::lock_guard lock(mutex_);
    const auto found = trunks_.find(flow);
    return found != trunks_.end() && found->second.contains(trunk);
}

std::size_t LocationStore::expire(TimePoint now) {
    std::size_t removed = 0;
    for (Stripe& s : stripes_) {
        const std::lock_guard lock(s.mutex);
        for (auto it = s.bindings.begin(); it != s.bindings.end();) {
            const std::size_t over = std::erase_if(it->second, [&](const Binding& b) {
                if (b.expires_at > now) return false;
                unindex(b);
                return true;
            });
            if (over > 0) note(s, it->first);
            removed += over;
            it = it->second.empty() ? s.bindings.erase(it) : std::next(it);
        }
    }
    return removed;
}

std::vector<Binding> LocationStore::all() const {
    std::vector<Binding> copy;
    for (const Stripe& s : stripes_) {
        const std::lock_guard lock(s.mutex);
        for (const auto& [trunk, bindings] : s.bindings) copy.insert(copy.end(), bindings.begin(), bindings.end());
    }
    std::stable_sort(copy.begin(), copy.end(), [](const Binding& a, const Binding& b) { return a.trunk < b.trunk; });
    return copy;
}

void LocationStore::remove_trunk(std::string_view trunk) {
    update(trunk, [](std::vector<Binding>& bindings) {
        bindings.clear();
        return true;
    });
}

void LocationStore::replace(Stripe& s, std::string_view trunk, std::vector<Binding> bindings) {
    note(s, trunk);
    const auto found = s.bindings.find(trunk);
    if (found != s.bindings.end())
        for (const Binding& b : found->second) unindex(b);
    for (const Binding& b : bindings) index(b);
    if (bindings.empty()) {
        if (found != s.bindings.end()) s.bindings.erase(found);
    } else if (found == s.bindings.end()) {
        s.bindings.emplace(std::string(trunk), std::move(bindings));
    } else {
        found->second = std::move(bindings);
    }
}

std::vector<std::pair<std::string, std::vector<Binding>>> LocationStore::take_changes() {
    std::vector<std::pair<std::string, std::vector<Binding>>> out;
    for (Stripe& s : stripes_) {
        const std::lock_guard lock(s.mutex);
        for (const std::string& trunk : s.changed) {
            const auto found = s.bindings.find(trunk);
            out.emplace_back(trunk, found == s.bindings.end() ? std::vector<Binding>{} : found->second);
        }
        s.changed.clear();
    }
    return out;
}

void LocationStore::note(Stripe& s, std::string_view trunk) {
    if (remembers_.load(std::memory_order_relaxed) && !s.changed.contains(trunk)) s.changed.emplace(trunk);
}

LocationStore::Counts LocationStore::Uses::*LocationStore::kind(const Binding& binding) {
    return binding.path.empty() ? &Uses::own : &Uses::proxied;
}

void LocationStore::index(const Binding& binding) {
    size_.fetch_add(1, std::memory_order_relaxed);
    if (binding.flow_closed) return;
    FlowStripe& s = flow_stripe(binding.flow);
    const std::lock_guard lock(s.mutex);
    ++(s.uses[binding.flow].*kind(binding))[binding.trunk];
}

void LocationStore::unindex(const Binding& binding) {
    size_.fetch_sub(1, std::memory_order_relaxed);
    if (binding.flow_closed) return;
    FlowStripe& s = flow_stripe(binding.flow);
    const std::lock_guard lock(s.mutex);
    const auto found = s.uses.find(binding.flow);
    if (found == s.uses.end()) return;
    Counts& counts = found->second.*kind(binding);
    if (const auto one = counts.find(binding.trunk); one != counts.end() && --one->second == 0) counts.erase(one);
    if (found->second.own.empty() && found->second.proxied.empty()) s.uses.erase(found);
}

std::optional<std::string> LocationStore::next_over(const Flow& flow, Counts Uses::*kind,
                                                    const std::string* after) const {
    const FlowStripe& s = flow_stripe(flow);
    const std::lock_guard lock(s.mutex);
    const auto found = s.uses.find(flow);
    if (found == s.uses.end()) return std::nullopt;
    const Counts& counts = found->second.*kind;
    const auto next = after == nullptr ? counts.begin() : counts.upper_bound(*after);
    return next == counts.end() ? std::nullopt : std::optional(next->first);
}

}  // namespace sallyport::registrar
