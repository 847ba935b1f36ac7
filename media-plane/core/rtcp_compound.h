// A compound RTCP packet of our own, RFC 3550 6.1: a report, who it is from, and perhaps that somebody leaves. Writes
// what it is given; what that should be is reports.h's.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

#include "control/base/time.h"
#include "media-plane/core/reception.h"
#include "media-plane/core/rtcp.h"

namespace sallyport::media::rtcp {

// RFC 3550 4: seconds since 1900 and their fractions, 32 bits each. The middle 32 bits are what blocks speak of.
std::uint64_t ntp_time(TimePoint t);
inline std::uint32_t middle(std::uint64_t ntp) { return static_cast<std::uint32_t>(ntp >> 16); }

struct SenderInfo {  // RFC 3550 6.4.1
    std::uint64_t ntp = 0;
    std::uint32_t timestamp = 0;  // of the stream's clock at that time
    std::uint32_t packets = 0, octets = 0;
};
struct ReportBlock {
    ReceptionReport received;
    std::uint32_t last_report = 0;        // middle of the NTP time of the source's last sender report; 0: none came
    std::uint32_t since_last_report = 0;  // in 1/65536 s
};
struct Compound {
    std::uint32_t ssrc = 0;
    std::optional<SenderInfo> sender;  // without: a receiver report
    std::optional<ReportBlock> block;
    std::string_view cname;  // at most `longest_cname`
    void leave(std::uint32_t source) { leaving[leavers++] = source; }

    std::array<std::uint32_t, 2> leaving{};  // who says BYE
    std::uint8_t leavers = 0;
};

inline constexpr std::size_t longest_cname = 16;  // RFC 7022 4.2: 96 random bits in Base64
// The longest that write() makes: a sender report with a block, SDES with that name, BYE of two.
inline constexpr std::size_t compound_bytes =
    header_bytes + sender_info_bytes + report_block_bytes + (4 + 4 + 2 + longest_cname + 2) + 12;

// The bytes written, a multiple of four; `out` has compound_bytes.
std::size_t write(const Compound& compound, std::uint8_t* out);

}  // namespace sallyport::media::rtcp
