// One of the carriers that share a route's calls.
#pragma once

#include <cstdint>
#include <string>

namespace sallyport::config {

struct RouteChoice {
    std::string carrier;  // id
    std::uint16_t priority = 0, weight = 0;
    friend bool operator==(const RouteChoice&, const RouteChoice&) = default;
};

}  // namespace sallyport::config
