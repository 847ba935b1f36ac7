#include "media-plane/core/rtcp.h"

namespace sallyport::media::rtcp {
namespace {

// RFC 3550 6.4 to 6.6: what `count` blocks need at least. Other types use the five bits as they like.
std::size_t least_bytes(std::uint8_t type, std::size_t count) {
    switch (type) {
        case sender_report: return header_bytes + sender_info_bytes + count * report_block_bytes;
        case receiver_report: return header_bytes + count * report_block_bytes;
        case source_description: return 4 + count * 8;  // an SSRC and the padded end of an empty item list
        case bye: return 4 + count * 4;
        default: return 4;
    }
}

bool padding_fits(ByteView packet) {  // RFC 3550 6.4.1: whole words, the header is not among them
    const std::size_t padding = packet.back();
    return padding > 0 && padding % 4 == 0 && padding + 4 <= packet.size();
}

}  // namespace

bool well_formed(ByteView compound) {
    if (!starts_well(compound)) return false;
    while (!compound.empty()) {
        if (compound.size() < 4 || compound[0] >> 6 != 2 || !is_packet_type(compound[1])) return false;
        const std::size_t length = (std::size_t{load_be16(compound.data() + 2)} + 1) * 4;
        if (length > compound.size()) return false;
        const bool padded = (compound[0] & 0x20) != 0;
        if (padded && (length != compound.size() || !padding_fits(compound))) return false;
        const std::size_t padding = padded ? compound.back() : 0;
        if (length - padding < least_bytes(compound[1], compound[0] & 0x1f)) return false;
        compound = compound.subspan(length);
    }
    return true;
}

}  // namespace sallyport::media::rtcp
