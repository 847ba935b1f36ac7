// The Privacy header field: RFC 3323 4.2, with "id" of RFC 3325 9.3 and "history" of RFC 7044. What is asked for, not
// what is done about it.
#pragma once

#include <string>

#include "signaling/sip/message.h"

namespace sallyport::sip {

struct Privacy {
    bool none = false, id = false, user = false, header = false, session = false, history = false;
    bool critical = false;
    bool unknown = false;  // a priv-value that this node has never heard of
    // The identity of the user is not to be told. Headers and session are hidden by every B2BUA; asked for by name they
    // are taken for the wish to be nobody.
    bool hides_identity() const { return id || user || header; }
    std::string text() const;  // the known priv-values, "id;critical"; empty if there are none
};
// Every field and value of the message together. Malformed or empty ones ask for nothing; commas, which the grammar
// does not have, are taken for semicolons.
Privacy privacy_of(const Message& message);

}  // namespace sallyport::sip
