// Every binding of the node, shared by its shards (striped locks; the only state besides gauges that is).
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <deque>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "signaling/registrar/binding.h"

namespace sallyport::registrar {

class LocationStore {
public:
    // All bindings of the trunk replaced by what `edit` makes of them, atomically. `edit(std::vector<Binding>&)`
    // returns true to commit. It runs under a lock: it may not call the store again.
    template <class Edit>
    bool update(std::string_view trunk, Edit&& edit) {
        Stripe& s = stripe(trunk);
        const std::lock_guard lock(s.mutex);
        const auto found = s.bindings.find(trunk);
        std::vector<Binding> copy = found == s.bindings.end() ? std::vector<Binding>{} : found->second;
        if (!edit(copy)) return false;
        replace(s, trunk, std::move(copy));
        return true;
    }
    // The one binding of a trunk that has no other, where it is, for whoever changes when it expires and nothing that
    // it is found by. `edit(Binding&)` returns true if it has; it runs under a lock, as that of update() does. False
    // too where the trunk has none, or several.
    template <class Edit>
    bool renew(std::string_view trunk, Edit&& edit) {
        Stripe& s = stripe(trunk);
        const std::lock_guard lock(s.mutex);
        const auto found = s.bindings.find(trunk);
        if (found == s.bindings.end() || found->second.size() != 1 || !edit(found->second.front())) return false;
        note(s, trunk);
        return true;
    }
    // `look(const std::vector<Binding>&)` at all of the trunk's, where they are. It runs under a lock, as `edit` does.
    template <class Look>
    auto look_at(std::string_view trunk, Look&& look) const {
        static const std::vector<Binding> none;
        const Stripe& s = stripe(trunk);
        const std::lock_guard lock(s.mutex);
        const auto found = s.bindings.find(trunk);
        return look(found == s.bindings.end() ? none : found->second);
    }
    // Live ones, best first: not expired, flow open, not silent, by q.
    std::vector<Binding> usable(std::string_view trunk, TimePoint now) const;
    std::vector<Binding> of(std::string_view trunk) const;  // all of them, also those that cannot be called
    // The trunk whose binding came over this flow, if any: identifies requests of a registered PBX. Nothing when two
    // trunks share the flow: then it identifies neither.
    std::optional<std::string> trunk_of(const Flow& flow, TimePoint now) const;
    bool has_binding(const Flow& flow, TimePoint now) const;  // of however many trunks
    std::vector<std::string> flow_closed(const Flow& flow);   // the trunks that had bindings over it
    // Whether what the trunk has registered itself over this flow is to be called. True: that is news.
    bool set_silent(std::string_view trunk, const Flow& flow, bool silent);
    // This trunk has proved itself over a UDP flow: a NAT has given the port to it. What others had there is not called
    // any more, but for what came through a proxy (Path), whose flow is everybody's. Whose it was.
    std::vector<std::string> take_flow(const Flow& flow, std::string_view trunk);
    // Another one has taken this UDP flow from the trunk, and the trunk has not proved itself over it since: what it
    // still has there, a call or a subscription, would be told to somebody else. The latest 4,096 are remembered.
    bool has_lost(const Flow& flow, std::string_view trunk) const;
    std::size_t expire(TimePoint now);  // removes what has expired; how many
    std::vector<Binding> all() const;   // for operators; a copy
    std::size_t size() const { return size_.load(std::memory_order_relaxed); }
    void remove_trunk(std::string_view trunk);
    // Removes the bindings that `keep(const Binding&)` returns false of; it runs under a lock.
    template <class Keep>
    void prune(Keep&& keep) {
        for (const Binding& each : all()) {
            if (keep(each)) continue;
            update(each.trunk, [&](std::vector<Binding>& bindings) {
                return std::erase_if(bindings, [&](const Binding& b) { return !keep(b); }) > 0;
            });
        }
    }

    // For whoever keeps bindings beyond the process. Trunks whose bindings have changed since the last call, with what
    // they have now; nothing is remembered before the first call of remember_changes().
    void remember_changes() { remembers_.store(true, std::memory_order_relaxed); }
    std::vector<std::pair<std::string, std::vector<Binding>>> take_changes();

private:
    using Trunks = std::map<std::string, std::vector<Binding>, std::less<>>;
    struct Stripe {
        mutable std::mutex mutex;
        Trunks bindings;  // by trunk
        std::set<std::string, std::less<>> changed;
    };
    // Which trunks have open bindings over a flow, and how many: of their own, or through a proxy (Path) that may stand
    // for thousands. Locked after a Stripe or alone, never before one.
    using Counts = std::map<std::string, std::uint32_t, std::less<>>;
    struct Uses {
        Counts own, proxied;
    };
    struct FlowStripe {
        mutable std::mutex mutex;
        std::unordered_map<Flow, Uses> uses;
    };
    static constexpr std::size_t stripe_count = 64;
    // Flows that were taken, and from whom. Locked alone.
    class LostFlows {
    public:
        void add(const Flow& flow, const std::string& trunk);
        void remove(const Flow& flow, std::string_view trunk);
        bool has(const Flow& flow, std::string_view trunk) const;

    private:
        static constexpr std::size_t most = 4'096;
        mutable std::mutex mutex_;
        std::unordered_map<Flow, std::set<std::string, std::less<>>> trunks_;
        std::deque<Flow> ages_;
        std::atomic<bool> any_{false};  // hardly ever: nobody takes the lock until then
    };

    void replace(Stripe& stripe, std::string_view trunk, std::vector<Binding> bindings);
    void note(Stripe& stripe, std::string_view trunk);
    static Counts Uses::*kind(const Binding& binding);
    void index(const Binding& binding);
    void unindex(const Binding& binding);
    // The next trunk over the flow in the order of names, after that one; one at a time, since no look at a trunk may
    // happen under a FlowStripe's lock, and who asks has often seen enough after two.
    std::optional<std::string> next_over(const Flow& flow, Counts Uses::*kind, const std::string* after) const;
    // `visit(trunk)` returns false to stop.
    template <class Visit>
    void visit_over(const Flow& flow, Counts Uses::*kind, Visit&& visit) const {
        for (auto trunk = next_over(flow, kind, nullptr); trunk && visit(*trunk);)
            trunk = next_over(flow, kind, &*trunk);
    }
    template <class Visit>
    void visit_over(const Flow& flow, Visit&& visit) const {
        bool goes_on = true;
        for (const auto kind : {&Uses::own, &Uses::proxied})
            if (goes_on) visit_over(flow, kind, [&](const std::string& trunk) { return goes_on = visit(trunk); });
    }
    bool is_bound(std::string_view trunk, const Flow& flow, TimePoint now) const;

    Stripe& stripe(std::string_view trunk) { return stripes_[std::hash<std::string_view>{}(trunk) % stripe_count]; }
    const Stripe& stripe(std::string_view trunk) const {
        return stripes_[std::hash<std::string_view>{}(trunk) % stripe_count];
    }
    FlowStripe& flow_stripe(const Flow& flow) { return flows_[std::hash<Flow>{}(flow) % stripe_count]; }
    const FlowStripe& flow_stripe(const Flow& flow) const { return flows_[std::hash<Flow>{}(flow) % stripe_count]; }

    std::array<Stripe, stripe_count> stripes_;
    std::array<FlowStripe, stripe_count> flows_;
    LostFlows lost_;
    std::atomic<std::size_t> size_{0};
    std::atomic<bool> remembers_{false};
};

}  // namespace sallyport::registrar
