#include "control/config/keys.h"

namespace sallyport::config {
namespace {

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

int hex_digit(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (lower(c) >= 'a' && lower(c) <= 'f') return lower(c) - 'a' + 10;
    return -1;
}

// RFC 3261 19.1.4: the user part is compared with case and after unescaping.
void append_unescaped(std::string& out, std::string_view text) {
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '%' && i + 2 < text.size() && hex_digit(text[i + 1]) >= 0 && hex_digit(text[i + 2]) >= 0) {
            out += static_cast<char>(hex_digit(text[i + 1]) << 4 | hex_digit(text[i + 2]));
            i += 2;
        } else {
            out += text[i];
        }
    }
}

}  // namespace

std::string aor_key(std::string_view user, std::string_view host) {
    std::string key;
    key.reserve(user.size() + 1 + host.size());
    append_unescaped(key, user);
    key += '@';
    for (const char c : host) key += lower(c);
    return key;
}

std::string credential_key(std::string_view username, std::string_view realm) {
    std::string key;
    key.reserve(username.size() + 1 + realm.size());
    key += username;
    key += '\0';
    key += realm;
    return key;
}

std::string_view effective_realm(const Trunk& trunk, const Credential& credential) {
    return credential.digest_realm.empty() ? trunk.aor_domain() : std::string_view(credential.digest_realm);
}

}  // namespace sallyport::config
