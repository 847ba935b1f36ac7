// rooms: media_core
// Any bytes as RTP and RTCP: what the header functions say of a packet stays within it.
#include <cstdint>

#include "control/base/check.h"
#include "media-plane/core/demux.h"
#include "media-plane/core/rtcp.h"
#include "media-plane/core/rtp.h"

using namespace sallyport;
using namespace sallyport::media;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    Bytes packet(data, data + size);  // exactly as large as the input, so that a byte too far is found
    static_cast<void>(demultiplex(packet));
    const bool report = rtcp::well_formed(packet);
    SALLYPORT_CHECK(!report || rtcp::starts_well(packet));
    const std::size_t header = rtp::header_bytes(packet);
    SALLYPORT_CHECK(header <= size && (header == 0 || header >= rtp::fixed_header_bytes));
    if (header == 0) return 0;
    if (rtp::padding_fits(packet) && (packet[0] & 0x20)) SALLYPORT_CHECK(header + packet.back() <= size);
    const std::uint8_t marker = packet[1] & 0x80;
    rtp::set_payload_type(packet.data(), 101);
    SALLYPORT_CHECK(rtp::payload_type(packet.data()) == 101 && (packet[1] & 0x80) == marker);
    return 0;
}
