// One case: ports, sessions and the frames that arrive, as a YAML file says them.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "media-plane/core/commands.h"
#include "media-plane/dpdk/config.h"

namespace sallyport::test {

struct ReplayCase {
    media::dpdk::DriverConfig driver;  // without devices: those are files yet to be written
    std::size_t lcores = 1;
    std::vector<media::Allocate> sessions;
    std::vector<std::vector<Bytes>> frames;  // by port
};

// Throws std::runtime_error with the places of everything that is wrong.
ReplayCase read_case(const std::string& file);

}  // namespace sallyport::test
