// One health state per trunk, as operators know it: can calls to its numbers go anywhere, since when is that so, and
// why. Shared by the shards of a node; whoever has news of a trunk has it judged anew. Sends nothing, probes nothing.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "control/base/time.h"
#include "control/config/model.h"
#include "signaling/registrar/binding.h"

namespace sallyport::policy {

enum class TrunkState : std::uint8_t { registered, reachable, degraded, down, disabled };
inline constexpr std::size_t trunk_state_count = 5;
std::string_view to_string(TrunkState state);

// One fixed address of a static PBX, as its probes have it.
struct TrunkTarget {
    std::string text, detail;  // "192.0.2.20:5080;udp", "answers 200"
    bool up = true;
};
struct TrunkCondition {
    TrunkState state = TrunkState::down;
    std::string why;
    std::uint32_t contacts = 0;           // that can be called
    std::optional<TimePoint> look_again;  // when time alone may change it: the next binding to expire
};
// `bindings`: all of the trunk's, those with closed flows too. `targets`: of a static trunk, none if nothing is probed.
TrunkCondition judge(const config::Trunk& trunk, const std::vector<registrar::Binding>& bindings,
                     const std::vector<TrunkTarget>& targets, TimePoint now);

class TrunkStates {
public:
    struct Entry {
        TrunkState state = TrunkState::down;
        std::string why;
        TimePoint since{};
        std::uint32_t contacts = 0;
        std::optional<TimePoint> look_again;
        std::string trouble;  // what last kept the PBX from registering, until it succeeds
    };
    // The state before, when this one is another; of a trunk that is new here too, then without a state before.
    struct Change {
        std::optional<TrunkState> before;
        TrunkState now = TrunkState::down;
        std::string why;
    };
    std::optional<Change> note(std::string_view trunk, TrunkCondition condition, TimePoint now);
    // Wrong password, wrong contact: shown as the reason while the trunk is down. At most `trouble_bytes` are kept.
    // Takes as long where there is no such trunk, or it is not down.
    void note_trouble(std::string_view trunk, std::string_view text);

    std::vector<std::string> due(TimePoint now) const;      // trunks whose look_again has come
    std::map<std::string, Entry, std::less<>> all() const;  // a copy, by trunk
    std::array<std::uint64_t, trunk_state_count> counts() const;
    template <class Provisioned>
    void prune(Provisioned&& provisioned) {
        const std::lock_guard lock(mutex_);
        std::erase_if(entries_, [&](const auto& entry) { return !provisioned(entry.first); });
    }

private:
    static constexpr std::size_t trouble_bytes = 200;
    mutable std::mutex mutex_;
    std::map<std::string, Entry, std::less<>> entries_;
    Entry nobody_;  // what is noted of no trunk
};

}  // namespace sallyport::policy
