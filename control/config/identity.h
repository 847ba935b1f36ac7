// Who may call as whom, and who is told what of a caller: RFC 3325's trust domain as provisioned, plain values.
#pragma once

#include <cstdint>
#include <string>

namespace sallyport::config {

// A caller that is no number of its trunk (SIPconnect 10.2.4): shown as the trunk's default number, refused, or shown.
enum class Screening : std::uint8_t { substitute, reject, pass };
// What a PBX is shown in From (SIPconnect 10.1.3).
enum class FromPolicy : std::uint8_t { normalise, transparent, anonymise };

struct TrunkIdentity {
    bool trusted = false;        // it is in the trust domain, both ways
    std::string default_number;  // of the trunk; empty: its first
    Screening screening = Screening::substitute;
    FromPolicy from = FromPolicy::normalise;
    bool omit_asserted = false;
    bool restrict_by_default = false;
    bool ignore_preferred = false;
    friend bool operator==(const TrunkIdentity&, const TrunkIdentity&) = default;
};
struct CarrierIdentity {
    bool untrusted = false;
    bool diversion = false;  // it is told of forwarding by Diversion too
    friend bool operator==(const CarrierIdentity&, const CarrierIdentity&) = default;
};

}  // namespace sallyport::config
