// SipHash-2-4 beside OpenSSL's, over texts of all lengths in parts of any size.
#include "control/base/sip_hash.h"

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>

#include <catch2/catch.hpp>
#include <string>

#include "control/base/random.h"

using namespace sallyport;

namespace {

std::string openssl(const SipHash::Key& key, std::string_view text, std::size_t bytes) {
    EVP_MAC* const mac = EVP_MAC_fetch(nullptr, "SIPHASH", nullptr);
    EVP_MAC_CTX* const context = EVP_MAC_CTX_new(mac);
    unsigned size_wanted = static_cast<unsigned>(bytes);
    const OSSL_PARAM wanted[] = {OSSL_PARAM_construct_uint(OSSL_MAC_PARAM_SIZE, &size_wanted),
                                 OSSL_PARAM_construct_end()};
    std::string out(bytes, '\0');
    std::size_t size = 0;
    REQUIRE(EVP_MAC_init(context, key.data(), key.size(), wanted) == 1);
    REQUIRE(EVP_MAC_update(context, reinterpret_cast<const unsigned char*>(text.data()), text.size()) == 1);
    REQUIRE(EVP_MAC_final(context, reinterpret_cast<unsigned char*>(out.data()), &size, out.size()) == 1);
    REQUIRE(size == bytes);
    EVP_MAC_CTX_free(context);
    EVP_MAC_free(mac);
    return out;
}
std::string raw(std::uint64_t word) {
    std::string out(8, '\0');
    std::memcpy(out.data(), &word, 8);
    return out;
}

}  // namespace

TEST_CASE("SipHash says what OpenSSL's says, in however many parts a text comes") {
    SeededRandom random(7);
    for (std::size_t length = 0; length < 70; ++length) {
        SipHash::Key key{};
        random.fill(key);
        const std::string text = random.token(35).substr(0, length);
        const SipHash hash(key);
        CHECK(raw(hash.narrow(text)) == openssl(key, text, 8));
        const auto whole = hash.wide(text);
        CHECK(raw(whole.low) + raw(whole.high) == openssl(key, text, 16));
        const std::string_view view = text;
        const std::size_t a = random.below(static_cast<std::uint32_t>(length + 1)), b = a + (length - a) / 2;
        CHECK(hash.wide({view.substr(0, a), view.substr(a, b - a), {}, view.substr(b)}) == whole);
    }
}
