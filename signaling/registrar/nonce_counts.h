// Which counts of which nonces have been used (RFC 7616 3.4, nc): one table for all shards of a node, because a sender
// chooses the shard by its Call-ID and a recorded request must be refused by every one of them. Bounded, striped locks.
// Judges no credentials.
#pragma once

#include <boost/unordered/unordered_flat_map.hpp>

#include <bit>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <string_view>

#include "control/base/time.h"

namespace sallyport::registrar {

class NonceCounts {
public:
    // `max_nonces`: in use at one time, about 90 bytes each; beyond it the oldest become stale early.
    explicit NonceCounts(std::size_t max_nonces = 131'072, std::size_t stripes = 64);

    // What tells this table from every other one: whose counts are here is known by nonces alone that it has made.
    // Random, drawn anew at every start; before the first authenticator. Never shown.
    void set_maker(std::uint64_t maker) { maker_ = maker; }
    std::uint64_t maker() const { return maker_; }

    // False: this count of the nonce was used before, or may have been. Nonces are our own and genuine: their text
    // begins with the time they were made at and what makes them differ, in 32 characters; no more is kept. (Or another
    // node's: see authenticator.h.)
    bool use(std::string_view nonce, std::uint32_t count, TimePoint expires, TimePoint now);
    // Its counts may have been forgotten: stale, never good again.
    bool is_forgotten(std::string_view nonce) const;

private:
    struct Window {
        std::uint32_t highest = 0;
        std::uint64_t seen = 0;  // bit i: highest - i
        bool use(std::uint32_t count);
    };
    struct Stamp {  // what the first 32 digits of a nonce say
        std::uint64_t time = 0, random = 0;
        friend auto operator<=>(const Stamp&, const Stamp&) = default;
    };
    struct HashOfStamp {  // drawn at random by ourselves: nobody aims at a place
        using is_avalanching = void;
        std::size_t operator()(const Stamp& stamp) const {  // its low bits have chosen the stripe
            return static_cast<std::size_t>(std::rotl(stamp.random, 32));
        }
    };
    struct Age {
        Stamp stamp;
        TimePoint expires{};
    };
    struct Stripe {
        mutable std::mutex mutex;
        boost::unordered_flat_map<Stamp, Window, HashOfStamp> windows;
        std::deque<Age> ages;  // of all of them: the oldest come first and leave first
        Stamp forgotten{};     // nonces up to this one may have had a window that had to go
    };
    static Stamp stamp_of(std::string_view nonce);
    Stripe& stripe(const Stamp& stamp) const { return stripes_[stamp.random % stripe_count_]; }
    static void drop_oldest(Stripe& stripe);

    std::uint64_t maker_ = 0;
    std::size_t stripe_count_, most_in_stripe_;
    std::unique_ptr<Stripe[]> stripes_;
};

}  // namespace sallyport::registrar
