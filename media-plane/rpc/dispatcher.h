// Who may command which session, and on which lcore it lives: clients with their epochs and leases, the index of
// sessions, placement. Knows no gRPC and no clock; the Plane carries the commands out. Any thread may call it; it
// calls nobody while it holds its lock, Plane::submit excepted.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "control/base/counter.h"
#include "control/base/result.h"
#include "control/base/time.h"
#include "media-plane/core/plane.h"

namespace sallyport::media::rpc {

// A client's open stream, as the dispatcher sees it. Called on any thread.
class ClientLink {
public:
    virtual ~ClientLink() = default;
    virtual void fence(const std::string& why) = 0;  // a newer stream speaks for the client; close
    virtual void deliver(Event event) = 0;
};

struct DispatcherConfig {
    std::string node;
    std::uint64_t incarnation = 0;
    Duration default_lease = 30s;
    std::size_t clients = 1024;       // known at a time; a shard is one client
    Duration client_remembered = 1h;  // its epoch, after its last session and stream are gone
};
struct Greeting {
    std::string client;
    std::uint64_t epoch = 0;
    std::optional<Duration> lease;
};
struct Welcome {
    std::string node;
    std::uint64_t incarnation = 0;
    std::vector<std::string> sessions;  // of this client, alive here
};
enum class GreetingErrc : std::uint8_t { stale_epoch, too_many_clients };

// Written under the dispatcher's lock, read by anybody.
struct DispatcherStatistics {
    Counter commands, refused_stale, refused_overloaded, refused_draining, events, events_undelivered, leases_ended,
        released_by_lease;
    Counter clients, connected, lcores_stuck, draining;  // gauges
};

struct DrainState {
    bool on = false;
    TimePoint since{};           // in this state
    std::uint64_t sessions = 0;  // alive, or about to be
    std::uint64_t refused = 0;   // so far, in every drain
};

class Dispatcher {
public:
    Dispatcher(Plane& plane, DispatcherConfig config);

    Result<Welcome, GreetingErrc> greet(const Greeting& greeting, std::shared_ptr<ClientLink> link, TimePoint now);
    void closed(const ClientLink& link, const std::string& client, TimePoint now);

    using Done = std::function<void(Reply)>;
    // Allocate, Modify or Release. A refusal is returned at once and `done` is never called; else `done` is called
    // once, on another thread.
    std::optional<Reply> command(const ClientLink& link, Command command, Done done);
    std::vector<std::string> sessions_of(const std::string& client) const;

    // Ends leases that are over; call it ten times a second.
    void tick(TimePoint now);
    void on_event(Event event);  // from the plane
    // By lcore: those whose loop stands still get no new sessions. What they have stays theirs.
    void set_stuck(const std::vector<bool>& stuck);
    // No new sessions but emergencies and those that lived before a restart; what is up goes on. True: it was not so.
    bool set_draining(bool on, TimePoint now);
    DrainState drain() const;

    Plane& plane() { return plane_; }
    const DispatcherStatistics& statistics() const { return statistics_; }

private:
    struct Client {
        std::uint64_t epoch = 0;
        Duration lease{};
        std::shared_ptr<ClientLink> link;
        TimePoint lease_until{};  // while there is no link
        bool lease_ended = false;
    };
    struct Session {
        std::size_t lcore = 0;
        unsigned under_way = 0;  // commands without their outcome
        bool alive = false;      // by the last outcome
        bool releasing = false;  // its lease is over
    };
    using Clients = std::map<std::string, Client, std::less<>>;
    using Sessions = std::map<SessionKey, Session>;

    bool speaks_for(const ClientLink& link, const std::string& client) const;
    std::optional<std::size_t> place(const Allocate& allocate) const;
    bool submit(Sessions::iterator session, Command command, Done done);
    void settle(const SessionKey& key, bool allocate, bool release, Code code);
    void forget_if_over(Sessions::iterator session);
    bool release_by_lease(Sessions::iterator session);
    bool make_room_for_client();
    bool has_sessions(const std::string& client) const;

    Plane& plane_;
    const DispatcherConfig config_;
    mutable std::mutex mutex_;
    Clients clients_;
    Sessions sessions_;
    std::vector<std::size_t> load_;  // sessions by lcore
    std::vector<bool> stuck_;        // likewise
    bool draining_ = false;
    TimePoint drain_changed_{};  // the epoch: never
    DispatcherStatistics statistics_;
};

}  // namespace sallyport::media::rpc
