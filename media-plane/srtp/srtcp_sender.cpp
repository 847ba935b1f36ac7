#include "media-plane/srtp/srtcp_sender.h"

#include <algorithm>

#include "media-plane/srtp/key_use.h"

namespace sallyport::srtp {
namespace {

constexpr std::uint32_t encrypted = 0x8000'0000;                                   // the E bit
enum class Label : std::uint8_t { encryption = 3, authentication = 4, salt = 5 };  // RFC 3711 4.3.1, of SRTCP
constexpr std::size_t authentication_key_bytes = 20;                               // RFC 3711 5.2

bool is_gcm(Suite suite) { return suite == Suite::aead_aes_128_gcm || suite == Suite::aead_aes_256_gcm; }

// RFC 3711 4.3.3: keystream under the master key, from (master salt XOR label * 2^48) * 2^16. A salt of 96 bits has
// 16 zero bits behind it (RFC 7714 11).
void derive(const KeyMaterial& key, Label label, ByteSpan out) {
    const SuiteFacts& suite = facts(key.suite());
    std::array<std::uint8_t, 16> counter{};
    std::copy_n(key.bytes().begin() + static_cast<std::ptrdiff_t>(suite.key_bytes), suite.salt_bytes, counter.begin());
    counter[7] ^= static_cast<std::uint8_t>(label);
    std::fill(out.begin(), out.end(), std::uint8_t{0});
    AesCounter cipher(suite.key_bytes);
    cipher.set_key(key.bytes().data());
    cipher.apply(counter, out);
}

}  // namespace

SrtcpSender::SrtcpSender(const KeyMaterial& key)
    : tag_bytes_(facts(key.suite()).rtcp_tag_bytes), mode_(CounterMode{AesCounter(facts(key.suite()).key_bytes), {}}) {
    const SuiteFacts& suite = facts(key.suite());
    std::array<std::uint8_t, 32> session_key{};
    derive(key, Label::encryption, ByteSpan(session_key).first(suite.key_bytes));
    derive(key, Label::salt, ByteSpan(salt_).first(suite.salt_bytes));
    if (is_gcm(key.suite())) {
        mode_.emplace<AesGcm>(suite.key_bytes).set_key(session_key.data());
    } else {
        auto& mode = std::get<CounterMode>(mode_);
        mode.cipher.set_key(session_key.data());
        derive(key, Label::authentication, ByteSpan(session_key).first(authentication_key_bytes));
        mode.hmac.set_key(ByteView(session_key).first(authentication_key_bytes));
    }
    explicit_bzero(session_key.data(), session_key.size());
}

SrtcpSender::~SrtcpSender() { explicit_bzero(salt_.data(), salt_.size()); }

bool SrtcpSender::protect(std::uint8_t* packet, std::size_t length) {
    if (index_ >= limits::srtcp_index) return false;
    ++index_;
    std::visit([&](auto& mode) { protect_with(mode, packet, length); }, mode_);
    return true;
}

// RFC 3711 4.1.1: the counter starts at (salt * 2^16) XOR (SSRC * 2^64) XOR (index * 2^16).
void SrtcpSender::protect_with(CounterMode& mode, std::uint8_t* packet, std::size_t length) {
    std::array<std::uint8_t, 16> counter{};
    std::copy(salt_.begin(), salt_.end(), counter.begin());
    store_be32(&counter[4], load_be32(&counter[4]) ^ load_be32(packet + 4));
    store_be32(&counter[10], load_be32(&counter[10]) ^ index_);
    mode.cipher.apply(counter, {packet + header_bytes, length - header_bytes});
    store_be32(packet + length, encrypted | index_);
    const HmacSha1::Digest digest = mode.hmac.digest({packet, length + index_bytes});
    std::copy_n(digest.begin(), tag_bytes_, packet + length + index_bytes);
}

// RFC 7714 9: the tag follows the ciphertext, the index is last; header and index are authenticated only.
void SrtcpSender::protect_with(AesGcm& cipher, std::uint8_t* packet, std::size_t length) {
    AesGcm::Iv iv{};
    std::copy_n(salt_.begin(), iv.size(), iv.begin());
    store_be32(&iv[2], load_be32(&iv[2]) ^ load_be32(packet + 4));
    store_be32(&iv[8], load_be32(&iv[8]) ^ index_);
    std::array<std::uint8_t, header_bytes + index_bytes> associated;
    std::copy_n(packet, header_bytes, associated.begin());
    store_be32(&associated[header_bytes], encrypted | index_);
    const AesGcm::Tag tag = cipher.encrypt(iv, associated, {packet + header_bytes, length - header_bytes});
    std::copy(tag.begin(), tag.end(), packet + length);
    store_be32(packet + length + tag.size(), encrypted | index_);
}

}  // namespace sallyport::srtp
