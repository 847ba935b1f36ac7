// Digest challenges and their check: who is this request from? RFC 3261 22, RFC 7616, RFC 8760. Nonces carry their own
// proof (time and a keyed hash), so every node with the same secret can check them; replays are refused per nonce
// count.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "control/base/random.h"
#include "control/base/time.h"
#include "signaling/registrar/nonce_counts.h"
#include "signaling/sip/digest.h"
#include "signaling/sip/message.h"
#include "signaling/transaction/flow.h"

namespace sallyport::registrar {

struct CredentialSecret {  // what policy finds for a user name; empty strings where an algorithm has no HA1
    std::string trunk;
    std::string ha1_md5, ha1_sha256;
};
// Gives the secret of (username, digest realm), or one with an empty trunk.
using CredentialLookup = std::function<CredentialSecret(std::string_view username, std::string_view digest_realm)>;

// Which algorithms a challenge names. There are user agents that know MD5 only and give up on a challenge whose first
// algorithm they do not know, so a trunk that has a secret for one algorithm alone is not offered the other.
struct DigestOffer {
    bool sha256 = true, md5 = true;
};

struct Authentication {
    enum class Outcome : std::uint8_t {
        authenticated,
        challenge,    // no usable credentials: send the challenges
        stale,        // right, but the nonce is too old: challenge with stale=true
        refused,      // wrong: 403, or challenge again by policy; looks and costs the same for unknown users
        bad_request,  // syntax: 400
    };
    Outcome outcome = Outcome::challenge;
    std::string trunk;   // authenticated
    std::string reason;  // for the log and the counter; never shown to the peer
};

class Authenticator {
public:
    // `secret`: 32 random bytes shared by the nodes of a cluster. `nonce_life`: 1 s..1 h. `counts`: that of every
    // authenticator on this node, or a replay would be good once with each of them.
    Authenticator(std::string secret, Duration nonce_life, RandomSource& random, NonceCounts& counts);

    // `proxy`: Proxy-Authorization (INVITE and others) or Authorization (REGISTER). `realm`: where the request came in;
    // clients that send to an address rather than a name may compute their digest for that.
    Authentication check(const sip::Message& request, bool proxy, std::string_view digest_realm,
                         const CredentialLookup& lookup, TimePoint now, const Realm* realm = nullptr);
    // Challenge values in order of preference: SHA-256, then MD5 (RFC 8760 2.4); only those of `offer`.
    std::vector<std::string> challenges(std::string_view digest_realm, bool stale, TimePoint now,
                                        DigestOffer offer = {});

private:
    std::string make_nonce(std::string_view digest_realm, TimePoint now);
    std::string proof(std::string_view nonce_head, std::string_view digest_realm) const;
    enum class NonceState : std::uint8_t { good, stale, forged };
    NonceState check_nonce(std::string_view nonce, std::string_view digest_realm, TimePoint now) const;
    bool response_is_right(const sip::DigestAnswer& answer, std::string_view ha1, std::string_view method) const;

    std::string secret_;
    std::string unknown_user_ha1_;  // nobody's: makes an unknown user cost what a known one does
    Duration nonce_life_;
    RandomSource* random_;
    NonceCounts* counts_;
};

}  // namespace sallyport::registrar
