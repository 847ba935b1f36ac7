// Capture files in the classic pcap format, Ethernet frames only: written for net_pcap to read, read back afterwards.
#pragma once

#include <string>
#include <vector>

#include "control/base/bytes.h"

namespace sallyport::test {

void write_pcap(const std::string& file, const std::vector<Bytes>& frames);
std::vector<Bytes> read_pcap(const std::string& file);  // throws std::runtime_error on anything unexpected

}  // namespace sallyport::test
