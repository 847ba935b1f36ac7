// Which targets of the core answer, with hysteresis: two failures in a row take one down, two answers bring it back.
// Hears of probes and of calls; sends nothing itself.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

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
    };
    // True when the target has just changed sides.
    bool answered(const std::string& key, std::string detail);
    bool failed(const std::string& key, std::string detail);
    bool up(const std::string& key) const;
    const Entry* find(const std::string& key) const;
    void forget(const std::string& key) { entries_.erase(key); }

private:
    static constexpr std::uint32_t failures_to_down = 2, answers_to_up = 2;
    std::map<std::string, Entry> entries_;
};

}  // namespace sallyport::b2bua
