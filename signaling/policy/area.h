// In which area of a route a call for help is (SIPconnect 13.1), by what its INVITE says of where it comes from: RFC
// 6442, Geolocation. Nobody asks for a location that is somewhere else, and no location makes a call fail.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "control/config/emergency_area.h"
#include "signaling/policy/location_use.h"
#include "signaling/policy/pidf_lo.h"
#include "signaling/sip/message.h"

namespace sallyport::policy {

struct LocationFinding {
    LocationUse use = LocationUse::off;
    const config::EmergencyArea* area = nullptr;  // of `areas`
    std::string text;                             // for the trace; says nothing of where somebody is but the area
};
// By the first of the INVITE's locations that is in one of `areas`, of these by the first. `salt`: random.
LocationFinding find_area(const sip::Message& invite, const std::vector<config::EmergencyArea>& areas,
                          std::uint32_t salt);

// What an address says has to be as the area has it, without regard to case (of ASCII). A point is in a circle by its
// distance on the sphere, in a polygon by its sides, of which each is straight in degrees.
bool is_in(const config::EmergencyArea& area, const Place& place);

}  // namespace sallyport::policy
