// What ends a call that waits for a client that does not read.
#include "control/api/cancel_after.h"

#include <catch2/catch.hpp>
#include <future>

using sallyport::api::CancelAfter;

TEST_CASE("What has waited too long is cancelled, once; what was done in time is not") {
    std::promise<void> cancelled;
    {
        const CancelAfter patience(std::chrono::milliseconds(1), [&] { cancelled.set_value(); });  // twice would throw
        CHECK(cancelled.get_future().wait_for(std::chrono::seconds(60)) == std::future_status::ready);
    }
    bool too_late = false;
    {
        const CancelAfter patience(std::chrono::hours(1), [&] { too_late = true; });
    }
    CHECK_FALSE(too_late);
}
