// Which counts of which nonces have been used (RFC 7616 3.4, nc): one table for all shards of a node, because a sender
// chooses the shard by its Call-ID and a recorded request must be refused by every one of them. Bounded, striped locks.
// Judges no credentials.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string_view>

#include "control/base/time.h"

namespace sallyport::registrar {

class NonceCounts {
public:
    // `max_nonces`: in use at one time, about 110 bytes each; beyond it the oldest become stale early.
    explicit NonceCounts(std::size_t max_nonces = 131'072, std::size_t stripes = 64);

    // False: this count of the nonce was used before, or may have been. Nonces are our own and genuine: their text
    // begins with the time they were made at and what makes them differ, in 32 characters; no more is kept.
    bool use(std::string_view nonce, std::uint32_t count, TimePoint expires, TimePoint now);
    // Its counts may have been forgotten: stale, never good again.
    bool is_forgotten(std::string_view nonce) const;

private:
    struct Window {
        std::uint32_t highest = 0;
        std::uint64_t seen = 0;  // bit i: highest - i
        TimePoint expires{};
        bool use(std::uint32_t count);
    };
    using Stamp = std::array<char, 32>;  // filled up with NUL
    struct Stripe {
        mutable std::mutex mutex;
        std::map<Stamp, Window> windows;  // the oldest come first and leave first
        Stamp forgotten{};                // nonces up to this one may have had a window that had to go
    };
    static Stamp stamp_of(std::string_view nonce);
    Stripe& stripe(const Stamp& stamp) const;

    std::size_t stripe_count_, most_in_stripe_;
    std::unique_ptr<Stripe[]> stripes_;
};

}  // namespace sallyport::registrar
