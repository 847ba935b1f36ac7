#include "signaling/stack/views.h"

#include <algorithm>

namespace sallyport::stack {
namespace {

CallView view_of(const b2bua::CallRecord& record, std::string state) {
    CallView view;
    view.id = record.id;
    view.session_id = record.session_id;
    view.trunk = record.trunk;
    view.direction = record.direction;
    view.from = record.caller;
    view.to = record.called;
    view.state = std::move(state);
    view.cause = record.reason;
    view.started = record.started;
    view.answered = record.answered;
    view.ended = record.ended;
    view.status = record.status;
    for (const auto& call_id : {record.call_id_a, record.call_id_b})
        if (!call_id.empty()) view.sip_call_ids.push_back(call_id);
    return view;
}

bool is_named(const b2bua::CallRecord& record, std::string_view name) {
    return record.id == name || record.call_id_a == name || record.call_id_b == name || record.session_id == name;
}

}  // namespace

std::vector<CallView> call_views(const b2bua::CallTable& calls, bool live_only, std::size_t limit,
                                 std::string_view trunk) {
    if (limit == 0) return {};
    const auto wanted = [&](const b2bua::CallRecord& record) { return trunk.empty() || record.trunk == trunk; };
    const auto newer = [](const b2bua::Call* a, const b2bua::Call* b) {
        return a->record().started > b->record().started;
    };
    std::vector<const b2bua::Call*> newest;  // a heap with the oldest of them on top
    calls.for_each([&](const b2bua::Call& call) {
        if (!wanted(call.record())) return;
        if (newest.size() == limit) {
            if (!newer(&call, newest.front())) return;
            std::pop_heap(newest.begin(), newest.end(), newer);
            newest.pop_back();
        }
        newest.push_back(&call);
        std::push_heap(newest.begin(), newest.end(), newer);
    });
    std::sort_heap(newest.begin(), newest.end(), newer);
    std::vector<CallView> out;
    out.reserve(newest.size());
    for (const auto* call : newest) out.push_back(view_of(call->record(), std::string(to_string(call->phase()))));
    if (live_only) return out;
    for (const auto& finished : calls.recent()) {
        if (out.size() >= limit) break;
        if (wanted(finished.record)) out.push_back(view_of(finished.record, "ended"));
    }
    return out;
}

std::optional<CallView> call_view(const b2bua::CallTable& calls, std::string_view name) {
    std::optional<CallView> found;
    calls.for_each([&](const b2bua::Call& call) {
        if (found || !is_named(call.record(), name)) return;
        found = view_of(call.record(), std::string(to_string(call.phase())));
        found->ladder = call.ladder();
    });
    if (found) return found;
    for (const auto& finished : calls.recent()) {
        if (!is_named(finished.record, name)) continue;
        found = view_of(finished.record, "ended");
        found->ladder = draw_ladder(finished.record, finished.lines, finished.columns);
        found->record = finished.record;
        return found;
    }
    return std::nullopt;
}

std::vector<TargetView> target_views(const Health& watched, const b2bua::TargetHealth& health, TimePoint now) {
    std::vector<TargetView> out;
    for (const auto& target : watched.watched()) {
        const auto* entry = health.find(target.key);
        TargetView view{target.carrier, target.trunk, b2bua::target_text(target.target), "not asked yet", true, {}};
        if (entry != nullptr) {
            view.detail = entry->detail;
            view.up = entry->usable(now);
        }
        std::size_t usable = 0;
        for (const auto& place : target.places) {
            const auto* at = health.find(place.key);
            const bool up = at == nullptr || at->usable(now);
            usable += up ? 1 : 0;
            view.addresses.push_back({place.text, at != nullptr ? at->detail : "not asked yet", up});
        }
        if (!view.addresses.empty() && usable < view.addresses.size()) {
            view.up = view.up && usable > 0;
            view.detail += ", " + std::to_string(usable) + " of them usable";
        }
        out.push_back(std::move(view));
    }
    return out;
}

}  // namespace sallyport::stack
