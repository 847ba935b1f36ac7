// All sessions of one lcore: by key, in key order, and a few at a time in turn. Owns them; an address stays valid until
// remove().
#pragma once

#include <memory>
#include <set>
#include <vector>

#include "control/base/check.h"
#include "media-plane/core/session.h"

namespace sallyport::media {

class SessionTable {
public:
    Session* find(const SessionKey& key) const {
        const auto found = sessions_.find(key);
        return found == sessions_.end() ? nullptr : found->get();
    }
    Session& add(std::unique_ptr<Session> session) {
        Session& s = *session;
        s.place = static_cast<std::uint32_t>(all_.size());
        all_.push_back(&s);
        const bool fresh = sessions_.insert(std::move(session)).second;
        SALLYPORT_CHECK(fresh);
        return s;
    }
    void remove(Session& session) {
        all_[session.place] = all_.back();
        all_[session.place]->place = session.place;
        all_.pop_back();
        sessions_.erase(sessions_.find(session.key));
    }
    std::size_t size() const { return all_.size(); }

    // The next `count` in a circle, so that a large table is looked through in small steps.
    template <class F>
    void for_next(std::size_t count, F&& f) {
        for (std::size_t i = 0; i < count && i < all_.size(); ++i) {
            if (cursor_ >= all_.size()) cursor_ = 0;
            f(*all_[cursor_++]);
        }
    }
    // In key order, from behind `after`, until f returns false.
    template <class F>
    void for_each_after(const SessionKey& after, F&& f) const {
        for (auto it = sessions_.upper_bound(after); it != sessions_.end(); ++it)
            if (!f(**it)) return;
    }

private:
    struct ByKey {  // which the session has, and nobody else
        using is_transparent = void;
        static const SessionKey& key(const SessionKey& k) { return k; }
        static const SessionKey& key(const std::unique_ptr<Session>& s) { return s->key; }
        template <class A, class B>
        bool operator()(const A& a, const B& b) const {
            return key(a) < key(b);
        }
    };
    std::set<std::unique_ptr<Session>, ByKey> sessions_;
    std::vector<Session*> all_;
    std::size_t cursor_ = 0;
};

}  // namespace sallyport::media
