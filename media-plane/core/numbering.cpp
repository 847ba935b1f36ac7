#include "media-plane/core/numbering.h"

#include "media-plane/core/rtcp.h"

namespace sallyport::media {
namespace {

constexpr std::size_t highest_offset = 8;  // in a report block: cycles, sequence number

}  // namespace

// RFC 3711 3.3.1: who begins in the upper half may turn with its first packets lost, and is not understood then.
std::uint16_t Numbering::begin(std::uint32_t ssrc, std::uint16_t heard, const srtp::CryptoContext& context) {
    const auto goes_on = context.goes_on_at(ssrc);
    ssrc_ = ssrc;
    heard_ = heard;
    sent_ = goes_on ? static_cast<std::uint16_t>(*goes_on) : static_cast<std::uint16_t>(heard & 0x7fff);
    begun_ = true;
    broken_ = false;
    return sent_;
}

void Numbering::give_back(ByteSpan compound, const Arrivals& source) const {
    if (!begun_) return;
    rtcp::for_each_packet(compound, [&](ByteSpan packet) {
        if (!rtcp::is_report(packet)) return;
        rtcp::for_each_block(packet, [&](ByteSpan block) {
            if (load_be32(block.data()) != ssrc_) return;
            std::uint8_t* highest = block.data() + highest_offset;
            const auto behind = static_cast<std::uint16_t>(sent_ - load_be16(highest + 2));
            const auto heard = static_cast<std::uint16_t>(heard_ - behind);
            const std::uint32_t arrived = source.cycles << 16 | source.highest;
            if (source.ssrc == ssrc_)
                store_be32(highest, arrived - static_cast<std::uint16_t>(source.highest - heard));
            else
                store_be16(highest + 2, heard);
        });
    });
}

}  // namespace sallyport::media
