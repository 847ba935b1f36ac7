#include "tests/support/stack_bench.h"

#include <algorithm>
#include <limits>

#include "control/base/check.h"

namespace sallyport::test {

StackBench::StackBench(Wire wire, config::Snapshot initial, std::uint64_t seed, stack::StackConfig node)
    : random(seed), stack(std::move(node), shared, random), wire_(std::move(wire)) {
    configure(std::move(initial));
    media_state();
}

void StackBench::receive(const Flow& flow, std::string_view bytes) {
    if (flow.transport == Transport::udp)
        input(stack::Datagram{flow, bytes});
    else
        input(stack::StreamMessage{flow, bytes});
}

void StackBench::close(const Flow& flow, const std::string& reason) { input(stack::FlowClosed{flow, reason}); }

void StackBench::configure(config::Snapshot snapshot) {
    config = std::move(snapshot);
    auto shared_snapshot = std::make_shared<config::Snapshot>(config);
    shared_snapshot->build_indexes();
    input(stack::ConfigChanged{std::move(shared_snapshot)});
}

void StackBench::media_state() { input(media.state()); }

void StackBench::input(const stack::Input& input) {
    stack::Outputs outputs;
    stack.handle(input, now, outputs);
    carry_out(std::move(outputs));
}

void StackBench::carry_out(stack::Outputs outputs) {
    for (const auto& output : outputs) std::visit([&](const auto& e) { carry_out(e); }, output);
}

void StackBench::carry_out(const b2bua::Resolve& e) {
    if (dns_silent) return;
    later(dns_delay, [this, e] {
        locate::Answer answer{e.question, locate::DnsStatus::no_such_name, 60s, {}, {}, {}};
        for (const auto& known : zone)
            if (known.question == e.question) answer = known;
        input(stack::DnsAnswer{e.token, std::move(answer)});
    });
}

void StackBench::carry_out(const b2bua::MediaCommand& e) {
    // The plane acts when the command arrives; only its word takes time.
    if (auto reply = media.answer(e)) later(media_delay, [this, reply = std::move(*reply)] { input(reply); });
}

void StackBench::carry_out(const b2bua::Checkpoint& e) {
    if (e.gone)
        checkpoints.erase(e.call);
    else
        checkpoints[e.call] = e.state;
}

void StackBench::run_until(TimePoint end) {
    // Time stands still between two due things; more than this many at one instant is a loop.
    constexpr int most_at_once = 1'000'000;
    for (int steps = 0; steps < most_at_once; ++steps) {
        const auto deadline = stack.next_deadline();
        const TimePoint event = events_.empty() ? TimePoint::max() : events_.begin()->first;
        const TimePoint next = std::min(event, deadline.value_or(TimePoint::max()));
        if (next > end) {
            now = std::max(now, end);
            return;
        }
        if (next > now) steps = 0;
        now = std::max(now, next);
        if (event <= next) {
            auto what = std::move(events_.begin()->second);
            events_.erase(events_.begin());
            what();
        } else {
            input(stack::TimerDue{});
        }
    }
    SALLYPORT_CHECK(!"a deadline that is due does not go away");
}

StackBench::Left StackBench::left() const {
    const auto alive = stack.alive();
    return {alive.calls, alive.transactions, alive.timers, media.sessions.size()};
}

}  // namespace sallyport::test
