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

Admission TrunkGauges::admit(std::string_view trunk, const config::Limits& limits, TimePoint now,
                             double price_per_minute, Turn turn) {
    auto held = gauge(trunk);
    Slot slot = take_slot(*held, limits.concurrent_calls);
    while (slot == Slot::gauge_retired) {
        held = gauge(trunk);
        slot = take_slot(*held, limits.concurrent_calls);
    }
    if (slot == Slot::none_free) return Admission::too_many_calls;
    const bool affordable = take_budget(*held, price_per_minute, limits.cost_per_day, now);
    if (affordable && (turn == Turn::had || take_turn(*held, limits.calls_per_second, now))) return Admission::admitted;
    if (affordable) give_budget(*held, price_per_minute);
    give_slot(*held);
    return affordable ? Admission::too_fast : Admission::over_budget;
}

bool TrunkGauges::take_budget(Gauge& gauge, double price_per_minute, double allowance, TimePoint now) {
    if (price_per_minute <= 0) return true;
    const std::lock_guard lock(gauge.spending_mutex);
    return gauge.spending.take_place(price_per_minute, allowance, now);
}

void TrunkGauges::give_budget(Gauge& gauge, double price_per_minute) {
    if (price_per_minute <= 0) return;
    const std::lock_guard lock(gauge.spending_mutex);
    gauge.spending.give_place(price_per_minute);
}

void TrunkGauges::begin_spending(std::string_view trunk, double price_per_minute, TimePoint since, TimePoint now) {
    if (price_per_minute <= 0) return;
    const auto held = gauge(trunk);
    const std::lock_guard lock(held->spending_mutex);
    held->spending.begin(price_per_minute, since, now);
}

void TrunkGauges::end_spending(std::string_view trunk, double price_per_minute, TimePoint now) {
    if (price_per_minute <= 0) return;
    const auto held = gauge(trunk);
    const std::lock_guard lock(held->spending_mutex);
    held->spending.end(price_per_minute, now);
}

void TrunkGauges::hold(std::string_view trunk, double price_per_minute) {
    auto held = gauge(trunk);
    while (take_slot(*held, 0) == Slot::gauge_retired) held = gauge(trunk);
    if (price_per_minute <= 0) return;
    const std::lock_guard lock(held->spending_mutex);
    held->spending.hold_place(price_per_minute);
}

void TrunkGauges::release(std::string_view trunk, double price_per_minute) {
    const auto held = find(trunk);
    if (!held) return;
    give_budget(*held, price_per_minute);
    give_slot(*held);
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
