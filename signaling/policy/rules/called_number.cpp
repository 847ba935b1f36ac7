#include "signaling/policy/rules/rule.h"

namespace sallyport::policy::rules {

// SIPconnect 9: global numbers only. What is no number is nobody's (404); a dial string of digits is a number that is
// not complete yet (484).
Outcome called_number(const CallFacts& facts, Admitted& admitted) {
    if (auto number = sip::e164(facts.request_uri)) {
        admitted.called = std::move(*number);
        return {{}, admitted.called};
    }
    constexpr std::uint16_t unallocated = 1, incomplete = 28;
    const std::string user = facts.request_uri.decoded_user();
    admitted.called = user;
    const bool digits = !user.empty() && user.find_first_not_of("0123456789") == std::string::npos;
    return {Reject{Refusal::not_a_number, static_cast<std::uint16_t>(digits ? 484 : 404),
                   digits ? incomplete : unallocated, false},
            "the Request-URI names no E.164 number"};
}

}  // namespace sallyport::policy::rules
