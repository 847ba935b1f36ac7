// End-to-end session identifier, RFC 7989: one UUID per party, the same pair on both legs, in records and in ladders.
// Stands in for a party that has none.
#pragma once

#include <string>
#include <string_view>

#include "control/base/random.h"
#include "signaling/b2bua/media.h"
#include "signaling/sip/message.h"

namespace sallyport::b2bua {

class SessionId {
public:
    // From the INVITE that begins the call; makes up what the caller does not say.
    static SessionId begin(const sip::Message& invite, RandomSource& random);
    // The sender's own UUID as a message has it; empty: it has none that could be one.
    static std::string claimed(const sip::Message& message);
    // From a message of this side's party: a party may join late or change (RFC 7989 section 6).
    void hear(Side from, const sip::Message& message, RandomSource& random);

    void forget_callee() { b_.clear(); }  // another one is called in its place

    std::string field(Side to) const;  // the header value as `to`'s party is to see it
    const std::string& text() const { return a_; }
    std::string_view of(Side side) const { return side == Side::a ? a_ : b_; }
    static SessionId restore(std::string a, std::string b);

private:
    std::string a_, b_;  // 32 hex digits; b_ empty: not known yet
};

}  // namespace sallyport::b2bua
