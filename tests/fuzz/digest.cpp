// rooms: sip
// Any credentials: an answer with every part that the arithmetic needs, or a reason. The arithmetic itself is total,
// and a challenge of any words reads back.
#include "signaling/sip/digest.h"

#include "control/base/check.h"
#include "tests/support/fuzz_seeds.h"

using namespace sallyport;
using namespace sallyport::sip;

std::vector<std::string> test::fuzz_seeds() {
    return {
        "Digest username=\"u\", realm=\"r\", nonce=\"n\", uri=\"sip:h\", response=\"d41d8cd98f00b204e9800998ecf8427e\"",
        "Digest username=\"u\", realm=\"r\", nonce=\"n\", uri=\"sip:h\", algorithm=SHA-256, qop=auth, nc=0000000a, "
        "cnonce=\"c\", opaque=\"\","
        " response=\"753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1\""};
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    const auto answer = parse_digest_answer(text);
    if (answer.has_value()) {
        SALLYPORT_CHECK(!answer->username.empty() && !answer->nonce.empty() && !answer->uri.empty());
        SALLYPORT_CHECK(answer->has_qop == answer->nc.has_value());
        const auto expected = digest_response(*answer, "ha1", "REGISTER");
        SALLYPORT_CHECK(expected.size() == answer->response.size());
        SALLYPORT_CHECK(expected != digest_response(*answer, "ha2", "REGISTER"));
    } else {
        SALLYPORT_CHECK(!to_string(answer.error()).empty());
    }
    if (size == 0 || size > 4'096 || text.find_first_of("\r\n") != std::string_view::npos) return 0;
    const auto challenge = parse_challenge(digest_challenge(DigestAlgorithm::sha256, text, text, text, true));
    SALLYPORT_CHECK(challenge.has_value() && challenge->realm == text && challenge->nonce == text &&
                    challenge->opaque == text);
    return 0;
}
