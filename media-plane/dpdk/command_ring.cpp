#include "media-plane/dpdk/command_ring.h"

#include <rte_lcore.h>

#include <string>

#include "control/base/check.h"

namespace sallyport::media::dpdk {

RingOwner make_ring(const char* kind, std::size_t index, unsigned entries, unsigned flags) {
    const std::string name = std::string(kind) + '-' + std::to_string(index);
    return RingOwner(rte_ring_create(name.c_str(), entries, SOCKET_ID_ANY, flags | RING_F_EXACT_SZ));
}

CommandRing::CommandRing(std::size_t lcore)
    : requests_(make_ring("commands", lcore, limits::jobs, RING_F_SC_DEQ)),
      results_(make_ring("results", lcore, limits::jobs, RING_F_SP_ENQ | RING_F_SC_DEQ)),
      events_(make_ring("events", lcore, limits::events, RING_F_SP_ENQ | RING_F_SC_DEQ)) {}

CommandRing::~CommandRing() {
    if (valid()) fail_rest();
}

namespace {

// What can wait, or be asked of another plane.
bool is_ordinary(const Command& command) {
    if (const auto* allocate = std::get_if<Allocate>(&command)) return !allocate->emergency;
    return !std::holds_alternative<Modify>(command) && !std::holds_alternative<Release>(command);
}

}  // namespace

bool CommandRing::submit(Command command, Plane::Done done) {
    const unsigned most = is_ordinary(command) ? limits::jobs - limits::kept_jobs : limits::jobs;
    if (under_way_.fetch_add(1, std::memory_order_acq_rel) >= most) {
        under_way_.fetch_sub(1, std::memory_order_acq_rel);
        return false;
    }
    auto* job = new Job{std::move(command), std::move(done), {}};
    SALLYPORT_CHECK(rte_ring_mp_enqueue(requests_.get(), job) == 0);  // under_way_ bounds what is in the ring
    return true;
}

void CommandRing::push_result(Job* job) { SALLYPORT_CHECK(rte_ring_sp_enqueue(results_.get(), job) == 0); }

bool CommandRing::push_event(Event& event) {
    auto* owned = new Event(std::move(event));
    if (rte_ring_sp_enqueue(events_.get(), owned) == 0) return true;
    event = std::move(*owned);
    delete owned;
    return false;
}

unsigned CommandRing::collect(const Plane::EventSink& sink) {
    unsigned handed_over = 0;
    void* waiting[32];
    while (const unsigned count = rte_ring_sc_dequeue_burst(results_.get(), waiting, 32, nullptr)) {
        for (unsigned i = 0; i < count; ++i) {
            const std::unique_ptr<Job> job(static_cast<Job*>(waiting[i]));
            under_way_.fetch_sub(1, std::memory_order_acq_rel);
            job->done(std::move(job->outcome));
        }
        handed_over += count;
    }
    while (const unsigned count = rte_ring_sc_dequeue_burst(events_.get(), waiting, 32, nullptr)) {
        for (unsigned i = 0; i < count; ++i) {
            const std::unique_ptr<Event> event(static_cast<Event*>(waiting[i]));
            if (sink) sink(std::move(*event));
        }
        handed_over += count;
    }
    return handed_over;
}

void CommandRing::fail_rest() {
    collect(nullptr);
    void* waiting[32];
    while (const unsigned count = rte_ring_sc_dequeue_burst(requests_.get(), waiting, 32, nullptr)) {
        for (unsigned i = 0; i < count; ++i) {
            const std::unique_ptr<Job> job(static_cast<Job*>(waiting[i]));
            under_way_.fetch_sub(1, std::memory_order_acq_rel);
            if (std::holds_alternative<ListQuery>(job->command))
                job->done(std::vector<SessionStatistics>{});
            else
                job->done(Reply{.code = Code::overloaded, .text = "the media plane is stopping"});
        }
    }
}

}  // namespace sallyport::media::dpdk
