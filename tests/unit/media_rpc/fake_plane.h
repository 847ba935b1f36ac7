// A plane that carries nothing out by itself: commands wait in queues until the test lets an lcore work.
#pragma once

#include <deque>
#include <map>
#include <utility>
#include <vector>

#include "media-plane/core/plane.h"

namespace sallyport::media::rpc::test {

class FakePlane final : public Plane {
public:
    explicit FakePlane(std::size_t lcores = 1, std::size_t queue = 1024) : queue_(queue), lcores_(lcores) {}

    TimePoint now() const override { return time; }
    std::size_t lcores() const override { return lcores_.size(); }
    bool submit(std::size_t lcore, Command command, Done done) override {
        if (lcores_[lcore].waiting.size() >= queue_) return false;
        lcores_[lcore].waiting.emplace_back(std::move(command), std::move(done));
        return true;
    }
    bool collect(Duration) override { return false; }
    std::optional<std::size_t> owner(std::string_view port, std::uint16_t udp_port) const override {
        if (port != "access" || udp_port < 10'000) return std::nullopt;
        return (udp_port - 10'000u) / 1000u % lcores_.size();
    }
    void set_event_sink(EventSink sink) override { events = std::move(sink); }
    PlaneStatus status() const override { return {}; }

    // Lets one lcore carry out what waits, at most `count` commands.
    void work(std::size_t lcore, std::size_t count = 1'000'000) {
        while (count-- > 0 && !lcores_[lcore].waiting.empty()) {
            auto [command, done] = std::move(lcores_[lcore].waiting.front());
            lcores_[lcore].waiting.pop_front();
            done(execute(lcores_[lcore], command));
        }
    }
    void work_all() {
        for (std::size_t i = 0; i < lcores_.size(); ++i) work(i);
    }
    std::size_t waiting(std::size_t lcore) const { return lcores_[lcore].waiting.size(); }
    std::size_t sessions(std::size_t lcore) const { return lcores_[lcore].sessions.size(); }
    std::size_t sessions() const {
        std::size_t n = 0;
        for (std::size_t i = 0; i < lcores_.size(); ++i) n += sessions(i);
        return n;
    }

    TimePoint time = TimePoint{} + 1h;
    EventSink events;
    Code next_allocation = Code::ok;

private:
    struct Lcore {
        std::deque<std::pair<Command, Done>> waiting;
        std::map<SessionKey, std::uint32_t> sessions;
    };
    Outcome execute(Lcore& lcore, const Command& command) {
        if (const auto* allocate = std::get_if<Allocate>(&command)) {
            if (next_allocation != Code::ok && !lcore.sessions.contains(allocate->key))
                return Reply{.code = next_allocation};
            lcore.sessions.emplace(allocate->key, allocate->streams);
            return Reply{};
        }
        if (const auto* modify = std::get_if<Modify>(&command))
            return Reply{.code = lcore.sessions.contains(modify->key) ? Code::ok : Code::no_session};
        if (const auto* release = std::get_if<Release>(&command)) {
            if (lcore.sessions.erase(release->key) == 0) return Reply{.code = Code::no_session};
            if (release->by_lease && events) events(Event{.kind = EventKind::released, .key = release->key});
            return Reply{.statistics = SessionStatistics{.key = release->key}};
        }
        const auto& query = std::get<ListQuery>(command);
        std::vector<SessionStatistics> list;
        for (auto it = lcore.sessions.upper_bound(query.after); it != lcore.sessions.end() && list.size() < query.limit;
             ++it)
            list.push_back({.key = it->first});
        return list;
    }
    std::size_t queue_;
    std::vector<Lcore> lcores_;
};

}  // namespace sallyport::media::rpc::test
