// How long a piece of code takes when nothing holds it up: for bounds on inputs that are made to take long.
#pragma once

#include <algorithm>
#include <ctime>
#include <limits>

namespace sallyport::test {

// Microseconds of CPU time, the best of several: the machine may be busy, the code may not be slow.
template <class F>
long fastest(F&& f) {
    long best = std::numeric_limits<long>::max();
    for (int i = 0; i < 7; ++i) {
        const auto from = std::clock();
        f();
        best = std::min(best, static_cast<long>((std::clock() - from) * 1'000'000 / CLOCKS_PER_SEC));
    }
    return best;
}

}  // namespace sallyport::test
