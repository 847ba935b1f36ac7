// Who is calling whom, as each leg is told: From, To, P-Asserted-Identity, Privacy (SIPconnect 10.1.3, 10.1.4, 10.2.4;
// RFC 3323, 3325). An identity crosses as a number in our own domain, with its display name; hosts and tags never
// cross.
#pragma once

#include <string>
#include <string_view>

#include "control/config/model.h"
#include "signaling/sip/compose.h"
#include "signaling/sip/message.h"

namespace sallyport::b2bua {

struct Identity {
    std::string from, to;  // name-addr without tag
    std::string asserted;  // P-Asserted-Identity, or empty
    std::string privacy;   // Privacy, or empty
    std::string caller;    // E.164, else the user part; for the record
};

// From the core to a PBX, which is not trusted with what its caller wants hidden.
Identity identity_to_pbx(const sip::Message& invite, std::string_view called, const config::Trunk& trunk);
// From a PBX to the core: what it says in From is passed, what we know about it is asserted.
Identity identity_to_core(const sip::Message& invite, std::string_view called, const config::Trunk& trunk,
                          std::string_view core_host);
struct AssertedIdentity {
    std::string asserted, privacy;  // values of P-Asserted-Identity and Privacy, or empty
};
// Of a response, towards the caller: who answered, if that may be said.
AssertedIdentity asserted_in_response(const sip::Message& response, bool from_trusted, bool to_trusted,
                                      const config::Trunk& trunk);

// "sip:+4930123@host;user=phone", or without user=phone when it is no global number.
std::string public_uri(std::string_view user, std::string_view host);

}  // namespace sallyport::b2bua
