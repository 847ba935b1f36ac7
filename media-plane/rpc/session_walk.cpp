#include "media-plane/rpc/session_walk.h"

#include <algorithm>

namespace sallyport::media::rpc {

void SessionWalk::begin(Plane& plane, Look look, Done done) {
    const std::shared_ptr<SessionWalk> walk(new SessionWalk(plane, std::move(look), std::move(done)));
    walk->ask();
}

void SessionWalk::ask() {
    SessionLister::list(plane_, after_, page,
                        [self = shared_from_this()](SessionLister::Page taken) { self->on_page(std::move(taken)); });
}

void SessionWalk::on_page(SessionLister::Page taken) {
    if (taken.overloaded) return done_(true);
    const bool wanted = std::all_of(taken.sessions.begin(), taken.sessions.end(), look_);
    if (!wanted || !taken.more) return done_(false);
    after_ = taken.sessions.back().key;
    ask();
}

}  // namespace sallyport::media::rpc
