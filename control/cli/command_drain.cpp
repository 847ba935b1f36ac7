// Takes the node out of work and waits until it is empty. The node does the refusing; here is only who asks for it.
#include <chrono>
#include <ostream>
#include <thread>

#include "control/cli/commands.h"
#include "control/cli/table.h"

namespace sallyport::cli {
namespace {

constexpr std::chrono::milliseconds look_again{500};

ov1::DrainState set(Session& session, bool on) {
    ov1::SetDrainRequest request;
    request.set_on(on);
    ov1::DrainState state;
    session.client.call(session.client.operations(), &ov1::Operations::Stub::SetDrain, request, state);
    return state;
}

std::string calls_left(const ov1::DrainState& state) {
    return std::to_string(state.calls()) + (state.calls() == 1 ? " call" : " calls") + " left";
}

std::string progress(const ov1::DrainState& state) {
    return "draining for " + duration_text(state.since_seconds()) + ": " + calls_left(state) + ", " +
           std::to_string(state.refused()) + " requests refused";
}

}  // namespace

int drain(Session& session, const DrainArguments& arguments) {
    using Clock = std::chrono::steady_clock;
    const auto begun = Clock::now();
    auto state = set(session, true);
    std::uint64_t told = state.calls() + 1;
    while (arguments.wait && state.calls() > 0) {
        if (!session.json && state.calls() != told) session.out << progress(state) << std::endl;
        told = state.calls();
        const std::chrono::duration<double> waited = Clock::now() - begun;
        if (arguments.patience_seconds > 0 && waited.count() >= arguments.patience_seconds)
            throw Failure{"still draining, with " + calls_left(state) + "; `sallyport undrain` takes work again"};
        std::this_thread::sleep_for(look_again);
        state = set(session, true);  // the same wish again: changes nothing, and tells how far it is
    }
    if (session.json)
        print_json(session.out, state);
    else
        session.out << progress(state) << (state.calls() == 0 ? ": the node is empty\n" : "\n");
    return Exit::done;
}

int undrain(Session& session) {
    const auto state = set(session, false);
    if (session.json)
        print_json(session.out, state);
    else
        session.out << "taking new work\n";
    return Exit::done;
}

}  // namespace sallyport::cli
