// A call that stands and has nothing to say: what only its set-up needed goes, what the next exchange needs is kept in
// little room. Most calls of a node are in this state at any moment.
#include <algorithm>

#include "signaling/b2bua/call.h"

namespace sallyport::b2bua {

namespace {

constexpr Duration rest_after = 5s;  // of an exchange: hold and transfer come in twos

}  // namespace

void Call::rest_later(Context& cx) { start_timer(CallTimer::rest, rest_after, cx); }

bool Call::is_quiet() const {
    if (exchange_ || early_ || replaced_ || media_.awaited() != MediaSession::Awaited::nothing) return false;
    const bool forks_wait = std::any_of(forks_.begin(), forks_.end(), [](const Fork& fork) {
        return !fork.pracks.empty() || fork.said.waiting() != nullptr;
    });
    return !forks_wait && std::none_of(legs_.begin(), legs_.end(), [](const Leg& l) {
        return l.busy() || l.unacked || l.renewal || l.outdated || l.key_ends;
    });
}

void Call::rest(Context& cx) {
    if (phase_ != Phase::answered) return;
    if (!is_quiet()) return rest_later(cx);
    settle_forks(cx);
    hop_.reset();
    targets_ = {};
    named_targets_ = {};
    bridge_.rest();
    ladder_.rest();
}

}  // namespace sallyport::b2bua
