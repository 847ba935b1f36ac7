// All sessions of the plane in key order, a page after the other, so that no lcore lists for long. Keeps none of them.
#pragma once

#include <functional>
#include <memory>

#include "media-plane/rpc/session_lister.h"

namespace sallyport::media::rpc {

class SessionWalk : public std::enable_shared_from_this<SessionWalk> {
public:
    using Look = std::function<bool(const SessionStatistics&)>;  // false: no more are wanted
    using Done = std::function<void(bool overloaded)>;  // true: an lcore's queue was full, and not all were seen

    // On the plane's reply thread, one after the other; `done` once, after them.
    static void begin(Plane& plane, Look look, Done done);

private:
    static constexpr std::size_t page = 96;
    SessionWalk(Plane& plane, Look look, Done done) : plane_(plane), look_(std::move(look)), done_(std::move(done)) {}
    void ask();
    void on_page(SessionLister::Page page);

    Plane& plane_;
    Look look_;
    Done done_;
    SessionKey after_;
};

}  // namespace sallyport::media::rpc
