// OPTIONS probes to every target of every carrier (RFC 3261 11): each at its carrier's interval, sooner while it fails
// or is suspected to. Keeps no score itself, the target health does; learns which addresses a target's name stands for.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>

#include "control/config/snapshot.h"
#include "signaling/b2bua/context.h"
#include "signaling/b2bua/target_health.h"
#include "signaling/locate/locator.h"
#include "signaling/policy/identify.h"

namespace sallyport::stack {

class Health {
public:
    explicit Health(Counter& sent) : sent_(sent) {}

    void configure(const config::Snapshot& config, b2bua::Context& cx);
    void on_timer(std::uint64_t probe, b2bua::Context& cx);
    void probe_suspects(b2bua::Context& cx);  // at once those that calls have failed at
    void on_dns(std::uint64_t probe, const locate::Answer& answer, b2bua::Context& cx);
    bool on_response(const transaction::Response& response, b2bua::Context& cx);  // false: not one of ours
    bool on_client_failed(const transaction::ClientFailed& failed, b2bua::Context& cx);

    const policy::LearnedSources& learned() const { return learned_; }
    std::size_t timers() const;
    struct Watched {
        std::string carrier, key;
        config::Target target;
    };
    std::vector<Watched> watched() const;

private:
    struct Probe {
        std::string carrier, key;
        config::Target target;
        RealmIndex realm = 0;
        Duration interval{};
        TimerId timer = 0;
        transaction::ClientId asked;  // unanswered so far
        TimePoint asked_at{};
        bool suspected = false;  // since it last answered
        std::optional<locate::Locator> locator;
        std::set<IpAddress> sources;  // that its name stood for when it was last resolved
        TimePoint resolved_at{};
        bool tls_only = false;
        bool mentioned = false;  // by the configuration that is being applied
    };
    void start(std::uint64_t number, Duration after, b2bua::Context& cx);
    void take(std::uint64_t number, locate::Step step, b2bua::Context& cx);
    void ask(std::uint64_t number, const locate::Located& at, b2bua::Context& cx);
    void answered(std::uint64_t number, std::string detail, b2bua::Context& cx);
    void failed(std::uint64_t number, std::string detail, b2bua::Context& cx);
    void learn(Probe& probe, std::set<IpAddress> sources);
    void gather_sources();

    Counter& sent_;
    std::map<std::uint64_t, Probe> probes_;  // by number: 1, 2, ... below every call's token
    std::uint64_t last_ = 0;
    std::unordered_map<transaction::ClientId, std::uint64_t> asked_;
    policy::LearnedSources learned_;  // of all probes
};

}  // namespace sallyport::stack
