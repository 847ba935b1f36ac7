// Whether every shard still goes round: each is asked to answer, and one that has not for too long is dead. Kills
// nothing.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <vector>

#include "control/base/time.h"
#include "signaling/io/shards.h"

namespace sallyport::app {

class Pulse {
public:
    Pulse(io::Shards& shards, TimePoint now);

    void ask(TimePoint now);
    bool all_alive(TimePoint now) const;

private:
    static constexpr Duration patience = 5s;
    struct Beat {
        std::atomic<std::int64_t> answered{0};  // nanoseconds of the clock
        std::atomic<bool> asked{false};         // and not answered yet: a dead shard's mailbox does not fill up
    };
    io::Shards& shards_;
    std::vector<std::shared_ptr<Beat>> beats_;
};

}  // namespace sallyport::app
