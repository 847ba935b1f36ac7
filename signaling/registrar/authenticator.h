// Digest challenges and their check: who is this request from? RFC 3261 22, RFC 7616, RFC 8760. Nonces carry their own
// proof (a keyed hash of their time and of the address they were given to), so every node with the same secret can
// check them; replays are refused per nonce count. Which counts were used only the node knows that they were used at: a
// nonce that another node has made, or this one before it was started again, is good for 10 s, which a challenge takes
// to be answered elsewhere, and then stale. Counts no failures, the lock-outs do.
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
    bool without_qop = false;  // the form of RFC 2069 is taken
};
// Gives the secret of (username, digest realm), or one with an empty trunk.
using CredentialLookup = std::function<CredentialSecret(std::string_view username, std::string_view digest_realm)>;

// Which algorithms a challenge names. There are user agents that know MD5 only and give up on a challenge whose first
// algorithm they do not know, so a trunk that has a secret for one algorithm alone is not offered the other.
struct DigestOffer {
    std::vector<sip::DigestAlgorithm> algorithms{sip::DigestAlgorithm::sha256, sip::DigestAlgorithm::md5};
};

struct Authentication {
    enum class Outcome : std::uint8_t {
        authenticated,
        challenge,    // no usable credentials: send the challenges
        stale,        // the nonce is too old, another address's or used up: challenge with stale=true
        refused,      // wrong, with a nonce that was good: looks and costs the same for unknown users
        bad_request,  // syntax: 400
    };
    Outcome outcome = Outcome::challenge;
    std::string trunk;     // authenticated
    std::string username;  // as claimed; empty where none was
    std::string reason;    // for the log and the counter; never shown to the peer
};

// Whom a nonce is given to, and who comes with it.
struct Asker {
    IpAddress address;
    const Realm* realm = nullptr;  // where the request came in
};

class Authenticator {
public:
    // `secret`: 32 random bytes shared by the nodes of a cluster. `nonce_life`: 1 s..1 h. `counts`: that of every
    // authenticator on this node, or a replay would be good once with each of them.
    Authenticator(const std::string& secret, Duration nonce_life, RandomSource& random, NonceCounts& counts);

    // `proxy`: Proxy-Authorization (INVITE and others) or Authorization (REGISTER). Clients that send to an address of
    // the asker's realm rather than to a name may compute their digest for that.
    Authentication check(const sip::Message& request, bool proxy, std::string_view digest_realm,
                         const CredentialLookup& lookup, TimePoint now, const Asker& asker = {});
    // What check() finds out of an answer whose form, place and user are known: whether the nonce is good and the
    // response right. Counts nothing.
    // `ha2`: of sip::digest_ha2().
    bool is_right(const sip::DigestAnswer& answer, std::string_view ha1, std::string_view ha2,
                  std::string_view digest_realm, TimePoint now, const Asker& asker) const;
    // Whether the answer's nonce count is new; it is used up then. For an answer that is right.
    bool count(const sip::DigestAnswer& answer, TimePoint now);
    // Challenge values in the order of `offer` (RFC 8760 2.4: the one we like best first).
    std::vector<std::string> challenges(std::string_view digest_realm, bool stale, TimePoint now,
                                        const DigestOffer& offer = {}, const Asker& asker = {});

    std::string make_nonce(std::string_view digest_realm, TimePoint now, const Asker& asker);

private:
    std::uint32_t mark(std::string_view nonce_stamp) const;
    std::string proof(std::string_view stamp_and_mark, std::string_view digest_realm, const IpAddress& address) const;
    bool is_our_own(std::string_view nonce) const;
    bool is_good(std::string_view nonce, std::string_view digest_realm, TimePoint now, const Asker& asker) const;
    bool response_is_right(const sip::DigestAnswer& answer, std::string_view ha1, std::string_view method) const;

    sip::SipHash128 proof_, mark_;
    std::string maker_;             // that the table of counts has
    std::string unknown_user_ha1_;  // nobody's: makes an unknown user cost what a known one does
    Duration nonce_life_;
    RandomSource* random_;
    NonceCounts* counts_;
};

}  // namespace sallyport::registrar
