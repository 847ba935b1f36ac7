// Every bound of what may be provisioned: its name, its reason, one home.
#pragma once

#include <cstddef>
#include <cstdint>

namespace sallyport::config::limits {

inline constexpr std::size_t id_length = 63;  // a DNS label's, so that an id may become one
inline constexpr std::size_t display_name_bytes = 128;
inline constexpr std::size_t host_length = 253;  // RFC 1035 2.3.4
inline constexpr std::size_t e164_digits = 15;   // E.164 6
inline constexpr std::size_t aor_user_length = 128;
inline constexpr std::size_t username_length = 128;
inline constexpr std::size_t credentials = 16;        // of one trunk
inline constexpr std::size_t number_ranges = 10'000;  // of one trunk
inline constexpr std::size_t overflow_numbers =
    1'000;                                  // of one trunk; looked through for a call that cannot be delivered
inline constexpr std::size_t targets = 32;  // of one trunk or carrier
inline constexpr std::size_t sources = 256;
inline constexpr std::size_t codecs = 32;
inline constexpr std::size_t tls_certificates = 16;  // authorities, or pinned, or fingerprints, or names of one peer
inline constexpr std::size_t pem_bytes = 16'384;     // of one certificate; RSA-4096 with a long subject takes 3 kB
inline constexpr std::size_t carriers_of_route = 16;
inline constexpr std::size_t prefixes_of_route = 50'000;  // about 800 kB in one message
inline constexpr std::size_t prefixes = 2'000'000;        // of all routes: twice a country's ported numbers in one city
inline constexpr std::size_t service_numbers = 100;       // of one route
inline constexpr std::size_t service_digits = 15;         // a dial string that names a service
inline constexpr std::size_t emergency_areas = 100;       // of one route; looked through for a call for help
inline constexpr std::size_t area_shapes = 200;           // of one area: civic addresses, circles and polygons
inline constexpr std::size_t polygon_points = 100;        // of one polygon
inline constexpr std::size_t civic_bytes = 128;           // of one element
inline constexpr double radius_metres = 2e6;              // more than any country that one answering point serves
inline constexpr std::size_t number_rules = 1'000;        // of one table; read from end to end for a call
inline constexpr std::size_t short_codes = 1'000;         // of one trunk
inline constexpr std::size_t emergency_numbers = 32;      // of one trunk
inline constexpr std::size_t dial_prefix_digits = 8;      // "00", "011", "9", with room
inline constexpr std::size_t trunks = 200'000;            // of one node; an edge of 50,000 PBXs and room to grow
inline constexpr std::size_t carriers = 1'000;
inline constexpr std::size_t routes = 10'000;
inline constexpr std::size_t changes = 10'000;  // of one request
inline constexpr std::size_t violations = 100;  // reported of one request
inline constexpr std::uint32_t concurrent_calls = 1'000'000;
inline constexpr double calls_per_second = 10'000;
inline constexpr std::uint32_t burst = 100'000;
inline constexpr std::uint32_t bandwidth_kbps = 1'000'000'000;  // a terabit a second
inline constexpr std::size_t customers = 200'000;               // as many as trunks
inline constexpr std::size_t number_limits = 1'000;             // of one trunk; looked through for a call
inline constexpr std::size_t allowed_prefixes = 1'000;          // the same
inline constexpr std::size_t calling_hours = 100;               // entries of one trunk
inline constexpr std::size_t hours_prefixes = 1'000;            // of all its entries
inline constexpr std::size_t weekly_windows = 50;               // of one entry
inline constexpr std::size_t time_zone_length = 64;             // the longest name of the database has 32
inline constexpr std::size_t header_rules = 50;                 // of one peer and direction
inline constexpr std::size_t header_name_length = 64;
inline constexpr std::size_t header_value_bytes = 512;
inline constexpr std::size_t header_wildcards = 4;  // of one rule; matching looks at a value once
// What a trunk has about whose limits nobody says anything: a stolen secret costs no more than this
// (SIPconnect 16.6.1).
inline constexpr std::uint32_t default_concurrent_calls = 60;
inline constexpr double default_calls_per_second = 10;
inline constexpr double default_cost_per_day = 100;
inline constexpr double cost_per_day = 1e9, price_per_minute = 1e6;
inline constexpr std::size_t barred_prefixes = 1'000;  // of one trunk; looked through for a call
inline constexpr std::uint32_t max_contacts = 64;
inline constexpr std::uint32_t expires_min = 60, expires_max = 86'400;
inline constexpr std::uint32_t min_expires_min = 10, min_expires_max = 3'600;  // RFC 3261 10.3: an hour is never brief
inline constexpr std::size_t methods = 16;
inline constexpr std::uint32_t session_min = 90, session_max = 86'400;  // RFC 4028 4
inline constexpr std::uint32_t inactivity_min = 10, inactivity_max = 86'400;
inline constexpr std::uint32_t packet_step = 10, packet_max = 60;  // milliseconds of audio
inline constexpr std::uint32_t options_min = 5, options_max = 3'600;

}  // namespace sallyport::config::limits
