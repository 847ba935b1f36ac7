// What media a call may take towards its PBX, one way, by what its INVITE offers: payload of the codec, and RTP, UDP
// and IP around it. An estimate from above that is made once; what flows is the media plane's to count.
#pragma once

#include <cstdint>
#include <string_view>

#include "control/config/model.h"

namespace sallyport::policy {

// kbit/s, rounded up, of all streams; each with the greatest codec that the trunk lets through. An empty description is
// an offer that is still to come: PCMA at 20 ms.
std::uint32_t offered_kbps(std::string_view description, const config::Trunk& trunk);

}  // namespace sallyport::policy
