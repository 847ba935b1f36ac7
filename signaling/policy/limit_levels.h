// Which gauges a call needs a place in, from the outermost to the innermost, and what bounds each.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "signaling/policy/facts.h"
#include "signaling/policy/gauges.h"
#include "signaling/policy/verdict.h"

namespace sallyport::policy {

// Of a call whose trunk, direction and called number are known.
std::vector<Level> limit_levels(const CallFacts& facts, const Admitted& admitted);
std::string limit_name(std::string_view gauge);  // "trunk acme-hq", "number +4930123456"

}  // namespace sallyport::policy
