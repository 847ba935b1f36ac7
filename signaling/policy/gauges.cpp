#include "signaling/policy/gauges.h"

#include <algorithm>

namespace sallyport::policy {

std::shared_ptr<TrunkGauges::Gauge> TrunkGauges::gauge(std::string_view trunk) {
    Stripe& stripe = stripes_[std::hash<std::string_view>{}(trunk) % stripe_count];
    const std::lock_guard lock(stripe.mutex);
    const auto found = stripe.gauges.find(trunk);
    if (found != stripe.gauges.end()) return found->second;
    return stripe.gauges.emplace(std::string(trunk), std::make_shared<Gauge>()).first->second;
}

std::shared_ptr<TrunkGauges::Gauge> TrunkGauges::find(std::string_view trunk) const {
    const Stripe& stripe = stripes_[std::hash<std::string_view>{}(trunk) % stripe_count];
    const std::lock_guard lock(stripe.mutex);
    const auto found = stripe.gauges.find(trunk);
    return found == stripe.gauges.end() ? nullptr : found->second;
}

TrunkGauges::Slot TrunkGauges::take_slot(Gauge& gauge, std::uint32_t limit) {
    std::uint32_t calls = gauge.calls.load(std::memory_order_relaxed);
    do {
        if (calls == retired) return Slot::gauge_retired;
        if (limit != 0 && calls >= limit) return Slot::none_free;
    } while (!gauge.calls.compare_exchange_weak(calls, calls + 1, std::memory_order_relaxed));
    return Slot::taken;
}

// Never below zero: one release too many must not lock a trunk out for ever.
void TrunkGauges::give_slot(Gauge& gauge) {
    std::uint32_t calls = gauge.calls.load(std::memory_order_relaxed);
    do {
        if (calls == 0 || calls == retired) return;
    } while (!gauge.calls.compare_exchange_weak(calls, calls - 1, std::memory_order_relaxed));
}

bool TrunkGauges::take_turn(Gauge& gauge, double per_second, TimePoint now) {
    if (per_second <= 0) return true;
    const auto spacing = static_cast<std::int64_t>(1e9 / per_second);
    const auto burst = std::max<std::int64_t>(0, 1'000'000'000 - spacing);
    const std::int64_t at = now.time_since_epoch().count();
    std::int64_t expected = gauge.next_arrival.load(std::memory_order_relaxed);
    std::int64_t next = 0;
    do {
        if (expected > at + burst) return false;
        next = std::max(expected, at) + spacing;
    } while (!gauge.next_arrival.compare_exchange_weak(expected, next, std::memory_order_relaxed));
    return true;
}

Admission TrunkGauges::admit(std::string_view trunk, const config::Limits& limits, TimePoint now) {
    auto held = gauge(trunk);
    Slot slot = take_slot(*held, limits.concurrent_calls);
    while (slot == Slot::gauge_retired) {
        held = gauge(trunk);
        slot = take_slot(*held, limits.concurrent_calls);
    }
    if (slot == Slot::none_free) return Admission::too_many_calls;
    if (take_turn(*held, limits.calls_per_second, now)) return Admission::admitted;
    give_slot(*held);
    return Admission::too_fast;
}

void TrunkGauges::hold(std::string_view trunk) {
    while (take_slot(*gauge(trunk), 0) == Slot::gauge_retired) {
    }
}

void TrunkGauges::release(std::string_view trunk) {
    if (const auto held = find(trunk)) give_slot(*held);
}

std::uint32_t TrunkGauges::calls(std::string_view trunk) const {
    const auto held = find(trunk);
    return held ? held->calls.load(std::memory_order_relaxed) : 0;
}

void TrunkGauges::prune(const std::function<bool(std::string_view trunk)>& provisioned) {
    for (Stripe& stripe : stripes_) {
        const std::lock_guard lock(stripe.mutex);
        std::erase_if(stripe.gauges, [&](const auto& entry) {
            std::uint32_t idle = 0;
            return !provisioned(entry.first) &&
                   entry.second->calls.compare_exchange_strong(idle, retired, std::memory_order_relaxed);
        });
    }
}

}  // namespace sallyport::policy
