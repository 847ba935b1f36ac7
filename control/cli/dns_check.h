// Whether DNS leads a PBX to this node: walks a domain as RFC 3263 4 tells a client to, and compares what is found with
// the zone the node would publish. Asks through the function it is given.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "control/cli/dns_lookup.h"
#include "control/cli/dns_zone.h"

namespace sallyport::cli::dns {

enum class Verdict : std::uint8_t { ok, note, missing, wrong };
std::string_view to_string(Verdict verdict);

struct Finding {
    Verdict verdict = Verdict::ok;
    std::string text;
};

using Ask = std::function<Found(const std::string& name, Type type)>;

std::vector<Finding> check_zone(const Zone& zone, const Ask& ask);
bool passed(const std::vector<Finding>& findings);  // nothing missing, nothing wrong

}  // namespace sallyport::cli::dns
