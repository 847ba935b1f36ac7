// Asks memory for lines of the cache ahead of their use, for many things at once.
#pragma once

#include <cstddef>
#include <cstdint>

namespace sallyport {

// By loading an octet of each and not by prefetching: a processor drops prefetches when more are under way than it can
// track, and those of a burst of packets are. The loads of different things wait together, so a burst waits once.
inline void fetch_lines(const void* first, std::size_t lines = 1) {
    const auto* at = static_cast<const volatile std::uint8_t*>(first);
    for (std::size_t i = 0; i < lines; ++i) (void)at[64 * i];
}

}  // namespace sallyport
