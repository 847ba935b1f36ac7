// Which targets answer, with hysteresis: two failed probes in a row take one down, two answers bring it back. One that
// said 503 with Retry-After is left alone for that long (RFC 3261 21.5.4). A call that comes to nothing is no failure
// of its target, because whoever made the call may have had a part in it: it makes a probe due, and the probe decides.
// Knows only what is watched; sends nothing itself.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "control/base/endpoint.h"
#include "control/base/time.h"
#include "control/config/model.h"
#include "signaling/locate/locator.h"

namespace sallyport::b2bua {

// "core/192.0.2.7:5060;tcp": one target of a carrier; "trunk acme-hq/192.0.2.7:5061;tls": of a static trunk.
std::string target_key(std::string_view owner, const config::Target& target);
std::string target_text(const config::Target& target);
std::string trunk_owner(std::string_view trunk);
// One place a target stands for. A literal stands for itself, under the key of the target; a name for several:
// "core/gw.example.net at udp 192.0.2.7:5060".
std::string place_key(const std::string& target_key, const config::Target& target, const locate::Located& place);
std::string place_text(const locate::Located& place);  // "udp 192.0.2.7:5060"

class TargetHealth {
public:
    struct Entry {
        bool up = true;
        std::uint32_t failures = 0, answers = 0;  // in a row
        std::string detail = "not asked yet";
        TimePoint paused_until{};
        bool usable(TimePoint now) const { return up && paused_until <= now; }
    };
    // True when the target has just changed sides.
    bool answered(const std::string& key, std::string detail);
    bool failed(const std::string& key, std::string detail);
    // What calls notice; of a target that nobody watches nothing is kept.
    void noticed_alive(const std::string& key);
    // It asked to be left alone: until then nothing is sent to it. False: it is not watched, or has said so already.
    bool pause(const std::string& key, Duration asked_for, TimePoint now);
    void suspect(const std::string& key) { suspects_.insert(key); }
    std::set<std::string> take_suspects() { return std::exchange(suspects_, {}); }
    // Who is there takes datagrams only: large requests need not knock at its TCP port for a while. Of any address, be
    // it watched or not.
    void refused_stream(const Endpoint& there, TimePoint now);
    bool may_take_stream(const Endpoint& there, TimePoint now) const;
    bool up(const std::string& key) const;
    bool usable(const std::string& key, TimePoint now) const;
    const Entry* find(const std::string& key) const;
    void watch(const std::string& key) { entries_.try_emplace(key); }
    void forget(const std::string& key) { entries_.erase(key); }

private:
    static constexpr Duration stream_pause = 10min;
    static constexpr std::size_t most_without_stream = 4'096;  // further ones are knocked at each time
    static constexpr Duration longest_pause = 1h;              // nobody takes itself away for good by a slip of the pen
    static constexpr std::uint32_t failures_to_down = 2, answers_to_up = 2;
    std::map<std::string, Entry> entries_;
    std::set<std::string> suspects_;                           // since they were last taken
    std::unordered_map<Endpoint, TimePoint> datagrams_until_;  // of who has refused TCP
};

}  // namespace sallyport::b2bua
