// Which TCP and TLS connections carry dialogs, counted over all shards: a call is often silent for hours, and its
// connection must not be taken for an idle one. Knows numbers only; closes nothing.
#pragma once

#include <array>
#include <cstdint>
#include <mutex>
#include <unordered_map>

namespace sallyport::b2bua {

class ConnectionUses {
public:
    void add(std::uint64_t connection);
    void remove(std::uint64_t connection);
    bool in_use(std::uint64_t connection) const;

private:
    struct Stripe {
        mutable std::mutex mutex;
        std::unordered_map<std::uint64_t, std::uint32_t> uses;  // by connection; never 0
    };
    static constexpr std::size_t stripe_count = 64;
    // The low byte of a connection is the shard that owns it, the same for many.
    Stripe& stripe(std::uint64_t connection) { return stripes_[(connection ^ connection >> 8) % stripe_count]; }
    const Stripe& stripe(std::uint64_t connection) const {
        return stripes_[(connection ^ connection >> 8) % stripe_count];
    }

    std::array<Stripe, stripe_count> stripes_;
};

}  // namespace sallyport::b2bua
