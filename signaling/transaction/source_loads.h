// What each source address has of the server transactions that are alive. Of IPv6 each /64 is one: a host has as many
// addresses of it as it likes. Counts, and refuses nothing.
#pragma once

#include <cstddef>
#include <string_view>
#include <unordered_map>

#include "control/base/endpoint.h"
#include "signaling/transaction/keyed_hash.h"

namespace sallyport::transaction {

struct SourceLoad {
    std::size_t open = 0;   // transactions
    std::size_t bytes = 0;  // that they keep
};

class SourceLoads {
public:
    explicit SourceLoads(RandomSource& random) : all_(16, HashOfAddress{KeyedHash(random)}) {}

    // One transaction more. The address of what it is stays the same until as many are removed.
    SourceLoad& add(const IpAddress& source) {
        auto& load = all_[network_of(source)];
        ++load.open;
        return load;
    }
    void remove(const IpAddress& source) {
        const auto found = all_.find(network_of(source));
        if (found != all_.end() && --found->second.open == 0) all_.erase(found);
    }
    SourceLoad of(const IpAddress& source) const {
        const auto found = all_.find(network_of(source));
        return found == all_.end() ? SourceLoad{} : found->second;
    }
    std::size_t size() const { return all_.size(); }

private:
    struct HashOfAddress {
        KeyedHash hash;
        std::size_t operator()(const IpAddress& address) const {
            return hash({reinterpret_cast<const char*>(address.bytes.data()), address.bytes.size()});
        }
    };
    static IpAddress network_of(IpAddress address) {
        if (address.family == Family::v6)
            for (std::size_t i = 8; i < address.bytes.size(); ++i) address.bytes[i] = 0;
        return address;
    }
    std::unordered_map<IpAddress, SourceLoad, HashOfAddress> all_;
};

}  // namespace sallyport::transaction
