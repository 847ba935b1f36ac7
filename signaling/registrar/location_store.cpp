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
            if (is_usable(b, now)) live.push_back(b);
    }
    // Among equals the PBX's latest word is the best guess of where it is.
    std::stable_sort(live.begin(), live.end(), [](const Binding& a, const Binding& b) {
        return a.q != b.q ? a.q > b.q : a.registered_at > b.registered_at;
    });
    return live;
}

std::optional<std::string> LocationStore::trunk_of(const Flow& flow, TimePoint now) const {
    std::optional<std::string> only;
    for (const std::string& trunk : trunks_over(flow)) {
        if (only == trunk || !is_bound(trunk, flow, now)) continue;
        if (only) return std::nullopt;
        only = trunk;
    }
    return only;
}

bool LocationStore::has_binding(const Flow& flow, TimePoint now) const {
    const auto trunks = trunks_over(flow);
    return std::any_of(trunks.begin(), trunks.end(), [&](const auto& trunk) { return is_bound(trunk, flow, now); });
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
    auto trunks = trunks_over(flow);
    for (const std::string& trunk : trunks)
        update(trunk, [&](std::vector<Binding>& bindings) {
            for (Binding& b : bindings)
                if (b.flow == flow) b.flow_closed = true;
            return true;
        });
    return trunks;
}

std::vector<std::string> LocationStore::take_flow(const Flow& flow, std::string_view trunk) {
    std::vector<std::string> displaced;
    if (flow.connection != 0 || flow.transport != Transport::udp) return displaced;
    for (const std::string& other : trunks_over(flow)) {
        if (other == trunk) continue;
        const bool had = update(other, [&](std::vector<Binding>& bindings) {
            bool lost = false;
            for (Binding& b : bindings) {
                if (b.flow != flow || b.flow_closed || !b.path.empty()) continue;
                lost = b.flow_closed = true;
            }
            return lost;
        });
        if (had) displaced.push_back(other);
    }
    return displaced;
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

void LocationStore::index(const Binding& binding) {
    FlowStripe& s = flow_stripe(binding.flow);
    const std::lock_guard lock(s.mutex);
    s.trunks[binding.flow].push_back(binding.trunk);
    size_.fetch_add(1, std::memory_order_relaxed);
}

void LocationStore::unindex(const Binding& binding) {
    FlowStripe& s = flow_stripe(binding.flow);
    const std::lock_guard lock(s.mutex);
    size_.fetch_sub(1, std::memory_order_relaxed);
    const auto found = s.trunks.find(binding.flow);
    if (found == s.trunks.end()) return;
    auto& trunks = found->second;
    const auto one = std::find(trunks.begin(), trunks.end(), binding.trunk);
    if (one != trunks.end()) trunks.erase(one);
    if (trunks.empty()) s.trunks.erase(found);
}

std::vector<std::string> LocationStore::trunks_over(const Flow& flow) const {
    const FlowStripe& s = flow_stripe(flow);
    const std::lock_guard lock(s.mutex);
    const auto found = s.trunks.find(flow);
    return found == s.trunks.end() ? std::vector<std::string>{} : found->second;
}

}  // namespace sallyport::registrar
