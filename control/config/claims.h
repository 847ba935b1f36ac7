// Who claims what: intervals of ordered keys (numbers, addresses) and single keys (names). Changed resources claim
// first, everybody else is then asked. Internal to this room.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sallyport::config {

struct Claim {
    std::string resource, field, shown;  // shown: how the value reads in a sentence
};

// A single key has one owner.
class KeyClaims {
public:
    // Nothing, or the earlier claim of the same key by another resource.
    const Claim* add(const std::string& key, Claim claim);
    const Claim* find(const std::string& key) const;

private:
    std::map<std::string, Claim> claims_;
};

// Closed intervals [first, last] in the order of strings; no two may meet.
class IntervalClaims {
public:
    struct Interval {
        std::string first, last;
        Claim claim;
    };
    struct Meeting {
        const Interval *earlier, *later;
    };
    void add(Interval interval) { intervals_.push_back(std::move(interval)); }
    // After the last add(): pairs of claims that meet each other.
    std::vector<Meeting> settle();
    // After settle(): the claims that meet this interval.
    std::vector<const Interval*> meeting(std::string_view first, std::string_view last) const;
    bool empty() const { return intervals_.empty(); }

private:
    std::vector<Interval> intervals_;      // sorted by first
    std::vector<std::string_view> reach_;  // the greatest last so far, so that a search may stop
};

}  // namespace sallyport::config
