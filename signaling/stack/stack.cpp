#include "signaling/stack/stack.h"

#include "signaling/stack/core.h"
#include "signaling/stack/views.h"

namespace sallyport::stack {

struct Stack::State {
    State(StackConfig config, Shared& shared, RandomSource& random) : core(std::move(config), shared, random) {}
    Core core;
};

Stack::Stack(StackConfig config, Shared& shared, RandomSource& random)
    : state_(std::make_unique<State>(std::move(config), shared, random)) {}
Stack::~Stack() = default;

void Stack::handle(const Input& input, TimePoint now, Outputs& out) { state_->core.handle(input, now, out); }
std::optional<TimePoint> Stack::next_deadline() { return state_->core.timers.next_deadline(); }

bool Stack::calls_for_help(std::string_view bytes) const { return state_->core.seems_for_help(bytes); }
bool Stack::knows(const Flow& flow, TimePoint now) const {
    const Core& core = state_->core;
    return core.shared.proven.has_any(flow) || (core.snapshot && core.identify(flow, now).known());
}
const StackStatistics& Stack::statistics() const { return state_->core.statistics; }
const transaction::LayerStatistics& Stack::transaction_statistics() const { return state_->core.layer.statistics(); }
std::uint64_t Stack::config_revision() const { return state_->core.snapshot ? state_->core.snapshot->revision : 0; }
bool Stack::media_up() const { return state_->core.media_up; }
const b2bua::MediaFeatures& Stack::media_features() const { return state_->core.media_features; }

std::vector<CallView> Stack::calls(bool live_only, std::size_t limit, std::string_view trunk) const {
    return call_views(state_->core.calls, live_only, limit, trunk);
}
std::optional<CallView> Stack::call(std::string_view id_or_call_id) const {
    return call_view(state_->core.calls, id_or_call_id);
}
std::vector<TargetView> Stack::targets() const {
    return target_views(state_->core.health, state_->core.target_health, state_->core.last_input());
}

Stack::Alive Stack::alive() const {
    const Core& core = state_->core;
    // Probes and the clearing of bindings go on for ever; they are nobody's leak.
    return {core.calls.size(), core.layer.size(), core.timers.size() - core.housekeeping_timers()};
}

}  // namespace sallyport::stack
