// Which targets of the core answer, with hysteresis: two failed probes in a row take one down, two answers bring it
// back. A call that comes to nothing is no failure of its target, because whoever made the call may have had a part in
// it: it makes a probe due, and the probe decides. Sends nothing itself.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <utility>

#include "control/base/time.h"
#include "control/config/model.h"

namespace sallyport::b2bua {

// "core/192.0.2.7:5060;tcp": one target of one carrier.
std::string target_key(std::string_view carrier, const config::Target& target);
std::string target_text(const config::Target& target);

class TargetHealth {
public:
    struct Entry {
        bool up = true;
        std::uint32_t failures = 0, answers = 0;  // in a row
        std::string detail = "not asked yet";
        TimePoint datagrams_until{};
    };
    // True when the target has just changed sides.
    bool answered(const std::string& key, std::string detail);
    bool failed(const std::string& key, std::string detail);
    void suspect(const std::string& key) { suspects_.insert(key); }
    std::set<std::string> take_suspects() { return std::exchange(suspects_, {}); }
    // It takes datagrams only: large requests need not knock at its TCP port for a while.
    void refused_stream(const std::string& key, TimePoint now) { entries_[key].datagrams_until = now + stream_pause; }
    bool may_take_stream(const std::string& key, TimePoint now) const;
    bool up(const std::string& key) const;
    const Entry* find(const std::string& key) const;
    void forget(const std::string& key) { entries_.erase(key); }

private:
    static constexpr Duration stream_pause = 10min;
    static constexpr std::uint32_t failures_to_down = 2, answers_to_up = 2;
    std::map<std::string, Entry> entries_;
    std::set<std::string> suspects_;  // since they were last taken
};

}  // namespace sallyport::b2bua
