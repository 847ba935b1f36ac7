// OPTIONS probes (RFC 3261 11) to every address that the targets of carriers and static trunks stand for: each at its
// owner's interval, sooner while it fails or is suspected to, not at all while it asks to be left alone. Keeps no score
// itself, the target health does; learns which addresses a carrier's names stand for.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "control/config/snapshot.h"
#include "signaling/b2bua/context.h"
#include "signaling/b2bua/target_health.h"
#include "signaling/locate/locator.h"
#include "signaling/policy/identify.h"
#include "signaling/policy/trunk_states.h"

namespace sallyport::stack {

class Health {
public:
    explicit Health(Counter& sent) : sent_(sent) {}

    void configure(const config::Snapshot& config, b2bua::Context& cx);
    void on_timer(std::uint64_t number, b2bua::Context& cx);
    void probe_suspects(b2bua::Context& cx);  // at once those that calls have failed at
    void on_dns(std::uint64_t watch, const locate::Answer& answer, b2bua::Context& cx);
    bool on_response(const transaction::Response& response, b2bua::Context& cx);  // false: not one of ours
    bool on_client_failed(const transaction::ClientFailed& failed, b2bua::Context& cx);

    const policy::LearnedSources& learned() const { return learned_; }
    std::size_t timers() const;
    struct WatchedPlace {
        std::string text, key;  // "udp 192.0.2.7:5060"
    };
    struct Watched {
        std::string carrier, trunk, key;  // one of the first two
        config::Target target;
        std::vector<WatchedPlace> places;
    };
    std::vector<Watched> watched() const;
    // The places of a static trunk as their probes have them; none if nothing is probed.
    std::vector<policy::TrunkTarget> targets_of(const config::Trunk& trunk, const b2bua::TargetHealth& known) const;
    std::set<std::string> take_news() { return std::exchange(news_, {}); }  // trunks with a place that changed sides

private:
    struct Owner {  // a carrier or a static trunk
        std::string carrier, trunk;
        std::string key() const { return trunk.empty() ? carrier : b2bua::trunk_owner(trunk); }
    };
    struct Watch {  // a target as it is provisioned: resolved again and again
        Owner owner;
        std::string key;
        config::Target target;
        locate::Wanted wanted;
        RealmIndex realm = 0;
        Duration interval{};
        TimerId timer = 0;
        std::optional<locate::Locator> locator;
        std::set<IpAddress> sources;  // that its name stood for when it was last resolved
        TimePoint resolved_at{};
        std::set<std::uint64_t> places;
        bool mentioned = false;  // by the configuration that is being applied
    };
    struct Place {  // one of the addresses it stands for: asked again and again
        std::uint64_t watch = 0;
        std::string key;
        locate::Located at;
        TimerId timer = 0;
        transaction::ClientId asked;  // unanswered so far
        TimePoint asked_at{};
        bool suspected = false;  // since it last answered
        bool found = false;      // by the resolution that is being applied
    };
    using Places = std::map<std::uint64_t, Place>;

    void watch(const Owner& owner, const config::Target& target, locate::Wanted wanted, RealmIndex realm,
               Duration interval, b2bua::Context& cx);
    void start(TimerId& timer, std::uint64_t number, Duration after, b2bua::Context& cx);
    void resolve(std::uint64_t number, b2bua::Context& cx);
    void take(std::uint64_t number, locate::Step step, b2bua::Context& cx);
    void take_places(std::uint64_t number, const std::vector<locate::Located>& located, b2bua::Context& cx);
    void leads_nowhere(Watch& watch, const std::string& detail, b2bua::Context& cx);
    void probe(std::uint64_t number, Place& place, b2bua::Context& cx);
    void ask(std::uint64_t number, Place& place, b2bua::Context& cx);
    void answered(std::uint64_t number, const std::string& detail, b2bua::Context& cx);
    void failed(std::uint64_t number, const std::string& detail, b2bua::Context& cx);
    void drop(Places::iterator place, b2bua::Context& cx);
    void tell(const Watch& watch, const std::string& key, bool up, const std::string& detail, b2bua::Context& cx);
    void learn(Watch& watch, std::set<IpAddress> sources);
    void gather_sources();
    std::vector<std::uint64_t> places_of(std::uint64_t watch) const;  // a copy: they may be dropped meanwhile

    Counter& sent_;
    std::map<std::uint64_t, Watch> watches_;  // by number: 1, 2, ... below every call's token
    Places places_;                           // by number, of the same row
    std::uint64_t last_ = 0;
    std::unordered_map<std::string, std::uint64_t> watch_by_key_, place_by_key_;
    std::unordered_map<transaction::ClientId, std::uint64_t> asked_;
    policy::LearnedSources learned_;  // of all carriers' targets
    std::set<std::string> news_;
};

}  // namespace sallyport::stack
