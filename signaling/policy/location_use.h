// What has become of the location of a call for help: for traces, records and counters.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace sallyport::policy {

enum class LocationUse : std::uint8_t {
    off,           // the route does not go by it: nobody has looked
    not_asked,     // Geolocation-Routing is not "yes": nor has anybody here
    none,          // there is no Geolocation
    by_reference,  // at a place that is not asked
    no_part,       // in a body part that is not there, or is no PIDF-LO
    unreadable,
    no_area,  // in none of the route's
    area,     // its answering points come first
};
inline constexpr std::size_t location_use_count = 8;
std::string_view to_string(LocationUse use);

}  // namespace sallyport::policy
