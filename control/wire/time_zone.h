// A time zone by its name in the IANA database of this machine. Reads files; whoever has the answer asks no more.
#pragma once

#include <memory>
#include <string>

#include "control/config/time_zone.h"

namespace sallyport::wire {

// Its changes up to the year 2100; the same value for the same name until the process ends. nullptr: there is none, or
// the name is none.
std::shared_ptr<const config::TimeZone> time_zone(const std::string& name);

}  // namespace sallyport::wire
