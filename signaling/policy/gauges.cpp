#include "signaling/policy/gauges.h"

#include <algorithm>

#include "control/base/check.h"

namespace sallyport::policy {
namespace {

constexpr std::int64_t second = 1'000'000'000;
constexpr double longest = 366.0 * 86'400 * 1e9;  // ns: what control lets through is far below, and no sum overflows

std::int64_t spacing_of(const Level& level) {
    return static_cast<std::int64_t>(std::min(1e9 / level.calls_per_second, longest));
}

std::int64_t tolerance_of(const Level& level) {
    const auto spacing = spacing_of(level);
    if (level.burst == 0) return std::max<std::int64_t>(0, second - spacing);
    return static_cast<std::int64_t>(std::min((level.burst - 1.0) * static_cast<double>(spacing), longest));
}

bool contains(const std::vector<std::string>& names, std::string_view name) {
    return std::find(names.begin(), names.end(), name) != names.end();
}

bool pays(const Holding& call, std::string_view gauge) {
    return call.price_per_minute > 0 && contains(call.payers, gauge);
}

}  // namespace

CallGauges::GaugePtr CallGauges::fetch(std::string_view gauge) {
    Stripe& stripe = stripe_of(gauge);
    const std::lock_guard lock(stripe.mutex);
    const auto found = stripe.gauges.find(gauge);
    if (found != stripe.gauges.end()) return found->second;
    return stripe.gauges.emplace(std::string(gauge), std::make_shared<Gauge>()).first->second;
}

CallGauges::GaugePtr CallGauges::find(std::string_view gauge) const {
    const Stripe& stripe = stripes_[stripe_index(gauge)];
    const std::lock_guard lock(stripe.mutex);
    const auto found = stripe.gauges.find(gauge);
    return found == stripe.gauges.end() ? nullptr : found->second;
}

// All gauges of a call and of what it holds, locked in the order of their names, so that no two of them ever wait for
// each other. They are fetched before any is locked: whoever goes through a stripe locks its gauges under its mutex,
// and so nobody may wait for that mutex with a gauge in his hand.
class CallGauges::Locked {
public:
    Locked(CallGauges& owner, std::span<const std::string> some, std::span<const std::string> others) {
        const std::size_t count = some.size() + others.size();
        if (count > few_.size()) many_.resize(count);
        entries_ = many_.empty() ? std::span(few_).first(count) : std::span(many_);
        auto next = entries_.begin();
        for (const auto& names : {some, others})
            for (const auto& name : names) (next++)->name = name;
        std::sort(entries_.begin(), entries_.end(), [](const Entry& a, const Entry& b) { return a.name < b.name; });
        const auto end = std::unique(entries_.begin(), entries_.end(),
                                     [](const Entry& a, const Entry& b) { return a.name == b.name; });
        entries_ = entries_.first(static_cast<std::size_t>(end - entries_.begin()));
        while (!lock(owner)) unlock();
    }
    ~Locked() { unlock(); }
    Locked(const Locked&) = delete;
    Locked& operator=(const Locked&) = delete;

    Gauge& at(std::string_view name) {
        const auto found =
            std::find_if(entries_.begin(), entries_.end(), [&](const Entry& e) { return e.name == name; });
        SALLYPORT_CHECK(found != entries_.end());
        return *found->gauge;
    }

private:
    struct Entry {
        std::string_view name;
        GaugePtr gauge;
    };
    bool lock(CallGauges& owner) {
        for (Entry& entry : entries_) entry.gauge = owner.fetch(entry.name);
        bool current = true;
        for (; locked_ < entries_.size() && current; ++locked_) {
            entries_[locked_].gauge->mutex.lock();
            current = !entries_[locked_].gauge->retired;
        }
        return current;
    }
    void unlock() {
        while (locked_ > 0) entries_[--locked_].gauge->mutex.unlock();
    }
    std::array<Entry, 3 * Holding::most_gauges> few_;  // a third: of who wants the place of another one
    std::vector<Entry> many_;                          // where a checkpoint says that a call has more
    std::span<Entry> entries_;
    std::size_t locked_ = 0;
};

void CallGauges::take(Locked& locked, const Holding& call) {
    for (const auto& name : call.gauges) {
        Gauge& gauge = locked.at(name);
        ++gauge.calls;
        gauge.kbps += call.kbps;
        if (pays(call, name)) gauge.spending.hold_place(call.price_per_minute);
    }
}

// Never below zero: one release too many must not lock a trunk out for ever.
void CallGauges::give(Locked& locked, const Holding& call) {
    for (const auto& name : call.gauges) {
        Gauge& gauge = locked.at(name);
        if (gauge.calls == 0) continue;
        --gauge.calls;
        gauge.kbps -= std::min<std::uint64_t>(gauge.kbps, call.kbps);
        if (pays(call, name)) gauge.spending.give_place(call.price_per_minute);
    }
}

// Places first, turns last: a turn cannot be given back.
CallGauges::Answer CallGauges::judge(Locked& locked, std::span<const Level> levels, const Holding& call, TimePoint now,
                                     const Holding* instead_of) {
    for (std::size_t i = 0; i < levels.size(); ++i) {
        const Gauge& gauge = locked.at(levels[i].gauge);
        if (levels[i].concurrent_calls != 0 && gauge.calls >= levels[i].concurrent_calls)
            return {Admission::too_many_calls, i};
        if (levels[i].bandwidth_kbps != 0 && gauge.kbps + call.kbps > levels[i].bandwidth_kbps)
            return {Admission::too_much_bandwidth, i};
    }
    for (std::size_t i = 0; i < levels.size() && call.price_per_minute > 0; ++i) {
        if (!is_trunk_gauge(levels[i].gauge) || !levels[i].pays) continue;
        Spending& spending = locked.at(levels[i].gauge).spending;
        if (!spending.take_place(call.price_per_minute, levels[i].cost_per_day, now))
            return {Admission::over_budget, i};
        spending.give_place(call.price_per_minute);
    }
    const std::int64_t at = now.time_since_epoch().count();
    const auto needs_turn = [&](const Level& level) {
        return level.calls_per_second > 0 && level.turn == Turn::needed &&
               !(instead_of != nullptr && contains(instead_of->gauges, level.gauge));
    };
    for (std::size_t i = 0; i < levels.size(); ++i)
        if (needs_turn(levels[i]) && locked.at(levels[i].gauge).next_arrival > at + tolerance_of(levels[i]))
            return {Admission::too_fast, i};
    for (const auto& level : levels)
        if (needs_turn(level)) {
            Gauge& gauge = locked.at(level.gauge);
            gauge.next_arrival = std::max(gauge.next_arrival, at) + spacing_of(level);
        }
    return {};
}

CallGauges::Answer CallGauges::admit(std::span<const Level> levels, Holding& call, TimePoint now,
                                     const Holding* instead_of) {
    call.gauges.clear();
    call.payers.clear();
    for (const auto& level : levels) {
        call.gauges.push_back(level.gauge);
        if (call.price_per_minute > 0 && level.pays && is_trunk_gauge(level.gauge)) call.payers.push_back(level.gauge);
    }
    static const Holding nothing;
    const Holding& before = instead_of == nullptr ? nothing : *instead_of;
    Answer answer;
    {
        Locked locked(*this, call.gauges, before.gauges);
        give(locked, before);
        answer = judge(locked, levels, call, now, instead_of);
        take(locked, answer.admission == Admission::admitted ? call : before);
    }
    if (answer.admission != Admission::admitted) {
        forget_idle_numbers(call);
        call.gauges.clear();
        call.payers.clear();
    } else {
        forget_idle_numbers(before);
    }
    return answer;
}

void CallGauges::hold(const Holding& call) {
    Locked locked(*this, call.gauges, {});
    take(locked, call);
}

void CallGauges::exchange(const Holding& call, const Holding& instead_of) {
    {
        Locked locked(*this, call.gauges, instead_of.gauges);
        give(locked, instead_of);
        take(locked, call);
    }
    forget_idle_numbers(instead_of);
}

void CallGauges::release(const Holding& call) {
    {
        Locked locked(*this, call.gauges, {});
        give(locked, call);
    }
    forget_idle_numbers(call);
}

// There are many more numbers than trunks, and most are silent.
void CallGauges::forget_idle_numbers(const Holding& call) {
    for (const auto& name : call.gauges) {
        if (!is_number_gauge(name)) continue;
        Stripe& stripe = stripe_of(name);
        const std::lock_guard lock(stripe.mutex);
        const auto found = stripe.gauges.find(name);
        if (found == stripe.gauges.end()) continue;
        const GaugePtr gauge = found->second;
        const std::lock_guard held(gauge->mutex);
        if (gauge->calls > 0) continue;
        gauge->retired = true;
        stripe.gauges.erase(found);
    }
}

void CallGauges::begin_spending(std::string_view trunk, double price_per_minute, TimePoint since, TimePoint now) {
    if (price_per_minute <= 0) return;
    const std::string name = trunk_gauge(trunk);
    Locked locked(*this, {&name, 1}, {});
    locked.at(name).spending.begin(price_per_minute, since, now);
}

void CallGauges::end_spending(std::string_view trunk, double price_per_minute, TimePoint now) {
    if (price_per_minute <= 0) return;
    const std::string name = trunk_gauge(trunk);
    Locked locked(*this, {&name, 1}, {});
    locked.at(name).spending.end(price_per_minute, now);
}

Use CallGauges::use(std::string_view gauge) const {
    const auto found = find(gauge);
    if (!found) return {};
    const std::lock_guard lock(found->mutex);
    return {found->calls, found->kbps};
}

std::vector<std::pair<std::string, Use>> CallGauges::uses(std::string_view beginning) const {
    std::vector<std::pair<std::string, Use>> out;
    for (const Stripe& stripe : stripes_) {
        const std::lock_guard lock(stripe.mutex);
        for (auto at = stripe.gauges.lower_bound(beginning);
             at != stripe.gauges.end() && at->first.starts_with(beginning); ++at) {
            const std::lock_guard held(at->second->mutex);
            if (at->second->calls > 0) out.emplace_back(at->first, Use{at->second->calls, at->second->kbps});
        }
    }
    return out;
}

void CallGauges::prune(const std::function<bool(std::string_view gauge)>& provisioned) {
    for (Stripe& stripe : stripes_) {
        const std::lock_guard lock(stripe.mutex);
        std::erase_if(stripe.gauges, [&](const auto& entry) {
            if (provisioned(entry.first)) return false;
            const std::lock_guard held(entry.second->mutex);
            if (entry.second->calls > 0) return false;
            return entry.second->retired = true;
        });
    }
}

void CallGauges::copy(const CallGauges& other, Duration later) {
    for (std::size_t i = 0; i < stripe_count; ++i) {
        const std::scoped_lock lock(other.stripes_[i].mutex, stripes_[i].mutex);
        for (const auto& [name, gauge] : other.stripes_[i].gauges) {
            auto mine = std::make_shared<Gauge>();
            const std::lock_guard held(gauge->mutex);
            mine->calls = gauge->calls;
            mine->kbps = gauge->kbps;
            mine->next_arrival = gauge->next_arrival + later.count();
            mine->spending = gauge->spending.moved(later);
            stripes_[i].gauges.insert_or_assign(name, std::move(mine));
        }
    }
}

}  // namespace sallyport::policy
