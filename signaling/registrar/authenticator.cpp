#include "signaling/registrar/authenticator.h"

#include <algorithm>
#include <array>
#include <charconv>

#include "control/base/check.h"
#include "signaling/sip/uri.h"

namespace sallyport::registrar {
namespace {

constexpr Duration clock_skew = 5s;  // between the nodes of a cluster
// A nonce of another maker. Whoever has recorded a request at one node can repeat it at another one no longer than
// that; a PBX that answers a challenge elsewhere does so at once.
constexpr Duration life_elsewhere = 10s;

// A nonce, all in hex: milliseconds since 1970, 64 random bits; the mark of its maker, a keyed hash of these and of who
// he is, so that nobody else sees which nonces are of one node, or how many nodes there are; then the keyed proof of
// all of it, the realm and the asker's address. One that is used from another address is stale: an answer that somebody
// else has read is worth nothing to him, and nobody fails in another's name by forging a source.
constexpr std::size_t time_digits = 16, random_bytes = 8, proof_digits = 32;
constexpr std::size_t stamp_digits = time_digits + 2 * random_bytes, mark_digits = 8;
constexpr std::size_t marked_digits = stamp_digits + mark_digits;

std::string hex16(std::uint64_t value) {
    std::array<std::uint8_t, 8> raw;
    store_be32(raw.data(), static_cast<std::uint32_t>(value >> 32));
    store_be32(raw.data() + 4, static_cast<std::uint32_t>(value));
    return to_hex(raw);
}

void append_hex8(std::string& out, std::uint32_t value) {
    for (int shift = 28; shift >= 0; shift -= 4) out += "0123456789abcdef"[value >> shift & 0xf];
}

std::optional<TimePoint> time_of(std::string_view nonce) {
    std::uint64_t ms = 0;
    const char* end = nonce.data() + time_digits;
    const auto [stop, error] = std::from_chars(nonce.data(), end, ms, 16);
    constexpr std::uint64_t ceiling = 1ull << 43;  // the year 2248: its nanoseconds fit into a TimePoint
    if (error != std::errc{} || stop != end || ms > ceiling) return std::nullopt;
    return TimePoint(std::chrono::milliseconds(ms));
}

bool is_address_of(const Realm& realm, std::string_view host) {
    const auto address = IpAddress::parse(host);
    return std::any_of(realm.listeners.begin(), realm.listeners.end(), [&](const Listener& listener) {
        if (sip::equal_ignoring_case(host, listener.advertised_host)) return true;
        return address && (*address == listener.bind.address || address == IpAddress::parse(listener.advertised_host));
    });
}

// The digest covers its own URI. Elements on the way may have changed the Request-URI (RFC 3261 22.4, item 5), so it
// need only mean the same place (RFC 7616 3.4.6): an equal host, or one of our own. One that names another place
// altogether was computed for another server.
bool names_this_place(std::string_view digest_uri, const sip::Message& request, std::string_view digest_realm,
                      const Realm* realm) {
    if (digest_uri == request.request_uri()) return true;
    const auto covered = sip::view_uri(digest_uri);
    const auto asked = sip::view_uri(request.request_uri());
    if (!covered.has_value()) return false;
    if (covered->host.empty()) return true;  // tel: has no place
    if (asked.has_value() && sip::equal_ignoring_case(covered->host, asked->host)) return true;
    if (realm && is_address_of(*realm, covered->host)) return true;
    return sip::equal_ignoring_case(covered->host, digest_realm) ||
           sip::equal_ignoring_case(covered->host, request.to().uri.host);
}

struct Offered {
    std::optional<sip::DigestAnswer> answer;
    bool malformed = false;
};

// The first usable credentials for our realm; others may stand beside them (RFC 3261 22.3).
Offered find_answer(const sip::Message& request, bool proxy, std::string_view digest_realm) {
    const auto wanted = proxy ? sip::HeaderName::proxy_authorization : sip::HeaderName::authorization;
    Offered offered;
    for (std::size_t i = 0; i < request.field_count(); ++i) {
        const auto field = request.field(i);
        if (field.name != wanted) continue;
        auto answer = sip::parse_digest_answer(field.value);
        if (!answer.has_value()) {
            const auto e = answer.error();
            offered.malformed |= e != sip::DigestErrc::not_digest && e != sip::DigestErrc::unknown_algorithm &&
                                 e != sip::DigestErrc::unknown_qop;
        } else if (answer->realm == digest_realm) {
            offered.answer = std::move(*answer);
            return offered;
        }
    }
    return offered;
}

Authentication outcome(Authentication::Outcome what, std::string reason) { return {what, {}, {}, std::move(reason)}; }

}  // namespace

Authenticator::Authenticator(const std::string& secret, Duration nonce_life, RandomSource& random, NonceCounts& counts)
    : proof_(secret, "nonce"),
      mark_(secret, "nonce's maker"),
      maker_(std::to_string(counts.maker())),
      unknown_user_ha1_(sip::hmac_sha256(secret, "unknown user")),
      nonce_life_(std::clamp<Duration>(nonce_life, 1s, 1h)),
      random_(&random),
      counts_(&counts) {}

// What is told of a nonce that is not good does not depend on the answer made with it: else it would tell, uncounted,
// which password is right.
Authentication Authenticator::check(const sip::Message& request, bool proxy, std::string_view digest_realm,
                                    const CredentialLookup& lookup, TimePoint now, const Asker& asker) {
    using Outcome = Authentication::Outcome;
    const auto [answer, malformed] = find_answer(request, proxy, digest_realm);
    if (!answer)
        return malformed ? outcome(Outcome::bad_request, "credentials do not parse")
                         : outcome(Outcome::challenge, "no credentials for this realm");
    if (!names_this_place(answer->uri, request, digest_realm, asker.realm))
        return outcome(Outcome::bad_request, "digest uri names another place");
    if (!is_good(answer->nonce, digest_realm, now, asker))
        return {Outcome::stale, {}, answer->username, "nonce is too old, another address's or not ours"};

    const CredentialSecret secret = lookup(answer->username, digest_realm);
    const std::string& stored = answer->algorithm == sip::DigestAlgorithm::sha256 ? secret.ha1_sha256 : secret.ha1_md5;
    const bool known = !secret.trunk.empty() && !stored.empty();
    const bool right = response_is_right(*answer, known ? stored : unknown_user_ha1_, request.method_text());
    if (!known || !right)
        return {Outcome::refused,
                {},
                answer->username,
                secret.trunk.empty() ? "unknown user"
                : stored.empty()     ? "no secret for this algorithm"
                                     : "wrong response"};
    // Without qop there is no nonce count, and the client did not show that it took the challenge in (RFC 7616 5.5).
    if (!answer->has_qop && !secret.without_qop)
        return {Outcome::challenge, {}, answer->username, "credentials without qop"};
    if (!count(*answer, now)) return {Outcome::stale, {}, answer->username, "nonce count was used before"};
    return {Outcome::authenticated, secret.trunk, answer->username, {}};
}

bool Authenticator::is_right(const sip::DigestAnswer& answer, std::string_view ha1, std::string_view ha2,
                             std::string_view digest_realm, TimePoint now, const Asker& asker) const {
    return is_good(answer.nonce, digest_realm, now, asker) &&
           equal_constant_time(sip::digest_response_of(answer, ha1, ha2), answer.response);
}

// Without qop a nonce is good once.
bool Authenticator::count(const sip::DigestAnswer& answer, TimePoint now) {
    const TimePoint expires = *time_of(answer.nonce) + nonce_life_;
    return counts_->use(answer.nonce, answer.has_qop ? answer.nc.value_or(0) : 1, expires, now);
}

std::vector<std::string> Authenticator::challenges(std::string_view digest_realm, bool stale, TimePoint now,
                                                   const DigestOffer& offer, const Asker& asker) {
    const std::string nonce = make_nonce(digest_realm, now, asker);
    std::vector<std::string> values;
    for (const auto algorithm : offer.algorithms)
        values.push_back(sip::digest_challenge(algorithm, digest_realm, nonce, {}, stale));
    return values;
}

std::string Authenticator::make_nonce(std::string_view digest_realm, TimePoint now, const Asker& asker) {
    std::string stamp = hex16(static_cast<std::uint64_t>(std::max<std::int64_t>(0, unix_milliseconds(now))));
    stamp.reserve(marked_digits + proof_digits);
    stamp += random_->token(random_bytes);
    append_hex8(stamp, mark(stamp));
    return stamp += proof(stamp, digest_realm, asker.address);
}

std::uint32_t Authenticator::mark(std::string_view nonce_stamp) const {
    return static_cast<std::uint32_t>(mark_.number({nonce_stamp, maker_}));
}

// The address comes last and always has the same length, so that no realm can stand for a part of it.
std::string Authenticator::proof(std::string_view stamp_and_mark, std::string_view digest_realm,
                                 const IpAddress& address) const {
    const char family = static_cast<char>(address.family);
    return proof_({stamp_and_mark, digest_realm, as_text(address.bytes), {&family, 1}});
}

bool Authenticator::is_our_own(std::string_view nonce) const {
    std::uint32_t marked = 0;
    const auto digits = nonce.substr(stamp_digits, mark_digits);
    std::from_chars(digits.data(), digits.data() + digits.size(), marked, 16);
    return marked == mark(nonce.substr(0, stamp_digits));
}

bool Authenticator::is_good(std::string_view nonce, std::string_view digest_realm, TimePoint now,
                            const Asker& asker) const {
    if (nonce.size() != marked_digits + proof_digits) return false;
    const auto marked = nonce.substr(0, marked_digits);
    if (!equal_constant_time(proof(marked, digest_realm, asker.address), nonce.substr(marked_digits))) return false;
    const auto issued = time_of(nonce);
    const Duration life = is_our_own(nonce) ? nonce_life_ : std::min(nonce_life_, life_elsewhere);
    if (!issued || *issued > now + clock_skew || now - *issued >= life) return false;
    return !counts_->is_forgotten(nonce);
}

bool Authenticator::response_is_right(const sip::DigestAnswer& answer, std::string_view ha1,
                                      std::string_view method) const {
    return equal_constant_time(sip::digest_response(answer, ha1, method), answer.response);
}

}  // namespace sallyport::registrar
