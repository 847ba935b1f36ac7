// A dialog's next hop that its route set or Contact names by a host name (RFC 3261 12.2.1.1), located as RFC 3263 has
// it: asked for once it is known, and again when a request is to be sent and what DNS has said holds no longer. No
// request waits for that. Asks DNS through questions it hands out; a plain value.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "control/base/boxed.h"
#include "control/base/random.h"
#include "control/base/time.h"
#include "signaling/dialog/dialog.h"
#include "signaling/locate/locator.h"
#include "signaling/sip/uri.h"
#include "signaling/transaction/flow.h"

namespace sallyport::b2bua {

class NamedPeer {
public:
    using Questions = std::vector<locate::Question>;

    // Whether the dialog's next hop is a name that may stand for several places.
    static bool names(const dialog::Dialog& dialog, const Realm& realm);
    // What is to be asked about the dialog's next hop now. Nothing: it is an address, or in a realm where peers are met
    // at the flow that they use, or it is known or being asked already.
    static Questions seek(Boxed<NamedPeer>& peer, const dialog::Dialog& dialog, const Realm& realm, TimePoint now,
                          RandomSource& random);
    Questions resume(const locate::Answer& answer, TimePoint now);
    bool is_waiting() const { return locator_.has_value(); }  // for an answer
    // Whoever has asked is gone: the answer will not come here.
    void stop_waiting() { locator_.reset(); }

    struct Place {
        Transport transport = Transport::udp;
        Endpoint endpoint;
        friend bool operator==(const Place&, const Place&) = default;
    };
    // Where the next hop with this URI is; nothing: nobody knows (yet). Of several places the one that it was last met
    // at after another had failed, else the one that is `used`, whose host has the dialog, else the first. None of
    // `tried`.
    std::optional<locate::Located> place(std::string_view uri, const Flow& used,
                                         const std::vector<Place>& tried = {}) const;
    // Another of its places is turned to, or has answered: requests go there from now on.
    void meet_at(const Place& place) { met_ = place; }

private:
    NamedPeer(std::string_view uri_text, const sip::Uri& uri, const Flow& used, const Realm& realm,
              RandomSource& random);
    Questions take(locate::Step step, TimePoint now);

    std::string uri_;
    bool assumed_ = false;  // the transport, by us: neither URI nor DNS names it
    std::optional<locate::Locator> locator_;
    Duration ttl_{};  // the shortest that DNS has said
    std::vector<locate::Located> located_;
    std::optional<Place> met_;
    TimePoint until_{};
};

// The transport that a URI names for a peer who is met over `current`; nothing: it leaves that open. What began over
// TLS stays there: keys are in its re-INVITEs, and a peer that requires TLS means all of it.
std::optional<Transport> named_transport(const sip::Uri& uri, Transport current);

}  // namespace sallyport::b2bua
