// The body of a "reg" notification, application/reginfo+xml (RFC 3680 5): what is registered for one AOR, whole every
// time. Never with bnc, which means something in REGISTER alone (RFC 6140 5.2). Sends nothing.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "control/base/time.h"
#include "signaling/registrar/binding.h"

namespace sallyport::registrar {

struct RegInfo {
    std::string aor;     // "sip:acme@sip.example": whose registration is told of
    std::string id;      // of the registration element: the same for the life of a subscription
    std::string number;  // the AOR is a number of the trunk: its contact is made from the bulk one
    std::string hidden;  // a URI told instead of the PBX's contacts, to whom they are not to be shown; empty: they are
};

// `bindings`: those that are called, best first.
std::string reg_info_xml(const RegInfo& what, const std::vector<Binding>& bindings, std::uint32_t version,
                         TimePoint now);

}  // namespace sallyport::registrar
