// Every binding of the node, shared by its shards (striped locks; the only state besides gauges that is).
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "signaling/registrar/binding.h"

namespace sallyport::registrar {

class LocationStore {
public:
    // All bindings of the trunk replaced by what `edit` makes of them, atomically. `edit(std::vector<Binding>&)` returns
    // true to commit.
    template <class Edit>
    bool update(std::string_view trunk, Edit&& edit) {
        Stripe& s = stripe(trunk);
        const std::lock_guard lock(s.mutex);
        const auto found = s.bindings.find(trunk);
        std::vector<Binding> copy = found == s.bindings.end() ? std::vector<Binding>{} : found->second;
        if (!edit(copy)) return false;
        if (copy.empty()) {
            if (found != s.bindings.end()) s.bindings.erase(found);
        } else if (found == s.bindings.end()) {
            s.bindings.emplace(std::string(trunk), std::move(copy));
        } else {
            found->second = std::move(copy);
        }
        return true;
    }
    // Live ones, best first: not expired, flow open, by q.
    std::vector<Binding> usable(std::string_view trunk, TimePoint now) const;
    // The trunk whose binding came over this flow, if any: identifies requests of a registered PBX.
    std::optional<std::string> trunk_of(const Flow& flow, TimePoint now) const;
    void flow_closed(const Flow& flow);
    std::size_t expire(TimePoint now);      // removes what has expired; how many
    std::vector<Binding> all() const;       // for operators; a copy
    std::size_t size() const;
    void remove_trunk(std::string_view trunk);

private:
    struct Stripe {
        mutable std::mutex mutex;
        std::map<std::string, std::vector<Binding>, std::less<>> bindings;  // by trunk
    };
    static constexpr std::size_t stripe_count = 64;
    Stripe& stripe(std::string_view trunk) { return stripes_[std::hash<std::string_view>{}(trunk) % stripe_count]; }
    const Stripe& stripe(std::string_view trunk) const {
        return stripes_[std::hash<std::string_view>{}(trunk) % stripe_count];
    }
    std::array<Stripe, stripe_count> stripes_;
};

}  // namespace sallyport::registrar
