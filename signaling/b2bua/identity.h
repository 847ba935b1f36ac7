// Who is calling whom, as each leg is told: From, To, P-Asserted-Identity, Privacy (SIPconnect 10.1.2 to 10.1.4, 10.2.2
// to 10.2.6; RFC 3323, 3325, 5876). Tags never cross, nor do addresses of the other side's elements. Refuses nobody:
// that is policy's (rules/caller.cpp).
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "control/config/model.h"
#include "signaling/sip/compose.h"
#include "signaling/sip/message.h"

namespace sallyport::b2bua {

// Between whom an identity crosses. Each says what is believed of it and what it may be told.
struct Parties {
    const config::Trunk& trunk;
    const config::Carrier& carrier;
    bool emergency = false;  // nothing is hidden by default or from the carrier, nobody is screened
};
struct CarrierPair {  // of a call that the PBX it was for has sent elsewhere
    const config::Carrier& from;
    const config::Carrier& to;
};
struct TrunkPair {  // of a call from one PBX of this node straight to another
    const config::Trunk& from;
    const config::Trunk& to;
};
struct Asserted {
    std::vector<std::string> values;  // P-Asserted-Identity: at most one SIP(S) and one tel URI (RFC 5876 4.5)
    std::string privacy;              // Privacy, or empty
    bool hidden = false;              // who is told must not learn who it is, from no field at all
    void add_to(sip::Composer& message) const;
};
struct Identity {
    std::string from, to;  // name-addr without tag
    Asserted asserted;
    // For the record: E.164, else the user part, bounded.
    std::string caller;
    std::string asserted_number;    // of whom we vouch for (default number included) or the core does; empty: nobody
    std::string redirecting_party;  // who sent the call on last; empty: nobody
};

// `called`: E.164, as it was first called.
Identity identity_to_pbx(const sip::Message& invite, std::string_view called, const Parties& parties);
// What the PBX says of its caller is held against the trunk's numbers; what we know is asserted.
Identity identity_to_core(const sip::Message& invite, std::string_view called, const Parties& parties,
                          std::string_view core_host);
// Its To alone.
std::string to_in_core(const sip::Message& invite, std::string_view called, const Parties& parties,
                       std::string_view core_host);
// The caller as it came, in the network of the second carrier. What is for the record has been said before.
Identity identity_to_carrier(const sip::Message& invite, std::string_view called, const CarrierPair& pair,
                             std::string_view host);
// From one PBX straight to another: held against the numbers of the trunk that calls, told in the form of the called
// one.
Identity identity_on_net(const sip::Message& invite, std::string_view called, const TrunkPair& pair);
// Of a response or a request within the call: who is at the other end now, if it is said and may be told. Empty: then
// Privacy means nothing either. `of_caller`: he is hidden by default where his INVITE was.
Asserted asserted_in_call(const sip::Message& message, bool to_pbx, const Parties& parties, bool of_caller = false);
Asserted asserted_in_call(const sip::Message& message, const CarrierPair& pair, std::string_view host);
Asserted asserted_in_call(const sip::Message& message, const TrunkPair& pair);

// "sip:+4930123@host;user=phone", or without user=phone when it is no global number.
std::string public_uri(std::string_view user, std::string_view host);
// The called number in the carrier's form; what calls for help is the same everywhere, as it was dialled.
std::string called_at(const config::Carrier& carrier, std::string_view called, bool emergency);
// Host part of the public identities as a URI has it (IPv6 in brackets); empty if there is none.
std::string public_host(const config::Trunk& trunk);
std::string public_host(const config::Carrier& carrier);

}  // namespace sallyport::b2bua
