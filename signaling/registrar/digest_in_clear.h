// Trunks that have proved themselves by Digest over UDP or TCP: whoever heard it can try passwords off-line (SIPconnect
// 16.6.1), so an operator is told of each, once. One table for all shards of a node. Tells nobody itself.
#pragma once

#include <mutex>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace sallyport::registrar {

class DigestInClear {
public:
    // True: nobody has been told of this trunk yet.
    bool note(std::string_view trunk) {
        const std::lock_guard lock(mutex_);
        if (trunks_.contains(trunk)) return false;  // nearly always
        trunks_.emplace(trunk);
        return true;
    }
    // What has become of the trunk is for the caller to know; one that is forgotten here is told of again.
    template <class Possible>
    void prune(Possible&& possible) {
        const std::lock_guard lock(mutex_);
        std::erase_if(trunks_, [&](const std::string& trunk) { return !possible(trunk); });
    }
    std::vector<std::string> all() const {
        const std::lock_guard lock(mutex_);
        return {trunks_.begin(), trunks_.end()};
    }

private:
    mutable std::mutex mutex_;
    std::set<std::string, std::less<>> trunks_;
};

}  // namespace sallyport::registrar
