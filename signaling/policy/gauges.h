// How many calls each customer, trunk and number has, how fast they come, what media they take and what they cost,
// counted exactly across the shards of a node: a call is in all of its gauges or in none. Knows limits only as
// arguments; decides nothing else.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "control/base/time.h"
#include "signaling/policy/holding.h"
#include "signaling/policy/spending.h"

namespace sallyport::policy {

enum class Admission : std::uint8_t { admitted, too_many_calls, too_much_bandwidth, too_fast, over_budget };

enum class Turn : std::uint8_t { needed, had };  // of the calls per second

// One gauge that a call needs a place in, and what bounds it. 0: nothing does.
struct Level {
    std::string gauge;
    std::uint32_t concurrent_calls = 0;
    double calls_per_second = 0;
    std::uint32_t burst = 0;  // calls at once; 0: one second's worth
    std::uint32_t bandwidth_kbps = 0;
    double cost_per_day = 0;  // of a trunk
    Turn turn = Turn::needed;
    bool pays = true;  // a trunk: what the call costs is on its budget
};
struct Use {
    std::uint32_t calls = 0;
    std::uint64_t kbps = 0;
};

class CallGauges {
public:
    struct Answer {
        Admission admission = Admission::admitted;
        std::size_t level = 0;  // the one that has no room
    };
    // Admitted: `call` holds `levels` until release(), and those of them that pay. `instead_of`: what the same call
    // holds by now is given back in the same moment, or kept if it is refused; where it has a place it needs no turn.
    Answer admit(std::span<const Level> levels, Holding& call, TimePoint now, const Holding* instead_of = nullptr);
    void hold(const Holding& call);  // no questions asked: emergencies, restored calls
    void exchange(const Holding& call, const Holding& instead_of);
    void release(const Holding& call);
    // From answer to end of a call that has a price.
    void begin_spending(std::string_view trunk, double price_per_minute, TimePoint since, TimePoint now);
    void end_spending(std::string_view trunk, double price_per_minute, TimePoint now);

    Use use(std::string_view gauge) const;
    std::uint32_t calls(std::string_view gauge) const { return use(gauge).calls; }
    // Those with calls whose names begin so, in no order.
    std::vector<std::pair<std::string, Use>> uses(std::string_view beginning) const;
    // Forgets idle gauges that are no longer provisioned.
    void prune(const std::function<bool(std::string_view gauge)>& provisioned);
    // What another one has counted, `later`: for asking what would be.
    void copy(const CallGauges& other, Duration later);

    static constexpr std::size_t stripe_count = 64;
    static std::size_t stripe_index(std::string_view gauge) {
        return std::hash<std::string_view>{}(gauge) % stripe_count;
    }

private:
    struct Gauge {
        std::mutex mutex;
        std::uint32_t calls = 0;
        std::uint64_t kbps = 0;
        std::int64_t next_arrival = 0;  // theoretical arrival time (GCRA), nanoseconds since the epoch
        Spending spending;
        bool retired = false;  // no longer in the map: whoever still holds it must fetch the new one
    };
    using GaugePtr = std::shared_ptr<Gauge>;
    struct Stripe {
        mutable std::mutex mutex;  // of the map
        std::map<std::string, GaugePtr, std::less<>> gauges;
    };
    class Locked;
    Stripe& stripe_of(std::string_view gauge) { return stripes_[stripe_index(gauge)]; }
    GaugePtr fetch(std::string_view gauge);
    GaugePtr find(std::string_view gauge) const;
    void forget_idle_numbers(const Holding& call);
    static void take(Locked& locked, const Holding& call);
    static void give(Locked& locked, const Holding& call);
    static Answer judge(Locked& locked, std::span<const Level> levels, const Holding& call, TimePoint now,
                        const Holding* instead_of);

    std::array<Stripe, stripe_count> stripes_;
};

}  // namespace sallyport::policy
