// Captured datagrams as pcapng (draft-ietf-opsawg-pcapng): IP packets without a link layer, nanoseconds, a comment and
// a direction each. Headers of IP and UDP are made from the addresses. Writes to a stream, and asks nobody.
#pragma once

#include <ostream>
#include <string>

#include "sallyport/media/v1/media.pb.h"

namespace sallyport::cli {

class PcapFile {
public:
    PcapFile(std::ostream& out, const std::string& application);
    // False: an address of the packet is none.
    bool add(const media::v1::CapturedPacket& packet);

private:
    void block(std::uint32_t type, const std::string& body);
    std::ostream& out_;
};

}  // namespace sallyport::cli
