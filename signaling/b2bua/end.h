// Who is at one end of a call. A plain value, as records and checkpoints name it.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "signaling/policy/identify.h"

namespace sallyport::b2bua {

// A trunk's PBX or a carrier.
struct End {
    policy::PartyKind kind = policy::PartyKind::unknown;
    std::string id;
    std::string name() const;  // "trunks/acme-hq"; empty: nobody is known there
    static std::optional<End> parse(std::string_view name);
};

}  // namespace sallyport::b2bua
