// Commands to one lcore and what comes back: two rte_rings, so that the lcore never waits for anybody. A job is
// allocated and freed outside the lcore; at most `limits::jobs` are under way, so the way back never overflows.
#pragma once

#include <rte_ring.h>

#include <atomic>
#include <memory>

#include "control/base/counter.h"
#include "media-plane/core/plane.h"

namespace sallyport::media::dpdk {

namespace limits {
inline constexpr unsigned jobs = 1024;
inline constexpr unsigned kept_jobs = 128;    // of them, for emergencies and for sessions that there are
inline constexpr unsigned events = 32'768;    // the end of a lease may release every session within one tick
inline constexpr unsigned jobs_per_poll = 8;  // an lcore looks at its packets after that many commands
}  // namespace limits

struct RingFree {
    void operator()(rte_ring* ring) const { rte_ring_free(ring); }
};
using RingOwner = std::unique_ptr<rte_ring, RingFree>;
// Throws nothing; null when memory is short. The name is made unique within the process.
RingOwner make_ring(const char* kind, std::size_t index, unsigned entries, unsigned flags);

class CommandRing {
public:
    explicit CommandRing(std::size_t lcore);
    ~CommandRing();
    bool valid() const { return requests_ && results_ && events_; }

    // Any thread.
    bool submit(Command command, Plane::Done done);

    // The lcore.
    template <class Execute>
    unsigned run(Execute&& execute) {
        void* waiting[limits::jobs_per_poll];
        const unsigned count = rte_ring_sc_dequeue_burst(requests_.get(), waiting, limits::jobs_per_poll, nullptr);
        for (unsigned i = 0; i < count; ++i) {
            auto* job = static_cast<Job*>(waiting[i]);
            job->outcome = execute(job->command);
            push_result(job);
        }
        return count;
    }
    bool push_event(Event& event);  // false: full, and the event is the caller's still

    // The reply thread. Returns how many it handed over.
    unsigned collect(const Plane::EventSink& sink);
    // After the lcore has ended: answers what it left undone.
    void fail_rest();

private:
    struct Job {
        Command command;
        Plane::Done done;
        Outcome outcome;
    };
    void push_result(Job* job);

    RingOwner requests_, results_, events_;
    std::atomic<unsigned> under_way_{0};
};

}  // namespace sallyport::media::dpdk
