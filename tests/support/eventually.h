// Waits for what another thread or process does: looks every millisecond, gives up after a deadline.
#pragma once

#include <poll.h>

#include <chrono>

namespace sallyport::test {

template <class Condition>
bool eventually(Condition&& condition, std::chrono::seconds patience = std::chrono::seconds(10)) {
    const auto deadline = std::chrono::steady_clock::now() + patience;
    while (!condition()) {
        if (std::chrono::steady_clock::now() > deadline) return false;
        ::poll(nullptr, 0, 1);
    }
    return true;
}

}  // namespace sallyport::test
