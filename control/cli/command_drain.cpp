// Takes the node, or its media plane alone, out of work and waits until it is empty. The daemon does the refusing; here
// is only who asks for it.
#include <chrono>
#include <ostream>
#include <thread>

#include "control/cli/commands.h"
#include "control/cli/table.h"

namespace sallyport::cli {
namespace {

namespace mv1 = sallyport::media::v1;

constexpr std::chrono::milliseconds look_again{500};

struct Node {
    using State = ov1::DrainState;
    static State set(Session& session, bool on) {
        ov1::SetDrainRequest request;
        request.set_on(on);
        State state;
        session.client.call(session.client.operations(), &ov1::Operations::Stub::SetDrain, request, state);
        return state;
    }
    static std::uint64_t left(const State& state) { return state.calls(); }
    static constexpr const char *one = "call", *many = "calls", *refused = "requests refused",
                                *empty = "the node is empty", *undo = "sallyport undrain", *again = "taking new work";
};

struct MediaPlane {
    using State = mv1::DrainState;
    static State set(Session& session, bool on) {
        mv1::SetDrainRequest request;
        request.set_on(on);
        State state;
        session.client.call(session.client.operations(), &ov1::Operations::Stub::SetMediaDrain, request, state);
        return state;
    }
    static std::uint64_t left(const State& state) { return state.sessions(); }
    static constexpr const char *one = "media session", *many = "media sessions", *refused = "sessions refused",
                                *empty = "the media plane is empty", *undo = "sallyport media undrain",
                                *again = "taking new media sessions";
};

template <class Of>
std::string left_text(const typename Of::State& state) {
    return std::to_string(Of::left(state)) + ' ' + (Of::left(state) == 1 ? Of::one : Of::many) + " left";
}

template <class Of>
std::string progress(const typename Of::State& state) {
    return "draining for " + duration_text(state.since_seconds()) + ": " + left_text<Of>(state) + ", " +
           std::to_string(state.refused()) + ' ' + Of::refused;
}

template <class Of>
int drain_of(Session& session, const DrainArguments& arguments) {
    using Clock = std::chrono::steady_clock;
    const auto begun = Clock::now();
    auto state = Of::set(session, true);
    std::uint64_t told = Of::left(state) + 1;
    while (arguments.wait && Of::left(state) > 0) {
        if (!session.json && Of::left(state) != told) session.out << progress<Of>(state) << std::endl;
        told = Of::left(state);
        const std::chrono::duration<double> waited = Clock::now() - begun;
        if (arguments.patience_seconds > 0 && waited.count() >= arguments.patience_seconds)
            throw Failure{"still draining, with " + left_text<Of>(state) + "; `" + Of::undo + "` takes work again"};
        std::this_thread::sleep_for(look_again);
        state = Of::set(session, true);  // the same wish again: changes nothing, and tells how far it is
    }
    if (session.json)
        print_json(session.out, state);
    else
        session.out << progress<Of>(state) << (Of::left(state) == 0 ? ": " : "")
                    << (Of::left(state) == 0 ? Of::empty : "") << '\n';
    return Exit::done;
}

template <class Of>
int undrain_of(Session& session) {
    const auto state = Of::set(session, false);
    if (session.json)
        print_json(session.out, state);
    else
        session.out << Of::again << '\n';
    return Exit::done;
}

}  // namespace

int drain(Session& session, const DrainArguments& arguments) { return drain_of<Node>(session, arguments); }
int undrain(Session& session) { return undrain_of<Node>(session); }
int drain_media(Session& session, const DrainArguments& arguments) { return drain_of<MediaPlane>(session, arguments); }
int undrain_media(Session& session) { return undrain_of<MediaPlane>(session); }

}  // namespace sallyport::cli
