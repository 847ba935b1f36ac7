// Rules that trunks and carriers share. Internal to this room.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "control/config/model.h"
#include "control/config/validate.h"

namespace sallyport::config::rules {

std::string at(std::string_view list, std::size_t index);  // "targets[2]"
std::string too_many(std::size_t count, std::size_t limit);
std::string out_of_range(std::uint64_t value, std::uint64_t low, std::uint64_t high);

void check_id(const std::string& id, FieldErrors& errors);
void check_display_name(const std::string& name, FieldErrors& errors);
void check_realm(const std::string& realm, FieldErrors& errors);
void check_domain(const std::string& domain, FieldErrors& errors);
void check_media(const MediaPolicy& media, FieldErrors& errors);
void check_session_timers(const SessionTimers& timers, FieldErrors& errors);
void check_keys_in_clear(const Trunk& trunk, FieldErrors& errors);
void check_keys_in_clear(const Carrier& carrier, FieldErrors& errors);
void check_targets(const std::vector<Target>& targets, FieldErrors& errors);
void check_tls(const PeerTls& tls, const std::vector<Target>& targets, FieldErrors& errors);
void check_sources(const std::vector<AddressBlock>& sources, FieldErrors& errors);
// What goes to a PBX stays a global number (SIPconnect 9): its tables may not make anything else of one.
enum class NumbersOf : std::uint8_t { trunk, carrier };
void check_numbering(const Numbering& numbering, NumbersOf owner, FieldErrors& errors);  // numbering_rules.cpp
void check_identity(const Trunk& trunk, FieldErrors& errors);                            // numbering_rules.cpp
void check_prefixes(const Route& route, FieldErrors& errors);                            // numbering_rules.cpp
void check_choices(const Route& route, FieldErrors& errors);                             // numbering_rules.cpp
// What a trunk and a customer are limited in alike.
struct CallLimits {
    std::uint32_t concurrent_calls = 0;
    double calls_per_second = 0;
    std::uint32_t burst = 0, bandwidth_kbps = 0;
};
void check_call_limits(const CallLimits& limits, FieldErrors& errors);           // limit_rules.cpp
void check_number_limits(const Trunk& trunk, FieldErrors& errors);               // limit_rules.cpp
void check_destinations(const Destinations& destinations, FieldErrors& errors);  // limit_rules.cpp
void check_areas(const Route& route, FieldErrors& errors);                       // area_rules.cpp
void check_large_requests(const Trunk& trunk, FieldErrors& errors);              // network_rules.cpp
void check_large_requests(const Carrier& carrier, FieldErrors& errors);          // network_rules.cpp
void check_headers(const HeaderRules& headers, FieldErrors& errors);             // header_rules.cpp

}  // namespace sallyport::config::rules
