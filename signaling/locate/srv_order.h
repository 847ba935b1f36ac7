// The order in which SRV records are tried: RFC 2782, "Usage rules". Draws from the given random source only.
#pragma once

#include <vector>

#include "control/base/random.h"
#include "signaling/locate/locator.h"

namespace sallyport::locate {

// Lowest priority first; within one, by weighted lot. Weight 0 has a very small chance beside others.
std::vector<SrvRecord> in_order_of_use(std::vector<SrvRecord> records, RandomSource& random);

}  // namespace sallyport::locate
