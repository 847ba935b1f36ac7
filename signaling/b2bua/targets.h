// The places a call may go to, one after the other: targets of carriers by priority and weight, bindings of a trunk by
// q, static targets. Locates each (RFC 3263) and gives one hop at a time. Sends nothing.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "control/base/boxed.h"
#include "control/base/random.h"
#include "control/config/snapshot.h"
#include "signaling/b2bua/stream_use.h"
#include "signaling/b2bua/target_health.h"
#include "signaling/locate/locator.h"
#include "signaling/registrar/binding.h"
#include "signaling/transaction/flow.h"

namespace sallyport::b2bua {

struct Hop {
    std::string carrier;            // id; empty towards a trunk
    std::string health_key;         // empty: nobody keeps score
    std::string request_uri, host;  // host: of the public identities on this leg
    std::vector<std::string> routes;
    Flow flow;
    std::string tls_name;
    StreamUse large = StreamUse::never;  // of a request that is too large for UDP (RFC 3261 18.1.1)
    std::optional<Flow> datagram_flow;   // it has gone over TCP for that: where it goes if TCP is refused
    std::string text() const;            // "tls 192.0.2.7:5061"
};

class Targets {
public:
    struct Exhausted {
        bool all_down = false;  // every one was known to be down: nothing was tried
    };
    using Step = std::variant<Hop, std::vector<locate::Question>, Exhausted>;
    struct Surroundings {
        const RealmTable& realms;
        const TargetHealth& health;
        TimePoint now;
        RandomSource& random;
        bool despite_health = false;  // one that is known to be down is tried as well
        bool usable(const std::string& key) const { return despite_health || health.usable(key, now); }
    };

    static Targets to_carriers(const config::Snapshot& config, const std::vector<std::string>& carriers,
                               std::string_view called, bool emergency, const Surroundings& around);
    static Targets to_trunk(const config::Trunk& trunk, const std::vector<registrar::Binding>& bindings,
                            std::string_view called, const Surroundings& around);

    Step next(const Surroundings& around);
    Step resume(const locate::Answer& answer, const Surroundings& around);
    // Where the first of them will be, as far as that is known before asking DNS: for the media ports.
    struct Outlook {
        RealmIndex realm = 0;
        Family family = Family::none;
        std::string carrier;
    };
    std::optional<Outlook> outlook() const;
    // To those that were passed over as known to be down, in their order, and to nobody a second time. The next steps
    // are to be taken with `despite_health`. False: there are none.
    bool turn_to_passed_over();
    bool all_down() const { return candidates_.empty() && !passed_over_.empty(); }

private:
    struct Candidate {
        std::string carrier, health_key, request_uri, host;
        std::vector<std::string> routes;
        RealmIndex realm = 0;
        std::optional<Flow> flow;  // a binding's; otherwise `target` is to be located
        config::Target target;
        std::optional<locate::Located> at;  // it has been, and this place of it was passed over
        locate::Wanted wanted;
        config::LargeRequests large = config::LargeRequests::udp;
    };
    void add(Candidate candidate, const Surroundings& around);
    void pass_over(Candidate candidate);
    static void order(std::vector<config::Target>& targets, RandomSource& random);
    Step take(locate::Step step, const Surroundings& around);
    Hop hop(const Candidate& candidate, const Flow& flow, std::string tls_name) const;

    std::vector<Candidate> candidates_, passed_over_;
    std::size_t next_candidate_ = 0;
    Boxed<Candidate> current_;
    std::optional<locate::Locator> locator_;
    std::vector<locate::Located> located_;
    std::size_t next_located_ = 0;
    std::size_t tried_ = 0;
};

// The registered form (RFC 6140 5.3, made by the registrar) has the PBX's host; the static one (SIPconnect 17.6) ours.
std::string static_request_uri(std::string_view called, std::string_view host);
// What to ask the locator for: over the transports that the realm has, in its IP version. A static trunk narrows both:
// what it may not use is not looked for, so that TLS never falls back (SIPconnect 17.2). `tls_only`: nothing but TLS.
locate::Wanted wanted(const config::Target& target, const Realm& realm, bool tls_only = false,
                      const config::Trunk* trunk = nullptr);
std::optional<RealmIndex> realm_index(const RealmTable& realms, std::string_view name);

}  // namespace sallyport::b2bua
