// A whole Stack under virtual time. The test is the network and the clock; DNS and the media plane are simulated here.
// The same seed and the same inputs give the same run, always.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "signaling/stack/shared.h"
#include "signaling/stack/stack.h"
#include "tests/support/media_plane_sim.h"
#include "tests/support/world.h"

namespace sallyport::test {

class StackBench {
public:
    // Called for every message the stack sends, in order.
    using Wire = std::function<void(const transaction::Transmit&)>;

    explicit StackBench(Wire wire, config::Snapshot config = world_config(), std::uint64_t seed = 1,
                        stack::StackConfig node = world_node());

    void receive(const Flow& flow, std::string_view bytes);
    void close(const Flow& flow, const std::string& reason = "closed by peer");
    void input(const stack::Input& input);
    void configure(config::Snapshot snapshot);
    void media_state();  // tells the stack what the media plane is like now
    void run_until(TimePoint end);
    void run_for(Duration duration) { run_until(now + duration); }
    // Something of the world that happens later.
    void later(Duration after, std::function<void()> what) { events_.emplace(now + after, std::move(what)); }

    struct Left {  // what is alive
        std::size_t calls = 0, transactions = 0, timers = 0, media_sessions = 0;
    };
    Left left() const;

    TimePoint now = TimePoint{} + 1'767'268'800s;  // 2026-01-01T12:00:00Z
    config::Snapshot config;
    MediaPlaneSim media;
    Duration media_delay = 0ms, dns_delay = 0ms;
    std::vector<locate::Answer> zone;  // what DNS knows; everything else does not exist
    bool dns_silent = false;

    std::vector<b2bua::CallRecord> records;
    std::vector<b2bua::LogFact> log;
    std::map<std::string, std::string> checkpoints;
    std::size_t closed_by_us = 0;

    stack::Shared shared;
    SeededRandom random;
    stack::Stack stack;

private:
    void carry_out(stack::Outputs outputs);
    void carry_out(const transaction::Transmit& e) { wire_(e); }
    void carry_out(const transaction::CloseFlow&) { ++closed_by_us; }
    void carry_out(const b2bua::Resolve& e);
    void carry_out(const b2bua::MediaCommand& e);
    void carry_out(const b2bua::WriteRecord& e) { records.push_back(e.record); }
    void carry_out(const b2bua::Checkpoint& e);
    void carry_out(const b2bua::LogFact& e) { log.push_back(e); }
    void carry_out(const b2bua::HandOver&) {}  // there is one shard

    Wire wire_;
    std::multimap<TimePoint, std::function<void()>> events_;
};

}  // namespace sallyport::test
