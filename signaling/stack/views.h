// Calls and targets as operators see them: copies, made between two inputs.
#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "signaling/b2bua/call_table.h"
#include "signaling/b2bua/target_health.h"
#include "signaling/stack/health.h"
#include "signaling/stack/stack.h"

namespace sallyport::stack {

std::vector<CallView> call_views(const b2bua::CallTable& calls, bool live_only, std::size_t limit,
                                 std::string_view trunk);
std::optional<CallView> call_view(const b2bua::CallTable& calls, std::string_view id_or_call_id);
std::vector<TargetView> target_views(const Health& watched, const b2bua::TargetHealth& health, TimePoint now);

}  // namespace sallyport::stack
