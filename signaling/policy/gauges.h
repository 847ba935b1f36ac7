// How many calls each trunk has, how fast they come and what they cost, counted exactly across the shards of a node:
// one atomic number, one theoretical arrival time (GCRA) and one spending a trunk. Knows limits only as arguments;
// decides nothing else.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

#include "control/base/time.h"
#include "control/config/model.h"
#include "signaling/policy/spending.h"

namespace sallyport::policy {

enum class Admission : std::uint8_t { admitted, too_many_calls, too_fast, over_budget };

enum class Turn : std::uint8_t { needed, had };  // of the calls per second

class TrunkGauges {
public:
    // Admitted: one call is held until release(). A burst of one second's worth of calls is let through.
    // `price_per_minute`: of the call; one that costs nothing has no budget to keep to.
    Admission admit(std::string_view trunk, const config::Limits& limits, TimePoint now, double price_per_minute = 0,
                    Turn turn = Turn::needed);
    void hold(std::string_view trunk, double price_per_minute = 0);  // no questions asked: restored calls
    void release(std::string_view trunk, double price_per_minute = 0);
    // From answer to end of a call that has a price.
    void begin_spending(std::string_view trunk, double price_per_minute, TimePoint since, TimePoint now);
    void end_spending(std::string_view trunk, double price_per_minute, TimePoint now);
    std::uint32_t calls(std::string_view trunk) const;
    // Forgets idle trunks that are no longer provisioned.
    void prune(const std::function<bool(std::string_view trunk)>& provisioned);

private:
    // Calls of a gauge that prune() has taken out of the map: whoever still holds it must fetch the trunk's new one.
    static constexpr std::uint32_t retired = 0xffff'ffff;
    struct Gauge {
        std::atomic<std::uint32_t> calls{0};
        std::atomic<std::int64_t> next_arrival{0};  // nanoseconds since the epoch
        std::mutex spending_mutex;
        Spending spending;
    };
    struct Stripe {
        mutable std::mutex mutex;  // of the map; the gauges are atomic
        std::map<std::string, std::shared_ptr<Gauge>, std::less<>> gauges;
    };
    std::shared_ptr<Gauge> gauge(std::string_view trunk);
    std::shared_ptr<Gauge> find(std::string_view trunk) const;
    enum class Slot : std::uint8_t { taken, none_free, gauge_retired };
    static Slot take_slot(Gauge& gauge, std::uint32_t limit);
    static void give_slot(Gauge& gauge);
    static bool take_budget(Gauge& gauge, double price_per_minute, double allowance, TimePoint now);
    static void give_budget(Gauge& gauge, double price_per_minute);
    static bool take_turn(Gauge& gauge, double per_second, TimePoint now);

    static constexpr std::size_t stripe_count = 64;
    std::array<Stripe, stripe_count> stripes_;
};

}  // namespace sallyport::policy
