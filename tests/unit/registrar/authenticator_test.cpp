#include "signaling/registrar/authenticator.h"

#include <set>

#include "tests/support/message_text.h"

using namespace sallyport;
using namespace sallyport::test;
using registrar::Authentication;
using registrar::Authenticator;
using Outcome = registrar::Authentication::Outcome;

namespace {

// A client that computes its answers with RFC 7616's formula, step by step.
struct Client {
    std::string username = "acme", password = "s3cret", realm = "sp.example", uri = "sip:sp.example";
    std::string method = "REGISTER", nonce, extra;
    sip::DigestAlgorithm algorithm = sip::DigestAlgorithm::sha256;
    int count = 1;
    bool qop = true;

    std::string authorization() const {
        char nc[9];
        std::snprintf(nc, sizeof nc, "%08x", static_cast<unsigned>(count));
        const auto hash = [&](const std::string& text) { return sip::digest_hash(algorithm, text); };
        const std::string ha1 = hash(username + ":" + realm + ":" + password), ha2 = hash(method + ":" + uri);
        const std::string response =
            qop ? hash(ha1 + ":" + nonce + ":" + nc + ":cn:auth:" + ha2) : hash(ha1 + ":" + nonce + ":" + ha2);
        return "Digest username=\"" + username + "\", realm=\"" + realm + "\", nonce=\"" + nonce + "\", uri=\"" + uri +
               "\", response=\"" + response + "\", algorithm=" + std::string(to_string(algorithm)) +
               (qop ? std::string(", qop=auth, cnonce=\"cn\", nc=") + nc : "") + extra;
    }
};

struct AuthBench {
    SeededRandom random{5};
    TimePoint now = TimePoint{} + 1'000'000'000s;
    registrar::NonceCounts counts;
    Authenticator authenticator{std::string(32, 'k'), 300s, random, counts};
    const Realm* arrived_in = nullptr;
    IpAddress from = IpAddress::v4(192, 0, 2, 7);
    bool without_qop = false;
    int lookups = 0;

    std::string nonce() {
        const auto challenge = authenticator.challenges("sp.example", false, now, {}, {from}).at(0);
        const auto at = challenge.find("nonce=\"") + 7;
        return challenge.substr(at, challenge.find('"', at) - at);
    }
    Authentication check(const std::string& fields, bool proxy = false, const std::string& method = "REGISTER") {
        const auto request =
            message(method +
                    " sip:sp.example SIP/2.0\nVia: SIP/2.0/TLS p;branch=z9hG4bK1\n"
                    "From: <sip:acme@sp.example>;tag=p\nTo: <sip:acme@sp.example>\nCall-ID: r\nCSeq: 1 " +
                    method + "\n" + fields);
        const auto lookup = [&](std::string_view username, std::string_view realm) {
            ++lookups;
            registrar::CredentialSecret secret;
            if (username != "acme" || realm != "sp.example") return secret;
            secret.trunk = "acme-hq";
            secret.without_qop = without_qop;
            secret.ha1_md5 = sip::digest_ha1(sip::DigestAlgorithm::md5, "acme", "sp.example", "s3cret");
            secret.ha1_sha256 = sip::digest_ha1(sip::DigestAlgorithm::sha256, "acme", "sp.example", "s3cret");
            return secret;
        };
        return authenticator.check(request, proxy, "sp.example", lookup, now, {from, arrived_in});
    }
    Outcome outcome(const Client& client) { return check("Authorization: " + client.authorization() + "\n").outcome; }
    Client client() {
        Client c;
        c.nonce = nonce();
        return c;
    }
};

}  // namespace

TEST_CASE("the right password authenticates the trunk, with SHA-256 and with MD5 [SC-16.6.1-02]") {
    AuthBench b;
    auto c = b.client();
    const auto result = b.check("Authorization: " + c.authorization() + "\n");
    CHECK(result.outcome == Outcome::authenticated);
    CHECK(result.trunk == "acme-hq");
    c = b.client();
    c.algorithm = sip::DigestAlgorithm::md5;
    CHECK(b.outcome(c) == Outcome::authenticated);
}

TEST_CASE("challenges offer SHA-256 first, then MD5, with a fresh nonce each time [SC-16.4.1.3-02]") {
    AuthBench b;
    const auto first = b.authenticator.challenges("sp.example", false, b.now);
    REQUIRE(first.size() == 2);
    CHECK(first[0].find("algorithm=SHA-256") != std::string::npos);
    CHECK(first[1].find("algorithm=MD5") != std::string::npos);
    CHECK(first[0].find("stale") == std::string::npos);
    for (const auto& value : first) {
        const auto parsed = sip::parse_credentials(value);
        REQUIRE(parsed.has_value());
        CHECK(parsed->parameters.value("realm") == "sp.example");
        CHECK(parsed->parameters.value("qop") == "auth");
    }
    const auto md5_only = b.authenticator.challenges("sp.example", false, b.now, {{sip::DigestAlgorithm::md5}});
    REQUIRE(md5_only.size() == 1);
    CHECK(md5_only[0].find("algorithm=MD5") != std::string::npos);
    CHECK(b.authenticator.challenges("sp.example", true, b.now)[0].find("stale=true") != std::string::npos);
    CHECK(b.nonce() != b.nonce());
}

TEST_CASE("no credentials, Basic, another realm, unknown algorithm or no qop: challenge") {
    AuthBench b;
    CHECK(b.check("").outcome == Outcome::challenge);
    CHECK(b.check("Authorization: Basic YWNtZTpzM2NyZXQ=\n").outcome == Outcome::challenge);
    auto c = b.client();
    c.realm = "other.example";
    CHECK(b.outcome(c) == Outcome::challenge);
    c = b.client();
    c.qop = false;
    CHECK(b.outcome(c) == Outcome::challenge);
    auto text = b.client().authorization();
    text.replace(text.find("SHA-256"), 7, "SHA-512");
    CHECK(b.check("Authorization: " + text + "\n").outcome == Outcome::challenge);
}

TEST_CASE(
    "without qop the right password is asked for again, unless the trunk takes it, and then each nonce is good once") {
    AuthBench b;
    auto c = b.client();
    c.qop = false;
    CHECK(b.outcome(c) == Outcome::challenge);
    b.without_qop = true;
    CHECK(b.outcome(c) == Outcome::authenticated);
    CHECK(b.outcome(c) == Outcome::stale);
    c = b.client();
    c.qop = false;
    c.password = "guess";
    CHECK(b.outcome(c) == Outcome::refused);
}

TEST_CASE("a nonce is good for the address it was given to, over whatever port and connection [SC-16.4.1.4-01]") {
    AuthBench b;
    auto c = b.client();
    b.from = IpAddress::v4(192, 0, 2, 8);
    CHECK(b.outcome(c) == Outcome::stale);
    c.password = "guess";
    CHECK(b.outcome(c) == Outcome::stale);  // and nothing is told of the password
    c.password = "s3cret";
    b.from = IpAddress::v4(192, 0, 2, 7);
    CHECK(b.outcome(c) == Outcome::authenticated);
}

TEST_CASE("the right realm is found beside others") {
    AuthBench b;
    Client other = b.client();
    other.realm = "other.example";
    CHECK(b.check("Authorization: " + other.authorization() +
                  "\nAuthorization: Basic eDp5\nAuthorization: " + b.client().authorization() + "\n")
              .outcome == Outcome::authenticated);
}

TEST_CASE("Proxy-Authorization counts for INVITE, Authorization for REGISTER, never one for the other") {
    AuthBench b;
    auto c = b.client();
    c.method = "INVITE";
    CHECK(b.check("Proxy-Authorization: " + c.authorization() + "\n", true, "INVITE").outcome ==
          Outcome::authenticated);
    c = b.client();
    CHECK(b.check("Proxy-Authorization: " + c.authorization() + "\n").outcome == Outcome::challenge);
}

TEST_CASE(
    "a wrong password, user or method is refused, and the unknown user looks like the known one [SC-16.4.1.3-03]") {
    AuthBench b;
    auto wrong = b.client();
    wrong.password = "guess";
    CHECK(b.outcome(wrong) == Outcome::refused);
    auto stranger = b.client();
    stranger.username = "nobody";
    CHECK(b.outcome(stranger) == Outcome::refused);
    auto method = b.client();
    method.method = "INVITE";
    CHECK(b.outcome(method) == Outcome::refused);
    CHECK(b.lookups == 3);
}

TEST_CASE("an old nonce is stale, and what is told of it does not depend on the password [SC-16.4.1.4-01]") {
    AuthBench b;
    auto c = b.client();
    auto wrong = c;
    wrong.password = "guess";
    b.now += 299s;
    CHECK(b.outcome(c) == Outcome::authenticated);
    b.now += 1s;
    c.count = 2;
    CHECK(b.outcome(c) == Outcome::stale);
    CHECK(b.outcome(wrong) == Outcome::stale);
}

TEST_CASE("a nonce that is not ours never authenticates") {
    AuthBench b;
    auto c = b.client();
    const std::string good = c.nonce;
    for (std::size_t i = 0; i < good.size(); ++i) {
        c.nonce = good;
        c.nonce[i] = c.nonce[i] == '0' ? '1' : '0';
        CHECK(b.outcome(c) != Outcome::authenticated);
    }
    for (const std::string& nonce : {std::string("x"), good + "0", good.substr(1), std::string(64, 'f')}) {
        c.nonce = nonce;
        CHECK(b.outcome(c) != Outcome::authenticated);
    }
    SeededRandom other_random(9);
    Authenticator other(std::string(32, 'o'), 300s, other_random, b.counts);
    const auto challenge = other.challenges("sp.example", false, b.now)[0];
    const auto at = challenge.find("nonce=\"") + 7;
    c.nonce = challenge.substr(at, challenge.find('"', at) - at);
    CHECK(b.outcome(c) == Outcome::stale);  // told to use a nonce of ours: after a restart it costs one round
}

TEST_CASE("a nonce of another realm is not good for ours") {
    AuthBench b;
    const auto challenge = b.authenticator.challenges("other.example", false, b.now)[0];
    const auto at = challenge.find("nonce=\"") + 7;
    Client c;
    c.nonce = challenge.substr(at, challenge.find('"', at) - at);
    CHECK(b.outcome(c) == Outcome::stale);
}

// Nodes of a cluster, which know nothing of each other but the secret.
struct Nodes {
    AuthBench one, other;
    Nodes() {
        one.counts.set_maker(1);
        other.counts.set_maker(2);
        for (AuthBench* b : {&one, &other})
            b->authenticator = Authenticator(std::string(32, 'k'), 300s, b->random, b->counts);
        other.random = SeededRandom(99);
    }
    void wait(Duration time) {
        one.now += time;
        other.now += time;
    }
};

TEST_CASE("a challenge of one node is good at every node with the same secret, once at each [SC-16.6.1-07]") {
    Nodes n;
    auto c = n.one.client();
    CHECK(n.other.outcome(c) == Outcome::authenticated);
    CHECK(n.other.outcome(c) == Outcome::stale);
    c.count = 2;
    CHECK(n.other.outcome(c) == Outcome::authenticated);
    c.password = "guess";
    CHECK(n.other.outcome(c) == Outcome::refused);
}

TEST_CASE(
    "what was recorded at one node is stale at another one 10 s after the challenge, and tells nothing of the "
    "password; at its own node a nonce has its life [SC-16.6.1-07] [SC-16.4.1.4-01]") {
    Nodes n;
    auto c = n.one.client();
    CHECK(n.one.outcome(c) == Outcome::authenticated);
    n.wait(10s - 1ms);
    auto late = n.one.client();
    late.nonce = c.nonce;
    late.count = 2;
    CHECK(n.other.outcome(late) == Outcome::authenticated);  // the limit of what nodes know of each other
    n.wait(1ms);
    CHECK(n.other.outcome(c) == Outcome::stale);
    c.count = 3;
    CHECK(n.other.outcome(c) == Outcome::stale);
    c.password = "guess";
    CHECK(n.other.outcome(c) == Outcome::stale);
    c.password = "s3cret";
    CHECK(n.one.outcome(c) == Outcome::authenticated);
    n.wait(289s);
    c.count = 4;
    CHECK(n.one.outcome(c) == Outcome::authenticated);
}

TEST_CASE("clocks of nodes may differ by 5 s; a node with a short life of nonces gives no longer one to another's") {
    Nodes n;
    n.one.now += 5s;
    auto c = n.one.client();
    CHECK(n.other.outcome(c) == Outcome::authenticated);
    n.one.now += 1ms;
    c = n.one.client();
    CHECK(n.other.outcome(c) == Outcome::stale);
    n.one.now = n.other.now;
    n.other.authenticator = Authenticator(std::string(32, 'k'), 3s, n.other.random, n.other.counts);
    c = n.one.client();
    n.wait(3s);
    CHECK(n.other.outcome(c) == Outcome::stale);
}

TEST_CASE("a node that was started again is another maker: what was recorded before is not good for long") {
    AuthBench b;
    b.counts.set_maker(1);
    b.authenticator = Authenticator(std::string(32, 'k'), 300s, b.random, b.counts);
    auto c = b.client();
    CHECK(b.outcome(c) == Outcome::authenticated);
    registrar::NonceCounts after;
    after.set_maker(2);
    b.authenticator = Authenticator(std::string(32, 'k'), 300s, b.random, after);
    b.now += 10s;
    CHECK(b.outcome(c) == Outcome::stale);
    CHECK(b.outcome(b.client()) == Outcome::authenticated);
}

TEST_CASE("nonces do not show who has made them, and nobody can say it was somebody else") {
    Nodes n;
    std::set<std::string> marks;
    for (int i = 0; i < 50; ++i) {
        marks.insert(n.one.nonce().substr(32, 8));
        marks.insert(n.other.nonce().substr(32, 8));
    }
    CHECK(marks.size() == 100);
    auto c = n.one.client();
    const auto others = n.other.client();
    n.wait(11s);
    c.nonce.replace(32, 8, others.nonce, 32, 8);
    CHECK(n.other.outcome(c) == Outcome::stale);
    CHECK(n.one.outcome(c) == Outcome::stale);
}

TEST_CASE("a nonce count is good once; later ones may overtake each other a little [SC-16.6.1-07]") {
    AuthBench b;
    auto c = b.client();
    auto use = [&](int count) {
        c.count = count;
        return b.outcome(c);
    };
    CHECK(use(0) == Outcome::stale);  // counting begins at one
    CHECK(use(1) == Outcome::authenticated);
    CHECK(use(1) == Outcome::stale);
    CHECK(use(2) == Outcome::authenticated);
    CHECK(use(5) == Outcome::authenticated);
    CHECK(use(3) == Outcome::authenticated);
    CHECK(use(3) == Outcome::stale);
    CHECK(use(4) == Outcome::authenticated);
    CHECK(use(5) == Outcome::stale);
    CHECK(use(1'000) == Outcome::authenticated);
    CHECK(use(936) == Outcome::stale);  // outside the window: might have been used
    CHECK(use(937) == Outcome::authenticated);
    CHECK(use(870) == Outcome::stale);
    CHECK(use(0) == Outcome::stale);
}

TEST_CASE("when too many nonces are in use the oldest become stale: forgotten never means good again") {
    AuthBench b;
    registrar::NonceCounts few(3, 1);
    b.authenticator = Authenticator(std::string(32, 'k'), 300s, b.random, few);
    std::vector<Client> clients;
    for (int i = 0; i < 5; ++i) {
        clients.push_back(b.client());
        b.now += 10ms;
        CHECK(b.outcome(clients.back()) == Outcome::authenticated);
    }
    for (auto& c : clients) CHECK(b.outcome(c) == Outcome::stale);  // replays, of forgotten nonces too
    for (auto& c : clients) c.count = 2;
    CHECK(b.outcome(clients[1]) == Outcome::stale);
    CHECK(b.outcome(clients[2]) == Outcome::authenticated);
    CHECK(b.outcome(clients[4]) == Outcome::authenticated);
}

TEST_CASE("the bound on nonces in use holds in every stripe, whatever is asked") {
    registrar::NonceCounts counts(128, 64);
    const TimePoint now = TimePoint{} + 1'000s;
    const auto nonce_of = [](int i) {  // one after the other, and then what makes them differ
        const std::string time = std::to_string(1'000'000'000'000'000 + i);
        return time + std::string(time.rbegin(), time.rend());
    };
    for (int i = 0; i < 1'000; ++i) CHECK(counts.use(nonce_of(i), 1, now + 300s, now));
    int forgotten = 0;
    for (int i = 0; i < 1'000; ++i) {
        const std::string nonce = nonce_of(i);
        CHECK_FALSE(counts.use(nonce, 1, now + 300s, now));
        forgotten += counts.is_forgotten(nonce) ? 1 : 0;
    }
    CHECK(forgotten >= 1'000 - 128);
}

TEST_CASE("the digest may name another user part or port of this place, but no other place [SC-16.6.1-02]") {
    AuthBench b;
    for (const std::string uri : {"sip:acme@sp.example:5061;transport=tls", "sip:SP.EXAMPLE", "tel:+123"}) {
        auto c = b.client();
        c.uri = uri;
        CHECK(b.outcome(c) == Outcome::authenticated);
    }
    for (const std::string uri : {"sip:other.example", "http:", "*"}) {
        auto c = b.client();
        c.uri = uri;
        CHECK(b.outcome(c) == Outcome::bad_request);
    }
}

TEST_CASE("the digest may name the address that the client sends to, where that is ours") {
    const Realm access{"access",
                       "access-media",
                       false,
                       {{Transport::udp, *Endpoint::parse("192.0.2.1:5060"), "203.0.113.1", 5060},
                        {Transport::tls, *Endpoint::parse("[2001:db8::1]:5061"), "Edge.sp.example", 5061},
                        {Transport::tls, *Endpoint::parse("[2001:db8::2]:5061"), "[2001:db8:0:0::7]", 5061}}};
    AuthBench b;
    for (const std::string uri : {"sip:192.0.2.1:5060", "sip:acme@203.0.113.1", "sips:edge.SP.example",
                                  "sip:[2001:0db8::1]:5061", "sip:[2001:db8::7]"}) {
        INFO(uri);
        auto c = b.client();
        c.uri = uri;
        b.arrived_in = &access;
        CHECK(b.outcome(c) == Outcome::authenticated);
        b.arrived_in = nullptr;
        CHECK(b.outcome(c) == Outcome::bad_request);
    }
    b.arrived_in = &access;
    for (const std::string uri : {"sip:192.0.2.2", "sip:[2001:db8::3]", "sip:edge.other.example"}) {
        auto c = b.client();
        c.uri = uri;
        CHECK(b.outcome(c) == Outcome::bad_request);
    }
}

TEST_CASE("credentials that do not parse are a bad request, whatever they are") {
    AuthBench b;
    auto bad = [&](const std::string& value) { return b.check("Authorization: " + value + "\n").outcome; };
    CHECK(bad("Digest username=\"acme\"") == Outcome::bad_request);
    CHECK(bad(b.client().authorization() + ", realm=\"sp.example\"") == Outcome::bad_request);
    auto text = b.client().authorization();
    text.replace(text.find("nc=00000001"), 11, "nc=1");
    CHECK(bad(text) == Outcome::bad_request);
    for (const std::string odd : {"Digest", "Digest ,,,", "Digest username", "\"", "Digest nonce=\"", "x=y"})
        CHECK(bad(odd) != Outcome::authenticated);
}
