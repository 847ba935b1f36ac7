// One SRTP context pair on libsrtp2, keyed as SDES does (RFC 4568). Independent of the media plane's engines on
// purpose: what it decrypts, somebody else's implementation has encrypted rightly.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace rtp_probe {

using Bytes = std::vector<std::uint8_t>;

std::optional<Bytes> base64_decode(const std::string& text);

enum class Verdict : std::uint8_t { valid, auth_failed, replayed, malformed };

class SrtpSession {
public:
    // Throws std::runtime_error with a sentence for an unknown suite or a key of the wrong length.
    SrtpSession(const std::string& suite, const std::string& send_key, const std::string& receive_key);
    ~SrtpSession();
    SrtpSession(const SrtpSession&) = delete;
    SrtpSession& operator=(const SrtpSession&) = delete;

    bool protect(Bytes& packet, bool rtcp);
    Verdict unprotect(Bytes& packet, bool rtcp);

private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace rtp_probe
