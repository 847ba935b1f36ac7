// A refresh that says what the last one said is answered without being parsed. Two stacks get the same, one of which
// remembers nothing: they must say the same, byte for byte, and leave the same behind.
#include <algorithm>
#include <deque>
#include <set>

#include "tests/unit/stack/digest_client.h"

namespace sallyport::stack {
namespace {

constexpr std::string_view aor = "sip:acme@sip.example.net";

config::Trunk udp_trunk(std::string_view id = "acme") {
    auto t = Bench::default_trunk();
    t.transports = {config::Transport::udp};
    if (id == "acme") return t;
    t.id = id;
    t.registration_aor = "sip:" + t.id + "@sip.example.net";
    t.numbers = {{"+4940100", "+4940199"}};
    t.credentials = {
        {t.id, "sip.example.net", sip::digest_ha1(sip::DigestAlgorithm::md5, t.id, "sip.example.net", "secret"), {}}};
    return t;
}

StackConfig config_of(std::size_t remembered) {
    auto c = Bench::stack_config();
    c.remembered_refreshes = remembered;
    return c;
}

// What one REGISTER says.
struct Words {
    std::string who = "acme", call_id = "c1", tag = "t1", contact = "<sip:198.51.100.10:5060;bnc>", extra;
    std::string realm = "sip.example.net", nonce, password = "secret", cnonce = "c0ffee";
    std::uint32_t cseq = 1, branch = 1, nc = 1;
    bool upper_case = false;

    std::string text() const {
        std::string authorization;
        if (!nonce.empty()) {
            sip::DigestAnswer answer;
            answer.nonce = nonce;
            answer.uri = "sip:sip.example.net";
            answer.cnonce = cnonce;
            std::array<char, 9> digits;
            std::snprintf(digits.data(), digits.size(), "%08x", nc);
            answer.nc_text = digits.data();
            answer.has_qop = true;
            const auto ha1 = sip::digest_ha1(sip::DigestAlgorithm::md5, who, realm, password);
            std::string response = sip::digest_response(answer, ha1, "REGISTER");
            if (upper_case)
                for (char& c : response) c = c >= 'a' && c <= 'f' ? static_cast<char>(c & ~0x20) : c;
            authorization = "Authorization: Digest username=\"" + who + "\", realm=\"" + realm + "\", nonce=\"" +
                            nonce + "\", uri=\"" + answer.uri + "\", response=\"" + response +
                            "\", algorithm=MD5, qop=auth, nc=" + answer.nc_text + ", cnonce=\"" + cnonce + "\"\r\n";
        }
        return "REGISTER sip:sip.example.net SIP/2.0\r\nVia: SIP/2.0/UDP 198.51.100.10:5060;branch=z9hG4bK-" +
               std::to_string(branch) + ";rport\r\n" + authorization + "Max-Forwards: 70\r\nFrom: <sip:" + who +
               "@sip.example.net>;tag=" + tag + "\r\nTo: <sip:" + who + "@sip.example.net>\r\nCall-ID: " + call_id +
               "\r\nCSeq: " + std::to_string(cseq) + " REGISTER\r\nContact: " + contact +
               "\r\nRequire: gin\r\nExpires: 600\r\n" + extra + "Content-Length: 0\r\n\r\n";
    }
};

// The two stacks, kept in step.
struct Twins {
    Twins() : quick(one, config_of(100), 1), plain(two, config_of(0), 1) { configure({}); }

    void configure(std::vector<config::Trunk> more) {
        for (Bench* b : {&quick, &plain}) b->configure(udp_trunk(), Bench::default_carrier(), more);
        compare();
    }
    static Flow flow(std::uint16_t port = 5060) {
        return {Transport::udp, 0, endpoint("203.0.113.1:5060"), {IpAddress::v4(198, 51, 100, 10), port}, 0};
    }
    // The status of the answer; 0: none.
    std::uint16_t say(const std::string& text, std::uint16_t port = 5060) {
        for (Bench* b : {&quick, &plain}) b->receive(flow(port), text);
        return compare();
    }
    std::uint16_t say(const Words& words, std::uint16_t port = 5060) { return say(words.text(), port); }
    void run_for(Duration duration) {
        for (Bench* b : {&quick, &plain}) b->run_for(duration);
        compare();
    }
    std::uint16_t compare() {
        REQUIRE(quick.sent.size() == plain.sent.size());
        std::uint16_t status = 0;
        for (std::size_t i = 0; i < quick.sent.size(); ++i) {
            REQUIRE(*quick.sent[i].bytes == *plain.sent[i].bytes);
            REQUIRE(quick.sent[i].flow == plain.sent[i].flow);
            const auto answer = sip::Parser::parse(*quick.sent[i].bytes);
            if (!answer.has_value()) continue;  // to what did not parse either
            status = answer->status();
            if (status != 401) continue;
            const auto values = answer->values(sip::HeaderName::www_authenticate);
            REQUIRE(!values.empty());
            nonce = sip::parse_challenge(values.back())->nonce;
        }
        quick.sent.clear();
        plain.sent.clear();
        REQUIRE(quick.facts.size() == plain.facts.size());
        for (std::size_t i = 0; i < quick.facts.size(); ++i) REQUIRE(quick.facts[i].event == plain.facts[i].event);
        REQUIRE(one.locations.all() == two.locations.all());
        const auto &a = quick.stack.statistics(), &b = plain.stack.statistics();
        using S = StackStatistics;
        for (const auto counter : {&S::messages_received, &S::registrations_ok, &S::registrations_refused,
                                   &S::challenges, &S::authentication_failures, &S::requests_refused, &S::transactions})
            REQUIRE((a.*counter).read() == (b.*counter).read());
        const auto &s = quick.stack.transaction_statistics(), &t = plain.stack.transaction_statistics();
        using L = transaction::LayerStatistics;
        for (const auto counter : {&L::requests_received, &L::retransmissions_received, &L::retransmissions_sent,
                                   &L::limit_refusals, &L::merged_requests})
            REQUIRE((s.*counter).read() == (t.*counter).read());
        REQUIRE(quick.stack.alive().transactions == plain.stack.alive().transactions);
        return status;
    }
    std::uint64_t unparsed() const { return quick.stack.statistics().refreshes_unparsed.read(); }

    // A registration or its refresh, with its challenge.
    std::uint16_t refresh(Words& words, std::uint16_t port = 5060) {
        words.nonce.clear();
        ++words.cseq;
        ++words.branch;
        REQUIRE(say(words, port) == 401);
        words.nonce = nonce;
        words.nc = 1;
        ++words.cseq;
        ++words.branch;
        return say(words, port);
    }

    Shared one, two;
    Bench quick, plain;
    std::string nonce;  // of the last challenge
};

}  // namespace

TEST_CASE("a refresh like the last one is answered unparsed, with its challenge") {
    Twins twins;
    Words pbx;
    CHECK(twins.refresh(pbx) == 200);  // its registration
    CHECK(twins.refresh(pbx) == 200);  // its first refresh: remembered
    CHECK(twins.unparsed() == 0);
    for (int i = 1; i <= 5; ++i) {
        twins.run_for(60s);
        pbx.tag = "t" + std::to_string(i * 1000);
        CHECK(twins.refresh(pbx) == 200);
        CHECK(twins.unparsed() == static_cast<std::uint64_t>(2 * i));
    }
    ++pbx.nc;  // the same nonce again, and in capitals
    ++pbx.cseq, ++pbx.branch;
    pbx.upper_case = true;
    CHECK(twins.say(pbx) == 200);
    CHECK(twins.unparsed() == 11);
    CHECK(twins.say(pbx) == 200);  // the request again: the answer again
    CHECK(twins.unparsed() == 11);
    CHECK(twins.one.locations.of("acme").front().cseq == pbx.cseq);
    twins.run_for(601s);  // it stays away
    CHECK(twins.one.locations.size() == 0);
    CHECK(twins.refresh(pbx) == 200);
    CHECK(twins.unparsed() == 11);
}

TEST_CASE("whatever could make the answer another goes the long way") {
    Twins twins;
    Words pbx;
    for (int i = 0; i < 3; ++i) REQUIRE(twins.refresh(pbx) == 200);
    REQUIRE(twins.unparsed() == 2);
    const auto next = [&] { ++pbx.nc, ++pbx.cseq, ++pbx.branch; };
    SECTION("a wrong password") {
        next();
        pbx.password = "guessed";
        CHECK(twins.say(pbx) == 401);
    }
    SECTION("a nonce count that was used") {
        ++pbx.cseq, ++pbx.branch;
        CHECK(twins.say(pbx) == 401);
    }
    SECTION("a nonce that is too old") {
        twins.run_for(301s);
        next();
        CHECK(twins.say(pbx) == 401);
    }
    SECTION("a nonce of somebody else's making") {
        next();
        pbx.nonce.back() = pbx.nonce.back() == '0' ? '1' : '0';
        CHECK(twins.say(pbx) == 401);
    }
    SECTION("a CSeq that is not above the last one") {
        ++pbx.nc, ++pbx.branch;
        pbx.tag = "another";  // or it would be merged
        CHECK(twins.say(pbx) == 500);
    }
    SECTION("the request over another path") {
        ++pbx.branch;
        CHECK(twins.say(pbx) == 482);
    }
    SECTION("another Call-ID") {
        next();
        pbx.call_id = "c2";
        CHECK(twins.say(pbx) == 200);
    }
    SECTION("another contact") {
        next();
        pbx.contact = "<sip:198.51.100.10:5070;bnc>";
        CHECK(twins.say(pbx) == 200);
    }
    SECTION("it takes its registration back") {
        next();
        pbx.contact = "<sip:198.51.100.10:5060;bnc>;expires=0";
        CHECK(twins.say(pbx) == 200);
        CHECK(twins.one.locations.size() == 0);
    }
    SECTION("it takes a contact back that it does not have") {
        next();
        pbx.contact = "<sip:198.51.100.10:5070;bnc>;expires=0";
        const auto expires = twins.one.locations.of("acme").front().expires_at;
        for (int i = 0; i < 4; ++i, next()) {
            twins.run_for(10s);
            CHECK(twins.say(pbx) == 200);
        }
        CHECK(twins.one.locations.of("acme").front().expires_at == expires);
    }
    SECTION("another port") { CHECK(twins.refresh(pbx, 6060) == 200); }
    SECTION("a second device") {
        for (Bench* b : {&twins.quick, &twins.plain}) b->bind();
        next();
        CHECK(twins.say(pbx) == 200);
    }
    SECTION("an extension nobody knows") {
        next();
        pbx.extra = "Require: magic\r\n";
        CHECK(twins.say(pbx) == 420);
    }
    SECTION("new provisioning, which has switched it off") {
        auto off = udp_trunk();
        off.disabled = true;
        for (Bench* b : {&twins.quick, &twins.plain}) b->configure(off, Bench::default_carrier());
        next();
        CHECK(twins.say(pbx) == 401);
    }
    SECTION("the node drains") {
        for (Bench* b : {&twins.quick, &twins.plain}) b->give(Drain{true});
        next();
        CHECK(twins.say(pbx) == 503);
    }
    SECTION("registrations cannot be kept") {
        twins.one.register_refusal = twins.two.register_refusal = 503;
        next();
        CHECK(twins.say(pbx) == 503);
    }
    SECTION("who has failed too often is locked out") {
        Words thief = pbx;
        thief.password = "guessed";
        for (int i = 0; i < 30; ++i) {
            ++thief.branch, ++thief.cseq, ++thief.nc;
            twins.say(thief);
        }
        pbx.branch = thief.branch, pbx.cseq = thief.cseq, pbx.nc = thief.nc;
        next();
        CHECK(twins.say(pbx) == 403);
    }
    CHECK(twins.unparsed() == 2);
}

TEST_CASE("what could be read in two ways, is too long or asks for nothing is not remembered") {
    Twins twins;
    Words pbx;
    const auto refreshes = [&](int times) {
        for (int i = 0; i < times; ++i) REQUIRE(twins.refresh(pbx) == 200);
        CHECK(twins.unparsed() == 0);
    };
    SECTION("From stands twice") {
        for (int i = 0; i < 4; ++i) {
            pbx.extra = "From: <sip:acme@sip.example.net>;tag=" + pbx.tag + "\r\n";
            refreshes(1);
        }
    }
    SECTION("a long header field") {
        pbx.extra = "X-Padding: " + std::string(2'000, 'x') + "\r\n";
        refreshes(4);
    }
    SECTION("a question about the bindings, with the CSeq of the last one") {
        refreshes(1);
        const auto expires = twins.one.locations.of("acme").front().expires_at;
        for (int i = 0; i < 4; ++i) {
            twins.run_for(10s);
            pbx.contact = "<sip:198.51.100.10:5099;bnc>;expires=0", pbx.tag = "q" + std::to_string(i);
            ++pbx.branch, ++pbx.nc;
            CHECK(twins.say(pbx) == 200);
        }
        CHECK(twins.one.locations.of("acme").front().expires_at == expires);
        CHECK(twins.unparsed() == 0);
    }
}

TEST_CASE("a port that another PBX registers over is no longer the first one's") {
    Twins twins;
    twins.configure({udp_trunk("other")});
    Words first, second;
    second.who = "other", second.call_id = "c2";
    second.branch = 1'000;
    for (int i = 0; i < 3; ++i) REQUIRE(twins.refresh(first) == 200);
    for (int i = 0; i < 3; ++i) REQUIRE(twins.refresh(second) == 200);
    CHECK(twins.unparsed() == 4);
    CHECK(twins.one.locations.of("acme").front().flow_closed);
    for (int i = 0; i < 3; ++i) REQUIRE(twins.refresh(first) == 200);
    CHECK(twins.one.locations.of("other").front().flow_closed);
    CHECK(twins.unparsed() == 8);
}

TEST_CASE("of a PBX that says something new each time nothing is remembered for long") {
    Twins twins;
    Words pbx;
    for (int i = 0; i < 12; ++i) {
        pbx.extra = "X-Turn: " + std::to_string(i) + "\r\n";
        CHECK(twins.refresh(pbx) == 200);
    }
    pbx.extra.clear();
    for (int i = 0; i < 3; ++i) CHECK(twins.refresh(pbx) == 200);
    CHECK(twins.unparsed() == 0);
}

TEST_CASE("whatever PBXs say in whatever order, remembering changes no answer") {
    const std::uint64_t seed = GENERATE(range(1, 9));
    Twins twins;
    twins.configure({udp_trunk("other")});
    SeededRandom random(seed);
    std::array<Words, 3> pbxs;
    pbxs[1].who = "other";
    std::deque<std::string> said;  // may come again, from anywhere
    for (std::uint32_t turn = 0; turn < 2'500; ++turn) {
        const auto which = random.below(3);
        Words& pbx = pbxs[which];
        const auto port = static_cast<std::uint16_t>(random.below(12) == 0 ? 6060 : 5060 + which % 2);
        pbx.branch = 10'000 * which + turn;
        pbx.cseq += random.below(30) != 0 ? 1 : 0;
        pbx.nc += 1;
        switch (random.below(150)) {
            case 0: pbx.call_id = "c" + std::to_string(turn); break;
            case 1: pbx.contact = "<sip:198.51.100.10:" + std::to_string(5060 + random.below(3)) + ";bnc>"; break;
            case 2: pbx.extra = random.below(2) == 0 ? "" : "User-Agent: pbx/" + std::to_string(turn) + "\r\n"; break;
            case 3: pbx.tag = "t" + std::to_string(turn); break;
            case 4: pbx.password = random.below(3) == 0 ? "guessed" : "secret"; break;
            case 5: pbx.cnonce = random.token(4); break;
            case 6: pbx.nc -= 1; break;
            case 7: twins.run_for(std::chrono::seconds(random.below(random.below(4) == 0 ? 700 : 40))); break;
            case 8: pbx.extra = "Supported: path\r\nPath: <sip:192.0.2.99;lr>\r\n"; break;
            case 9:
                if (random.below(5) == 0) twins.configure({udp_trunk("other")});
                break;
            case 10: pbx.who = pbx.who == "acme" ? "other" : "acme"; break;
            case 11:
                pbx.contact = "<sip:198.51.100.10:5060;bnc>;expires=" + std::to_string(random.below(3) * 100);
                break;
            default: break;
        }
        std::string text;
        if (!said.empty() && random.below(12) == 0) {
            text = said[random.below(static_cast<std::uint32_t>(said.size()))];
            if (random.below(4) == 0) text[random.below(static_cast<std::uint32_t>(text.size()))] = 'x';
        } else {
            if (random.below(3) == 0) pbx.nonce.clear();
            text = pbx.text();
            said.push_back(text);
            if (said.size() > 20) said.pop_front();
        }
        INFO("seed " << seed << ", turn " << turn << "\n" << text);
        if (twins.say(text, port) == 401) {
            pbx.nonce = twins.nonce;
            pbx.nc = 0;
        }
    }
    CHECK(twins.unparsed() > 0);
}

}  // namespace sallyport::stack
