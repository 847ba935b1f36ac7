// Whether a name is anybody's: not to be seen by whoever has no password for it, in what he is answered or how long
// that takes (SIPconnect 16.4.1.3).
#include <time.h>

#include <algorithm>
#include <array>
#include <set>

#include "tests/unit/stack/digest_client.h"

namespace sallyport::stack {
namespace {

using config::DigestAlgorithm;

config::Trunk trunk_of(std::string id, std::string number, std::vector<DigestAlgorithm> algorithms = {},
                       std::string digest_realm = "sip.example.net") {
    config::Trunk t;
    t.id = id;
    t.realm = "access";
    t.registration_aor = "sip:" + id + "@sip.example.net";
    t.numbers = {{number, number}};
    t.authentication.algorithms = std::move(algorithms);
    const auto ha1 = [&](sip::DigestAlgorithm a) { return sip::digest_ha1(a, id, digest_realm, "secret"); };
    t.credentials = {{id, digest_realm, ha1(sip::DigestAlgorithm::md5), ha1(sip::DigestAlgorithm::sha256)}};
    return t;
}

std::vector<config::Trunk> trunks_of_several_kinds() {
    using enum DigestAlgorithm;
    std::vector<config::Trunk> out{trunk_of("usual", "+4930700001"),
                                   trunk_of("usual-too", "+4930700002"),
                                   trunk_of("md5-alone", "+4930700003", {md5}),
                                   trunk_of("md5-first", "+4930700004", {md5, sha256}),
                                   trunk_of("of-a-reseller", "+4930700005", {}, "reseller.example"),
                                   trunk_of("+4930700006", "+4930700007", {md5}, "reseller.example")};
    out.back().id = "named-like-a-number";
    return out;
}

// realm and algorithms, in order
using Asked = std::vector<std::pair<std::string, std::string>>;

struct Enumeration {
    Bench b{trunk_of("usual", "+4930700001")};
    int n = 0;

    explicit Enumeration(std::vector<config::Trunk> trunks = trunks_of_several_kinds()) {
        auto first = trunks.front();
        trunks.erase(trunks.begin());
        b.configure(first, Bench::default_carrier(), std::move(trunks));
        b.shared.lockouts.set_policy({.failures = 0});
    }
    static Flow flow() { return {Transport::tcp, 0, endpoint("203.0.113.1:5060"), endpoint("198.51.100.66:40001"), 5}; }
    std::string request(std::string_view method, std::string_view aor, std::string_view proof = {}) {
        const std::string count = std::to_string(++n);
        const std::string uri = method == "REGISTER" ? "sip:sip.example.net" : "sip:+442055501@sip.example.net";
        auto c = sip::Composer::request(method, uri);
        c.add("Via", "SIP/2.0/TCP 198.51.100.66:5060;branch=z9hG4bK" + count)
            .add("Max-Forwards", "70")
            .add("From", "<sip:" + std::string(aor) + ">;tag=f" + count)
            .add("To", "<" + (method == "REGISTER" ? "sip:" + std::string(aor) : uri) + ">")
            .add("Call-ID", count + "@stranger")
            .add("CSeq", "1 " + std::string(method));
        return Bench::with(c.finish(), proof);
    }
    sip::Message answer(const std::string& text) {
        b.sent.clear();
        b.receive(flow(), text);
        REQUIRE(b.sent.size() == 1);
        return parse(*b.sent.front().bytes);
    }
    static Asked asked(const sip::Message& challenged) {
        const bool proxy = challenged.status() == 407;
        REQUIRE((proxy || challenged.status() == 401));
        Asked out;
        for (const auto& value :
             challenged.values(proxy ? sip::HeaderName::proxy_authenticate : sip::HeaderName::www_authenticate)) {
            const auto challenge = sip::parse_challenge(value);
            REQUIRE(challenge.has_value());
            out.emplace_back(challenge->realm, challenge->algorithm);
        }
        return out;
    }
    Asked asked(std::string_view method, std::string_view aor) { return asked(answer(request(method, aor))); }
};

std::string nobody(int i, std::string_view host = "sip.example.net") {
    return "nobody-" + std::to_string(i) + "@" + std::string(host);
}

}  // namespace

TEST_CASE("what unknown AORs are challenged by is what known ones are, and stays the same for each [SC-16.4.1.3-03]") {
    Enumeration e;
    for (const std::string_view method : {"REGISTER", "INVITE"}) {
        INFO(method);
        std::set<Asked> known, unknown;
        for (const auto& trunk : trunks_of_several_kinds())
            known.insert(e.asked(method, std::string(trunk.aor_user()) + "@sip.example.net"));
        CHECK(known.size() == 5);
        for (int i = 0; i < 300; ++i) {
            const auto first = e.asked(method, nobody(i));
            unknown.insert(first);
            CHECK(e.asked(method, nobody(i)) == first);
            CHECK(e.asked(method, nobody(i, "SIP.Example.net")) == first);
            CHECK(e.asked(method == "INVITE" ? "REGISTER" : "INVITE", nobody(i)) == first);
        }
        CHECK(unknown == known);
        std::set<Asked> numbers;
        for (int i = 100; i < 400; ++i) {
            const std::string aor = "+4930900" + std::to_string(i) + "@sip.example.net";
            numbers.insert(e.asked(method, aor));
            CHECK(e.asked("INVITE", aor) == e.asked("REGISTER", aor));
        }
        CHECK(numbers == known);
    }
}

TEST_CASE(
    "an unknown number looks like a number of a trunk under any domain; another name of a strange domain is asked "
    "for that domain") {
    Enumeration e;
    std::set<Asked> known, unknown;
    for (int i = 1; i <= 7; ++i)
        if (i != 6) known.insert(e.asked("INVITE", "+493070000" + std::to_string(i) + "@192.0.2.200"));
    for (int i = 100; i < 400; ++i) unknown.insert(e.asked("INVITE", "+4930900" + std::to_string(i) + "@192.0.2.200"));
    CHECK(unknown == known);
    const Asked usual{{"strange.example", "SHA-256"}, {"strange.example", "MD5"}};
    CHECK(e.asked("INVITE", "somebody@strange.example") == usual);
    CHECK(e.asked("REGISTER", "usual@Strange.example") == usual);
}

TEST_CASE("which unknown name looks like which trunk is the secret of the nodes, and the same at each of them") {
    const auto all = [](std::string secret) {
        Shared shared;
        auto config = Bench::stack_config();
        config.nonce_secret = std::move(secret);
        Enumeration e;
        Bench node(shared, config, 9);
        auto trunks = trunks_of_several_kinds();
        node.configure(trunks.front(), Bench::default_carrier(), {trunks.begin() + 1, trunks.end()});
        std::vector<Asked> out;
        for (int i = 0; i < 100; ++i) {
            node.sent.clear();
            node.receive(Enumeration::flow(), e.request("REGISTER", nobody(i)));
            out.push_back(Enumeration::asked(parse(*node.sent.front().bytes)));
        }
        return out;
    };
    CHECK(all(std::string(32, 'a')) == all(std::string(32, 'a')));
    CHECK(all(std::string(32, 'a')) != all(std::string(32, 'b')));
}

TEST_CASE("a caller who hides, and has no name to be tried, is challenged as most are") {
    Enumeration e;
    const Asked usual{{"sip.example.net", "SHA-256"}, {"sip.example.net", "MD5"}};
    for (int i = 0; i < 20; ++i)
        CHECK(e.asked("INVITE", "anonymous" + std::to_string(i) + "@anonymous.invalid") == usual);
}

// In this thread's own time, of which no other process takes any: the least that it ever takes is what the work is.
TEST_CASE("nor does a guess for an unknown name take another time than one for a known one [SC-16.4.1.3-03]") {
    Enumeration e({trunk_of("usual", "+4930700001"), trunk_of("other", "+4930700002")});
    const auto guess = [&](std::string_view method, std::string_view user, std::size_t which, std::string_view cnonce) {
        const std::string aor = std::string(user) + "@sip.example.net";
        const bool proxy = method == "INVITE";
        const auto challenged = e.answer(e.request(method, aor));
        std::string proof = credentials(
            challenged, proxy ? sip::HeaderName::proxy_authenticate : sip::HeaderName::www_authenticate, method,
            proxy ? "sip:+442055501@sip.example.net" : "sip:sip.example.net", "a guess", which, std::string(user));
        proof.replace(proof.find("c0ffee"), 6, cnonce);
        return e.request(method, aor, (proxy ? "Proxy-Authorization: " : "Authorization: ") + proof + "\r\n");
    };
    const auto cost = [&](const std::string& text) {
        e.b.sent.clear();
        e.b.facts.clear();
        timespec begun{}, ended{};
        ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &begun);
        e.b.receive(Enumeration::flow(), text);
        ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ended);
        REQUIRE(e.b.sent.size() == 1);
        return (ended.tv_sec - begun.tv_sec) * 1'000'000'000 + (ended.tv_nsec - begun.tv_nsec);
    };
    // The longer the text that is hashed, the plainer who skips that. Whoever guesses chooses it.
    for (const std::size_t length : {std::size_t{6}, std::size_t{4'000}})
        for (const std::string_view method : {"REGISTER", "INVITE"})
            for (const std::size_t which : {std::size_t{0}, std::size_t{1}}) {
                const std::string cnonce(length, 'c');
                std::array<std::vector<long>, 2> costs;
                for (int i = 0; i < 400; ++i)
                    for (const std::size_t kind : {std::size_t{0}, std::size_t{1}})
                        costs[kind].push_back(cost(guess(method, kind == 0 ? "usual" : "never", which, cnonce)));
                for (auto& of_kind : costs) std::sort(of_kind.begin(), of_kind.end());
                const auto known = static_cast<double>(costs[0][40]), unknown = static_cast<double>(costs[1][40]);
                INFO(method << " with algorithm " << which << ", " << length << " bytes of cnonce: " << known
                            << " ns for a known name, " << unknown << " ns for an unknown one");
                CHECK(unknown == Approx(known).epsilon(0.15));
            }
    CHECK(e.b.stack.statistics().authentication_failures.read() == 2 * 2 * 2 * 2 * 400);
}

}  // namespace sallyport::stack
