#include "media-plane/rpc/dispatcher.h"

#include <algorithm>

#include "control/base/check.h"

namespace sallyport::media::rpc {
namespace {

const SessionKey& key_of(const Command& command) {
    if (const auto* allocate = std::get_if<Allocate>(&command)) return allocate->key;
    if (const auto* modify = std::get_if<Modify>(&command)) return modify->key;
    const auto* release = std::get_if<Release>(&command);
    SALLYPORT_CHECK(release != nullptr);  // a ListQuery names no session
    return release->key;
}

Reply refused(Code code, std::string text) { return Reply{.code = code, .text = std::move(text)}; }

}  // namespace

Dispatcher::Dispatcher(Plane& plane, DispatcherConfig config)
    : plane_(plane), config_(std::move(config)), load_(plane.lcores(), 0), stuck_(plane.lcores(), false) {}

Result<Welcome, GreetingErrc> Dispatcher::greet(const Greeting& greeting, std::shared_ptr<ClientLink> link,
                                                TimePoint now) {
    std::shared_ptr<ClientLink> older;
    Welcome welcome{config_.node, config_.incarnation, {}};
    {
        const std::lock_guard lock(mutex_);
        auto found = clients_.find(greeting.client);
        if (found != clients_.end() && greeting.epoch < found->second.epoch) {
            statistics_.refused_stale.add();
            return GreetingErrc::stale_epoch;
        }
        if (found == clients_.end()) {
            if (clients_.size() >= config_.clients && !make_room_for_client()) return GreetingErrc::too_many_clients;
            found = clients_.emplace(greeting.client, Client{}).first;
            statistics_.clients.set(clients_.size());
        }
        Client& client = found->second;
        older = std::exchange(client.link, std::move(link));
        client.epoch = greeting.epoch;
        client.lease = greeting.lease.value_or(config_.default_lease);
        client.lease_until = now;
        client.lease_ended = false;
        if (!older) statistics_.connected.add();
        for (auto it = sessions_.lower_bound({greeting.client, ""});
             it != sessions_.end() && it->first.client == greeting.client; ++it)
            if (it->second.alive && !it->second.releasing) welcome.sessions.push_back(it->first.session);
    }
    if (older) older->fence("a newer stream of client " + greeting.client + " has said Hello");
    return welcome;
}

// Only a client with nothing left may be forgotten for another, the one gone longest first.
bool Dispatcher::make_room_for_client() {
    auto oldest = clients_.end();
    for (auto it = clients_.begin(); it != clients_.end(); ++it) {
        if (it->second.link || has_sessions(it->first)) continue;
        if (oldest == clients_.end() || it->second.lease_until < oldest->second.lease_until) oldest = it;
    }
    if (oldest == clients_.end()) return false;
    clients_.erase(oldest);
    return true;
}

bool Dispatcher::has_sessions(const std::string& client) const {
    const auto it = sessions_.lower_bound({client, ""});
    return it != sessions_.end() && it->first.client == client;
}

bool Dispatcher::speaks_for(const ClientLink& link, const std::string& client) const {
    const auto it = clients_.find(client);
    return it != clients_.end() && it->second.link.get() == &link;
}

void Dispatcher::closed(const ClientLink& link, const std::string& client, TimePoint now) {
    std::shared_ptr<ClientLink> gone;  // destroyed outside the lock
    const std::lock_guard lock(mutex_);
    if (!speaks_for(link, client)) return;
    Client& known = clients_.find(client)->second;
    gone = std::exchange(known.link, nullptr);
    known.lease_until = now + known.lease;
    statistics_.connected.set(statistics_.connected.read() - 1);
}

std::optional<Reply> Dispatcher::command(const ClientLink& link, Command command, Done done) {
    const SessionKey key = key_of(command);
    const auto* allocate = std::get_if<Allocate>(&command);
    const std::lock_guard lock(mutex_);
    statistics_.commands.add();
    if (!speaks_for(link, key.client)) {
        statistics_.refused_stale.add();
        return refused(Code::stale_epoch, "a newer stream of client " + key.client + " has said Hello");
    }
    auto session = sessions_.find(key);
    if (session == sessions_.end()) {
        if (allocate == nullptr) return refused(Code::no_session, "session: no session " + key.session);
        // A call that is up, and lost its session with this process, is no new work; who calls for help is not sent on.
        if (draining_ && !allocate->emergency && allocate->restore.empty()) {
            statistics_.refused_draining.add();
            return refused(Code::draining, "the media plane of node " + config_.node + " is being drained");
        }
        const auto lcore = place(*allocate);
        if (!lcore) {
            statistics_.refused_overloaded.add();
            return refused(Code::overloaded, "every lcore stands still");
        }
        session = sessions_.emplace(key, Session{.lcore = *lcore}).first;
        ++load_[*lcore];
    }
    if (submit(session, std::move(command), std::move(done))) return std::nullopt;
    forget_if_over(session);
    statistics_.refused_overloaded.add();
    return refused(Code::overloaded, "the command queue of the session's lcore is full");
}

// The lcore that owns the wished ports, else the one with the fewest sessions; of those that go round.
std::optional<std::size_t> Dispatcher::place(const Allocate& allocate) const {
    for (const auto& wish : allocate.restore) {
        const auto& port = wish.side == Side::a ? allocate.port_a : allocate.port_b;
        if (const auto owner = plane_.owner(port, wish.rtp.port); owner && !stuck_[*owner]) return *owner;
    }
    std::optional<std::size_t> best;
    for (std::size_t i = 0; i < load_.size(); ++i)
        if (!stuck_[i] && (!best || load_[i] < load_[*best])) best = i;
    return best;
}

void Dispatcher::set_stuck(const std::vector<bool>& stuck) {
    SALLYPORT_CHECK(stuck.size() == load_.size());
    const std::lock_guard lock(mutex_);
    stuck_ = stuck;
    statistics_.lcores_stuck.set(static_cast<std::uint64_t>(std::count(stuck.begin(), stuck.end(), true)));
}

bool Dispatcher::set_draining(bool on, TimePoint now) {
    const std::lock_guard lock(mutex_);
    if (draining_ == on) return false;
    draining_ = on;
    drain_changed_ = now;
    statistics_.draining.set(on ? 1 : 0);
    return true;
}

DrainState Dispatcher::drain() const {
    const std::lock_guard lock(mutex_);
    return {draining_, drain_changed_, sessions_.size(), statistics_.refused_draining.read()};
}

bool Dispatcher::submit(Sessions::iterator session, Command command, Done done) {
    const bool allocate = std::holds_alternative<Allocate>(command), release = std::holds_alternative<Release>(command);
    auto settled = [this, key = session->first, allocate, release, done = std::move(done)](Outcome outcome) {
        auto* reply = std::get_if<Reply>(&outcome);
        SALLYPORT_CHECK(reply != nullptr);
        settle(key, allocate, release, reply->code);
        done(std::move(*reply));
    };
    if (!plane_.submit(session->second.lcore, std::move(command), std::move(settled))) return false;
    ++session->second.under_way;
    if (allocate) session->second.releasing = false;  // the lcore sees the release first, then this
    return true;
}

void Dispatcher::settle(const SessionKey& key, bool allocate, bool release, Code code) {
    const std::lock_guard lock(mutex_);
    const auto session = sessions_.find(key);
    SALLYPORT_CHECK(session != sessions_.end() && session->second.under_way > 0);
    --session->second.under_way;
    if (code == Code::ok && allocate) session->second.alive = true;
    if (release || code == Code::no_session) session->second.alive = false;
    forget_if_over(session);
}

void Dispatcher::forget_if_over(Sessions::iterator session) {
    if (session->second.alive || session->second.under_way != 0) return;
    --load_[session->second.lcore];
    sessions_.erase(session);
}

std::vector<std::string> Dispatcher::sessions_of(const std::string& client) const {
    const std::lock_guard lock(mutex_);
    std::vector<std::string> names;
    for (auto it = sessions_.lower_bound({client, ""}); it != sessions_.end() && it->first.client == client; ++it)
        if (it->second.alive) names.push_back(it->first.session);
    return names;
}

void Dispatcher::tick(TimePoint now) {
    const std::lock_guard lock(mutex_);
    for (auto client = clients_.begin(); client != clients_.end();) {
        if (client->second.link || client->second.lease_until > now) {
            ++client;
            continue;
        }
        if (!std::exchange(client->second.lease_ended, true) && has_sessions(client->first))
            statistics_.leases_ended.add();
        for (auto it = sessions_.lower_bound({client->first, ""});
             it != sessions_.end() && it->first.client == client->first; ++it)
            if (!it->second.releasing && !release_by_lease(it)) break;  // the queue is full: the next tick goes on
        const bool forgotten = now - client->second.lease_until >= config_.client_remembered;
        client = forgotten && !has_sessions(client->first) ? clients_.erase(client) : std::next(client);
    }
    statistics_.clients.set(clients_.size());
}

// The pipeline reports the end as an Event; the reply only tells us that it is done.
bool Dispatcher::release_by_lease(Sessions::iterator session) {
    auto done = [this](const Reply& reply) {
        if (reply.code != Code::ok) return;  // released by its client in the meantime
        const std::lock_guard lock(mutex_);
        statistics_.released_by_lease.add();
    };
    if (!submit(session, Release{.key = session->first, .by_lease = true}, std::move(done))) return false;
    session->second.releasing = true;
    return true;
}

void Dispatcher::on_event(Event event) {
    std::shared_ptr<ClientLink> link;
    {
        const std::lock_guard lock(mutex_);
        const auto client = clients_.find(event.key.client);
        if (client != clients_.end()) link = client->second.link;
        (link ? statistics_.events : statistics_.events_undelivered).add();
    }
    if (link) link->deliver(std::move(event));
}

}  // namespace sallyport::media::rpc
