// What an operator might provision, and what the rest of the world might be like, around one call for help: drawn at
// random. And where that call may go, in words of the test's own.
#pragma once

#include <initializer_list>
#include <string>
#include <vector>

#include "control/base/random.h"
#include "control/config/change.h"
#include "signaling/locate/locator.h"
#include "signaling/stack/stack.h"
#include "signaling/transaction/flow.h"

namespace sallyport::test {

class Dice {
public:
    explicit Dice(std::uint64_t seed) : random_(seed) {}
    bool chance(unsigned percent) { return random_.below(100) < percent; }
    std::uint32_t below(std::uint32_t n) { return random_.below(n); }
    template <class T>
    T one_of(std::initializer_list<T> list) {
        return *(list.begin() + below(static_cast<std::uint32_t>(list.size())));
    }
    bool careless = false;  // whoever writes this one does not look at what fits what

private:
    SeededRandom random_;
};

enum class Mood { up, silent, unreachable, overloaded, busy };
struct EmergencyTarget {
    std::string carrier, host;  // an address, whatever the carrier's target says
    Mood mood = Mood::up;
};

// What the PBX says of where it is (RFC 6442).
struct CallersPlace {
    std::string country;  // empty: it says nothing
    std::string routing;  // Geolocation-Routing; empty: none
    bool broken = false;  // a document that nobody can read
};

// What is to be provisioned, and the rest of the world.
struct EmergencyCase {
    config::Change change;
    std::string trunk;
    std::vector<EmergencyTarget> targets;
    std::vector<locate::Answer> zone;  // of names that targets have
    bool registered = true, draining = false, full = false, over_limit = false, srtp = true, media_full = false;
    Duration busy{};
    std::string number, uri, from, privacy;
    CallersPlace place;
    Flow flow;
    bool is_v6() const { return flow.remote.address.family == Family::v6; }
};

EmergencyCase random_emergency(Dice& dice);
// The node that it comes to: IPv4 and IPv6, UDP, TCP and TLS in both realms.
stack::StackConfig emergency_node(const EmergencyCase& c);

// By the area that it is in and the route that names its number as a service, else, or if that leads to nobody, by the
// one for everything.
std::vector<EmergencyTarget> may_answer(const EmergencyCase& c, const config::Snapshot& config);
// Over UDP anybody may have written the address of a trunk that does not use it: no configuration is to blame.
bool is_emergency_of(const EmergencyCase& c, const config::Snapshot& config);

}  // namespace sallyport::test
