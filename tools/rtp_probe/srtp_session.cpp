#include "tools/rtp_probe/srtp_session.h"

#include <srtp2/srtp.h>

#include <array>
#include <stdexcept>
#include <string_view>

namespace rtp_probe {

namespace {

struct Suite {
    std::string_view name;
    std::size_t key_bytes;  // master key and salt
    void (*rtp)(srtp_crypto_policy_t*);
    void (*rtcp)(srtp_crypto_policy_t*);
};

// RFC 4568 6.2: with _32 suites RTCP keeps the 80-bit tag.
constexpr std::array<Suite, 5> suites{{
    {"AES_CM_128_HMAC_SHA1_80", 30, srtp_crypto_policy_set_rtp_default, srtp_crypto_policy_set_rtcp_default},
    {"AES_CM_128_HMAC_SHA1_32", 30, srtp_crypto_policy_set_aes_cm_128_hmac_sha1_32,
     srtp_crypto_policy_set_rtcp_default},
    {"AES_256_CM_HMAC_SHA1_80", 46, srtp_crypto_policy_set_aes_cm_256_hmac_sha1_80,
     srtp_crypto_policy_set_aes_cm_256_hmac_sha1_80},
    {"AEAD_AES_128_GCM", 28, srtp_crypto_policy_set_aes_gcm_128_16_auth, srtp_crypto_policy_set_aes_gcm_128_16_auth},
    {"AEAD_AES_256_GCM", 44, srtp_crypto_policy_set_aes_gcm_256_16_auth, srtp_crypto_policy_set_aes_gcm_256_16_auth},
}};

const Suite& suite_named(const std::string& name) {
    for (const auto& suite : suites)
        if (suite.name == name) return suite;
    throw std::runtime_error("unknown SRTP suite " + name);
}

srtp_t make_context(const Suite& suite, srtp_ssrc_type_t direction, Bytes& key) {
    srtp_policy_t policy{};
    suite.rtp(&policy.rtp);
    suite.rtcp(&policy.rtcp);
    policy.ssrc.type = direction;
    policy.key = key.data();
    policy.window_size = 128;
    srtp_t context = nullptr;
    if (srtp_create(&context, &policy) != srtp_err_status_ok) throw std::runtime_error("libsrtp2 refuses the policy");
    return context;
}

Bytes key_of(const Suite& suite, const std::string& text) {
    auto key = base64_decode(text);
    if (!key || key->size() != suite.key_bytes)
        throw std::runtime_error("an SRTP key of " + std::string(suite.name) + " is " +
                                 std::to_string(suite.key_bytes) + " bytes in base64");
    return *key;
}

}  // namespace

std::optional<Bytes> base64_decode(const std::string& text) {
    constexpr std::string_view alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    Bytes out;
    std::uint32_t bits = 0;
    int count = 0;
    for (const char c : text) {
        if (c == '=') break;
        const auto value = alphabet.find(c);
        if (value == alphabet.npos) return std::nullopt;
        bits = (bits << 6) | static_cast<std::uint32_t>(value);
        if ((count += 6) >= 8) out.push_back(static_cast<std::uint8_t>(bits >> (count -= 8)));
    }
    return out;
}

struct SrtpSession::Impl {
    srtp_t send = nullptr, receive = nullptr;
    ~Impl() {
        if (send != nullptr) srtp_dealloc(send);
        if (receive != nullptr) srtp_dealloc(receive);
        srtp_shutdown();
    }
};

SrtpSession::SrtpSession(const std::string& suite_name, const std::string& send_key, const std::string& receive_key) {
    const Suite& suite = suite_named(suite_name);
    auto send = key_of(suite, send_key), receive = key_of(suite, receive_key);
    if (srtp_init() != srtp_err_status_ok) throw std::runtime_error("libsrtp2 does not start");
    impl_ = std::make_unique<Impl>();
    impl_->send = make_context(suite, ssrc_any_outbound, send);
    impl_->receive = make_context(suite, ssrc_any_inbound, receive);
}

SrtpSession::~SrtpSession() = default;

bool SrtpSession::protect(Bytes& packet, bool rtcp) {
    int length = static_cast<int>(packet.size());
    packet.resize(packet.size() + SRTP_MAX_TRAILER_LEN + 4);
    const auto status = rtcp ? srtp_protect_rtcp(impl_->send, packet.data(), &length)
                             : srtp_protect(impl_->send, packet.data(), &length);
    packet.resize(static_cast<std::size_t>(length));
    return status == srtp_err_status_ok;
}

Verdict SrtpSession::unprotect(Bytes& packet, bool rtcp) {
    int length = static_cast<int>(packet.size());
    const auto status = rtcp ? srtp_unprotect_rtcp(impl_->receive, packet.data(), &length)
                             : srtp_unprotect(impl_->receive, packet.data(), &length);
    switch (status) {
        case srtp_err_status_ok: packet.resize(static_cast<std::size_t>(length)); return Verdict::valid;
        case srtp_err_status_auth_fail: return Verdict::auth_failed;
        case srtp_err_status_replay_fail:
        case srtp_err_status_replay_old: return Verdict::replayed;
        default: return Verdict::malformed;
    }
}

}  // namespace rtp_probe
