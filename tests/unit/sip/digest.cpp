// Digest: the RFCs' own examples, values computed with the openssl command line, and hostile credentials.
#include "signaling/sip/digest.h"

#include <algorithm>
#include <catch2/catch.hpp>

using namespace sallyport;
using namespace sallyport::sip;

namespace {

DigestAnswer answer(std::string text) {
    std::replace(text.begin(), text.end(), '\n', ' ');  // as the message parser unfolds
    INFO(text);
    auto parsed = parse_digest_answer(text);
    REQUIRE(parsed.has_value());
    return std::move(*parsed);
}
const std::string md5_of_nothing = "d41d8cd98f00b204e9800998ecf8427e";
std::string with(std::string_view more) {  // valid but for `more`
    return R"(Digest username="u", realm="r", nonce="n", uri="sip:h", response=")" + md5_of_nothing + "\"" +
           std::string(more);
}

}  // namespace

TEST_CASE("RFC 2617 3.5: Mufasa opens the door") {
    const auto a = answer(R"(Digest username="Mufasa", realm="testrealm@host.com",
 nonce="dcd98b7102dd2f0e8b11d0f600bfb0c093", uri="/dir/index.html", qop=auth, nc=00000001, cnonce="0a4f113b",
 response="6629fae49393a05397450978507c4ef1", opaque="5ccc069c403ebaf9f0171e9517f40e41")");
    const auto ha1 = digest_ha1(a.algorithm, "Mufasa", "testrealm@host.com", "Circle Of Life");
    CHECK(ha1 == "939e7578ed9e3c518a452acee763bce9");
    CHECK(digest_response(a, ha1, "GET") == a.response);
    CHECK(a.nc == std::optional<std::uint32_t>(1));
    CHECK(a.opaque == "5ccc069c403ebaf9f0171e9517f40e41");
}

TEST_CASE("RFC 7616 3.9.1: the same door with MD5 and with SHA-256") {
    const std::string common = R"(Digest username="Mufasa", realm="http-auth@example.org", uri="/dir/index.html",
 nonce="7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", nc=00000001, cnonce="f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ", qop=auth,)";
    for (const auto& [algorithm, response] :
         {std::pair{"MD5", "8ca523f5e9506fed4657c9700eebdbec"},
          std::pair{"SHA-256", "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"}}) {
        const auto a = answer(common + " algorithm=" + algorithm + ", response=\"" + response + "\"");
        CHECK(to_string(a.algorithm) == algorithm);
        CHECK(digest_response(a, digest_ha1(a.algorithm, "Mufasa", "http-auth@example.org", "Circle of Life"), "GET") ==
              response);
    }
}

TEST_CASE("values of the openssl command line, without qop (RFC 2069), upper-case nc, SHA-256") {
    const std::string head = R"(Digest username="pbx-acme", realm="edge.example.com", nonce="6f1c0a", )";
    const auto md5 = digest_ha1(DigestAlgorithm::md5, "pbx-acme", "edge.example.com", "s3cret pass");
    CHECK(md5 == "4f1a7019b5a2290e28bc99264d6f34bc");
    const auto plain = answer(head + R"(uri="sip:edge.example.com", response="0DBCBE9B95B7154A3F690F2FBA480B4E")");
    CHECK_FALSE(plain.has_qop);
    CHECK_FALSE(plain.nc.has_value());
    CHECK(digest_response(plain, md5, "REGISTER") == plain.response);

    const auto counted = answer(head + R"(uri="sip:edge.example.com", qop="auth", nc=0000000A, cnonce="c0ffee",
 response="fbc186bdf2779f77ec54ae7aea87c475")");
    CHECK(counted.nc == std::optional<std::uint32_t>(10));
    CHECK(digest_response(counted, md5, "REGISTER") == counted.response);

    const auto sha = digest_ha1(DigestAlgorithm::sha256, "pbx-acme", "edge.example.com", "s3cret pass");
    CHECK(sha == "1f321f8b17c0708dd8f5a7013c886570f12564daf9936c67ff70a469d26811a1");
    const auto invite =
        answer(head + R"(algorithm=sha-256, uri="sip:+12145550100@edge.example.com;user=phone", qop=auth,
 nc=00000002, cnonce="c0ffee", response="a118b5e9aa359bf48d57bc35390bb02ab0788c1895afb81ed55e50cf9af3f857")");
    CHECK(digest_response(invite, sha, "INVITE") == invite.response);
}

TEST_CASE("an answer built from numbers counts nc in lower case") {
    DigestAnswer a;
    a.nonce = "6f1c0a";
    a.uri = "sip:edge.example.com";
    a.cnonce = "c0ffee";
    a.nc = 10;
    a.has_qop = true;
    const auto by_number = digest_response(a, "ha1", "REGISTER");
    a.nc_text = "0000000a";
    CHECK(digest_response(a, "ha1", "REGISTER") == by_number);
}

TEST_CASE("hashes agree with published vectors") {
    CHECK(digest_hash(DigestAlgorithm::md5, "") == md5_of_nothing);
    CHECK(digest_hash(DigestAlgorithm::sha256, "abc") ==
          "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    CHECK(hmac_sha256("Jefe", "what do ya want for nothing?") ==  // RFC 4231 4.3
          "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    CHECK(hmac_sha256("", "").size() == 64);
}

TEST_CASE("the short keyed hash is SipHash-2-4 under a key of its purpose; values of the openssl command line") {
    const SipHash128 hash("secret", "purpose");
    CHECK(hash({"onetwo"}) == "c73dfe704d05639746024955c46d8343");
    CHECK(hash({"one", "", "two"}) == hash({"onetwo"}));
    CHECK(hash({"onetwo"}) == hash({"onetwo"}));  // nothing is left of the one before
    CHECK(hash({"onetw", "p"}) != hash({"onetwo"}));
    CHECK(SipHash128("secret", "another purpose")({"onetwo"}) != hash({"onetwo"}));
    CHECK(SipHash128("another secret", "purpose")({"onetwo"}) != hash({"onetwo"}));
}

TEST_CASE("a parameter is found where it stands, if it stands there once") {
    const std::string_view value = R"(Digest realm="r", nonce="n", NC=00000001, qop=auth)";
    CHECK(auth_parameter(value, "nonce") == std::optional<std::string_view>("n"));
    CHECK(auth_parameter(value, "nc") == std::optional<std::string_view>("00000001"));
    CHECK(auth_parameter(value, "nonce")->data() == value.data() + value.find("\"n\"") + 1);
    CHECK_FALSE(auth_parameter(value, "cnonce"));
    CHECK_FALSE(auth_parameter(R"(Digest nonce="n", nonce="n")", "nonce"));
    CHECK_FALSE(auth_parameter(R"(Digest nonce="n", realm="r)", "nonce"));
    CHECK_FALSE(auth_parameter("", "nonce"));
}

TEST_CASE("a digest that leaves room for doubt is refused (CVE-2022-24754, CVE-2023-28098) [reliability 9]") {
    const auto error = [](std::string_view text) {
        INFO(text);
        const auto parsed = parse_digest_answer(text);
        REQUIRE(parsed.has_error());
        return parsed.error();
    };
    REQUIRE(parse_digest_answer(with("")).has_value());
    CHECK(answer("Digest username=u, realm=r, nonce=n, uri=sip:h, response=" + md5_of_nothing).uri ==
          "sip:h");  // no quotes
    CHECK(error("") == DigestErrc::not_digest);
    CHECK(error("Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==") == DigestErrc::not_digest);
    CHECK(error("Digest") == DigestErrc::missing_parameter);
    CHECK(error("Digest username") == DigestErrc::not_digest);
    CHECK(error(with(", realm=\"other\"")) == DigestErrc::duplicate_parameter);
    CHECK(error(with(", algorithm=SHA-512-256")) == DigestErrc::unknown_algorithm);
    CHECK(error(with(", algorithm=MD5-sess")) == DigestErrc::unknown_algorithm);
    CHECK(error(with(", qop=auth-int, nc=00000001, cnonce=\"c\"")) == DigestErrc::unknown_qop);
    CHECK(error(with(", qop=auth")) == DigestErrc::missing_parameter);
    CHECK(error(with(", qop=auth, nc=00000001, cnonce=\"\"")) == DigestErrc::missing_parameter);
    for (const auto nc : {"1", "000000001", "0000000g", "\"\"", "-0000001"})
        CHECK(error(with(", qop=auth, cnonce=\"c\", nc=") + nc) == DigestErrc::bad_nc);
    CHECK(error(with(", algorithm=SHA-256")) == DigestErrc::bad_response);  // 32 digits only
    CHECK(error(R"(Digest username="u", realm="r", nonce="n", uri="sip:h", response="zz)" + std::string(30, 'a') +
                "\"") == DigestErrc::bad_response);
    CHECK(error(R"(Digest username="", realm="r", nonce="n", uri="sip:h", response=")" + md5_of_nothing + "\"") ==
          DigestErrc::missing_parameter);
    CHECK(error(with(", x=\"" + std::string(65'536, 'a') + "\"")) == DigestErrc::not_digest);
}

TEST_CASE("a challenge reads back, with quotes and backslashes in the realm") {
    const auto text = digest_challenge(DigestAlgorithm::sha256, R"(a "b" \ c)", "nonce", "opaque", true);
    CHECK(text ==
          R"(Digest realm="a \"b\" \\ c", nonce="nonce", opaque="opaque", stale=true, algorithm=SHA-256, qop="auth")");
    const auto c = parse_challenge(text);
    REQUIRE(c.has_value());
    CHECK(c->realm == R"(a "b" \ c)");
    CHECK(c->stale);
    CHECK(digest_challenge(DigestAlgorithm::md5, "r", "n", "", false) ==
          R"(Digest realm="r", nonce="n", algorithm=MD5, qop="auth")");
}
