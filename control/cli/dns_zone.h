// The DNS zone a provider publishes for its PBXs (SIPconnect 17.1.2.1, RFC 3263 4.1): from the listeners of a node's
// access realm. One IP version to a host name (SIPconnect 15). Asks nobody.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "control/base/endpoint.h"
#include "control/cli/dns_record.h"
#include "sallyport/operations/v1/operations.pb.h"

namespace sallyport::cli::dns {

struct Place {              // one way in
    std::string transport;  // "TLS", "TCP", "UDP"
    IpAddress address;      // empty: only its host name is known
    std::uint16_t port = 0;
    std::string host;  // the name SRV gives it
    std::string text() const;
    friend bool operator==(const Place&, const Place&) = default;
};

struct ZoneWish {
    std::string domain;
    std::string realm;  // empty: the only one that is not of the core
    std::uint32_t ttl_seconds = 300;
};

struct Zone {
    std::string domain, realm;
    std::uint32_t ttl_seconds = 300;
    std::vector<Place> places;
    std::vector<Record> records;
    std::vector<std::string> remarks;  // what the node cannot know
};

// Throws Failure: no such realm, several to choose from, no listener in it.
Zone make_zone(const operations::v1::SignalingStatus& signaling, const ZoneWish& wish);
std::string zone_file(const Zone& zone);

// What RFC 3263 4.1 calls them; `transport` as in a listener.
std::string service_of(std::string_view transport);  // "SIPS+D2T"
std::string srv_prefix(std::string_view transport);  // "_sips._tcp."

}  // namespace sallyport::cli::dns
