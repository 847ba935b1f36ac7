// Multicast Listener Discovery for one group at a time, RFC 3810 with the host's part of RFC 2710: without a report a
// switch that snoops does not pass on what is sent to our solicited-node group. Reads queries and writes reports;
// keeps no state, filters no sources, never leaves a group.
#pragma once

#include <optional>

#include "control/base/time.h"
#include "media-plane/dpdk/frame.h"
#include "media-plane/dpdk/small_frame.h"

namespace sallyport::media::dpdk {

namespace limits {
inline constexpr Duration mld_repetition = 1s;  // RFC 3810 9.11, unsolicited report interval
}  // namespace limits

struct MldQuery {
    IpAddress group;             // unspecified: all groups
    Duration response_within{};  // the answers of all hosts are to be spread over it
    bool first_version = false;  // the querier is of RFC 2710 and understands only its reports
};

// Nothing unless every check of RFC 3810 5.1.14 and 6.2 holds: from a link-local address, with hop limit 1 and the
// router alert, right checksum.
std::optional<MldQuery> parse_mld_query(ByteView bytes, const Frame& frame);

// joined: CHANGE_TO_EXCLUDE_MODE of no sources. current: MODE_IS_EXCLUDE, the answer to a query.
enum class MldReport : std::uint8_t { joined, current, first_version };
// `from`: a link-local address of ours, or unspecified if there is none (RFC 3590).
void write_mld_report(SmallFrame& out, const LinkAddress& link_from, std::uint16_t vlan, const IpAddress& from,
                      const IpAddress& group, MldReport kind);

}  // namespace sallyport::media::dpdk
