#include "media-plane/rpc/session_lister.h"

#include <algorithm>

namespace sallyport::media::rpc {

void SessionLister::list(Plane& plane, const SessionKey& after, std::size_t limit, Done done) {
    const std::shared_ptr<SessionLister> lister(new SessionLister(plane, after, limit, std::move(done)));
    lister->advance();
}

SessionLister::SessionLister(Plane& plane, const SessionKey& after, std::size_t limit, Done done)
    : plane_(plane), limit_(limit), done_(std::move(done)), sources_(plane.lcores()) {
    for (auto& source : sources_) source.asked_after = after;
}

// Asks every lcore that has nothing waiting; when none has to be asked, the page is complete.
void SessionLister::advance() {
    Done done;
    {
        const std::lock_guard lock(mutex_);
        if (finished_) return;
        finished_ = merge();
        for (std::size_t i = 0; !finished_ && i < sources_.size(); ++i) {
            Source& source = sources_[i];
            if (source.asked || source.exhausted || !source.waiting.empty()) continue;
            source.asked = true;
            auto self = shared_from_this();
            auto answer = [self, i](Outcome outcome) {
                auto* sessions = std::get_if<std::vector<SessionStatistics>>(&outcome);
                self->on_portion(i, sessions != nullptr ? std::move(*sessions) : std::vector<SessionStatistics>{});
            };
            if (!plane_.submit(i, ListQuery{source.asked_after, portion}, std::move(answer)))
                finished_ = page_.overloaded = true;
        }
        if (!finished_) return;
        done = std::move(done_);
    }
    done(std::move(page_));
}

void SessionLister::on_portion(std::size_t lcore, std::vector<SessionStatistics> sessions) {
    {
        const std::lock_guard lock(mutex_);
        Source& source = sources_[lcore];
        source.asked = false;
        source.exhausted = sessions.size() < portion;
        if (!sessions.empty()) source.asked_after = sessions.back().key;
        for (auto& session : sessions) source.waiting.push_back(std::move(session));
    }
    advance();
}

// Moves to the page what is certain to come next: as long as every lcore shows its next session or has none.
bool SessionLister::merge() {
    for (;;) {
        Source* next = nullptr;
        for (auto& source : sources_) {
            if (source.waiting.empty()) {
                if (!source.exhausted) return false;
                continue;
            }
            if (next == nullptr || source.waiting.front().key < next->waiting.front().key) next = &source;
        }
        if (next == nullptr) return true;
        if (page_.sessions.size() == limit_) {
            page_.more = true;
            return true;
        }
        page_.sessions.push_back(std::move(next->waiting.front()));
        next->waiting.pop_front();
    }
}

}  // namespace sallyport::media::rpc
