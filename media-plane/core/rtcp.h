// The shape of RTCP packets, RFC 3550 6 and A.2, RFC 5506, and the way through a compound. Keeps no state.
#pragma once

#include "control/base/bytes.h"

namespace sallyport::media::rtcp {

inline constexpr std::size_t header_bytes =
    8;  // the first packet's header with the sender's SSRC: all SRTCP leaves clear

enum PacketType : std::uint8_t { sender_report = 200, receiver_report = 201, source_description = 202, bye = 203 };
inline constexpr std::size_t sender_info_bytes = 20, report_block_bytes = 24;

// RFC 5761 4: second octets of RTCP; as RTP they would be a marker bit with payload types 64 to 95.
inline bool is_packet_type(std::uint8_t second_octet) { return second_octet >= 192 && second_octet <= 223; }

// What holds of a packet still encrypted: version 2, an RTCP type, room for the sender's SSRC.
inline bool starts_well(ByteView packet) {
    return packet.size() >= header_bytes && packet[0] >> 6 == 2 && is_packet_type(packet[1]);
}

// The whole compound: every packet's length fits, its count of blocks fits its length, and padding is only on the last.
// Reduced-size packets (RFC 5506) are compounds too: which type comes first is the peers' affair.
bool well_formed(ByteView compound);

// The following read what is well formed.
inline bool is_report(ByteView packet) { return packet[1] == sender_report || packet[1] == receiver_report; }
inline std::size_t count(ByteView packet) { return packet[0] & 0x1f; }  // of report blocks, or of those who leave

// Each packet of the compound in turn, padding included.
template <class Span, class F>
void for_each_packet(Span compound, F&& f) {
    while (!compound.empty()) {
        const std::size_t length = (std::size_t{load_be16(compound.data() + 2)} + 1) * 4;
        f(compound.first(length));
        compound = compound.subspan(length);
    }
}
// Each block of a sender or receiver report.
template <class Span, class F>
void for_each_block(Span report, F&& f) {
    std::size_t at = header_bytes + (report[1] == sender_report ? sender_info_bytes : 0);
    for (std::size_t i = count(report); i > 0; --i, at += report_block_bytes) f(report.subspan(at, report_block_bytes));
}

}  // namespace sallyport::media::rtcp
