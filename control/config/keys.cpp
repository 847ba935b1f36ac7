#include "control/config/keys.h"

#include <algorithm>

namespace sallyport::config {
namespace {

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

std::string lower_case(std::string_view text) {
    std::string out(text);
    std::transform(out.begin(), out.end(), out.begin(), lower);
    return out;
}

int hex_digit(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (lower(c) >= 'a' && lower(c) <= 'f') return lower(c) - 'a' + 10;
    return -1;
}

// RFC 3261 19.1.4: the user part is compared with case and after unescaping.
std::string unescaped(std::string_view text) {
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '%' && i + 2 < text.size() && hex_digit(text[i + 1]) >= 0 && hex_digit(text[i + 2]) >= 0) {
            out += static_cast<char>(hex_digit(text[i + 1]) << 4 | hex_digit(text[i + 2]));
            i += 2;
        } else {
            out += text[i];
        }
    }
    return out;
}

}  // namespace

std::string aor_key(std::string_view user, std::string_view host) { return unescaped(user) + '@' + lower_case(host); }

std::string credential_key(std::string_view username, std::string_view realm) {
    std::string key(username);
    key += '\0';
    key += realm;
    return key;
}

std::string_view effective_realm(const Trunk& trunk, const Credential& credential) {
    return credential.digest_realm.empty() ? trunk.aor_domain() : std::string_view(credential.digest_realm);
}

}  // namespace sallyport::config
