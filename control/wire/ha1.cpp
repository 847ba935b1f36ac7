#include "control/wire/ha1.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include <array>

#include "control/base/bytes.h"
#include "control/base/check.h"

namespace sallyport::wire {
namespace {

std::string hash(const EVP_MD* algorithm, std::string_view username, std::string_view realm,
                 std::string_view password) {
    std::string text;
    text.reserve(username.size() + realm.size() + password.size() + 2);  // one buffer, to be wiped
    text.append(username).append(1, ':').append(realm).append(1, ':').append(password);
    std::array<std::uint8_t, EVP_MAX_MD_SIZE> digest;
    unsigned size = 0;
    SALLYPORT_CHECK(EVP_Digest(text.data(), text.size(), digest.data(), &size, algorithm, nullptr) == 1);
    OPENSSL_cleanse(text.data(), text.size());
    return to_hex({digest.data(), size});
}

}  // namespace

std::string ha1_md5(std::string_view username, std::string_view realm, std::string_view password) {
    return hash(EVP_md5(), username, realm, password);
}

std::string ha1_sha256(std::string_view username, std::string_view realm, std::string_view password) {
    return hash(EVP_sha256(), username, realm, password);
}

}  // namespace sallyport::wire
