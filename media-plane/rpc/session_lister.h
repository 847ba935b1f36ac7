// One page of all sessions, in key order, gathered from every lcore in small portions so that no lcore lists for long.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <vector>

#include "media-plane/core/plane.h"

namespace sallyport::media::rpc {

class SessionLister : public std::enable_shared_from_this<SessionLister> {
public:
    struct Page {
        std::vector<SessionStatistics> sessions;
        bool more = false;
        bool overloaded = false;  // an lcore's queue was full: the page is incomplete and void
    };
    using Done = std::function<void(Page)>;

    // `done` is called once, perhaps before this returns.
    static void list(Plane& plane, const SessionKey& after, std::size_t limit, Done done);

private:
    static constexpr std::size_t portion = 32;
    struct Source {
        std::deque<SessionStatistics> waiting;
        SessionKey asked_after;
        bool asked = false, exhausted = false;
    };
    SessionLister(Plane& plane, const SessionKey& after, std::size_t limit, Done done);
    void advance();
    void on_portion(std::size_t lcore, std::vector<SessionStatistics> sessions);
    bool merge();  // true: the page is complete

    Plane& plane_;
    const std::size_t limit_;
    Done done_;
    std::mutex mutex_;
    std::vector<Source> sources_;  // by lcore
    Page page_;
    bool finished_ = false;
};

}  // namespace sallyport::media::rpc
