// REGISTER, from an authenticated trunk: RFC 3261 10.3, RFC 6140 5, RFC 3327 5.3. Decides and edits the location store;
// the response is composed here, sent by the caller.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "control/base/time.h"
#include "signaling/registrar/location_store.h"
#include "signaling/sip/message.h"
#include "signaling/sip/scan.h"

namespace sallyport::registrar {

struct RegistrarPolicy {               // of the trunk
    std::string trunk;                 // id
    std::string aor_user, aor_domain;  // the AOR it may register, its user without escapes
    std::string aor() const { return aor_user + '@' + sip::scan::lowered(aor_domain); }
    bool single_aor_compatibility = false;
    std::uint32_t max_contacts = 4;
    std::uint32_t min_expires = 60, default_expires = 3600, max_expires = 3600;  // seconds
};
struct RegisterOutcome {
    std::uint16_t status = 200;
    std::string response;                // complete text
    bool changed = false;                // a binding came, went or moved to another flow; a mere refresh is no change
    std::vector<std::string> displaced;  // trunks that had this flow before: a NAT has given its port away
    std::string reason;                  // of a refusal, for log and counter
};

class Registrar {
public:
    explicit Registrar(LocationStore& locations) : locations_(locations) {}
    RegisterOutcome handle(const sip::Message& request, const Flow& flow, const RegistrarPolicy& policy,
                           std::string_view to_tag, TimePoint now);

private:
    LocationStore& locations_;
};

std::string http_date(TimePoint now);  // as Date has it: "Sat, 28 Nov 2026 12:00:00 GMT" (RFC 3261 20.17)

// RFC 6140 5.3: the URI a request for `number` goes to, made from the template contact: the number becomes its user
// part; the parameters stay, bnc is gone. Compatibility mode: the contact itself.
std::string target_uri(const Binding& binding, std::string_view number);

}  // namespace sallyport::registrar
