// Our ACKs for 2xx, kept 64*T1 so that every repetition of the 2xx gets the identical one (RFC 3261 13.2.2.4), whether
// the call still lives or not; and the end of every 2xx nobody wanted: ACK, then BYE. Belongs to a shard, not to a
// call.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "signaling/b2bua/context.h"
#include "signaling/b2bua/next_hop.h"
#include "signaling/dialog/dialog.h"

namespace sallyport::b2bua {

// An INVITE of ours as it was sent; or an UPDATE in its place, which has no ACK and cannot be cancelled.
struct SentInvite {
    transaction::ClientId client;
    std::string text;
    Flow flow;
    std::string tls_name;
    bool update = false;
};

class AckKeeper {
public:
    // Sends the ACK for the 2xx that is taken, and remembers it.
    void acknowledge(const SentInvite& invite, std::string_view to_tag, const NextHop& hop, std::string ack,
                     Context& context);
    // A 2xx of an INVITE that has been answered already: the same again gets its ACK, another fork ACK and BYE. False:
    // this INVITE has had no 2xx yet, or the call has still to make an ACK for it.
    bool absorb(transaction::ClientId client, const sip::Message& response, const Flow& flow, Context& context);
    // A 2xx that nobody wants: ACK (with `ack_body`, if it brought an offer) and BYE.
    void refuse(const SentInvite& invite, const sip::Message& response, const Flow& flow, std::string_view ack_body,
                Context& context);
    // The ACK for this tag once more, to where a 2xx has come from that belongs to no transaction any more.
    void repeat(transaction::ClientId client, std::string_view to_tag, const Flow& flow, Context& context) const;
    // The 2xx with this tag is acknowledged later, when its offer has been answered: until then every further 2xx is
    // the call's.
    void owe(transaction::ClientId client, std::string_view to_tag);
    void expire(TimePoint now);
    std::size_t size() const { return answered_.size(); }

private:
    using Ack = transaction::Transmit;
    struct Answered {
        SentInvite invite;
        std::map<std::string, Ack, std::less<>> acks;  // by To tag
        std::string owed;                              // To tag whose ACK the call has still to make
    };
    std::unordered_map<transaction::ClientId, Answered> answered_;
    std::deque<std::pair<TimePoint, transaction::ClientId>> expiry_;  // one life for all: in order of time
};

}  // namespace sallyport::b2bua
