#include "media-plane/srtp/srtcp_cipher.h"

#include <algorithm>

#include "media-plane/srtp/rtp_header.h"

namespace sallyport::srtp {
namespace {

constexpr std::uint32_t encrypted = 0x8000'0000;  // the E bit

using Associated = std::array<std::uint8_t, rtcp_header_bytes + 4>;

// RFC 7714 9.1: header and index are authenticated only.
Associated associated_data(const std::uint8_t* packet, std::uint32_t index) {
    Associated data;
    std::copy_n(packet, rtcp_header_bytes, data.begin());
    store_be32(&data[rtcp_header_bytes], encrypted | index);
    return data;
}

}  // namespace

SrtcpCipher::SrtcpCipher(const KeyMaterial& key)
    : tag_bytes_(facts(key.suite()).rtcp_tag_bytes), mode_(CounterMode{AesCounter(facts(key.suite()).key_bytes), {}}) {
    const SuiteFacts& suite = facts(key.suite());
    std::array<std::uint8_t, longest_key_bytes> session_key{};
    derive(key, KeyLabel::rtcp_encryption, ByteSpan(session_key).first(suite.key_bytes));
    derive(key, KeyLabel::rtcp_salt, ByteSpan(salt_).first(suite.salt_bytes));
    if (is_aead(key.suite())) {
        mode_.emplace<AesGcm>(suite.key_bytes).set_key(session_key.data());
    } else {
        auto& mode = std::get<CounterMode>(mode_);
        mode.cipher.set_key(session_key.data());
        derive(key, KeyLabel::rtcp_authentication, ByteSpan(session_key).first(authentication_key_bytes));
        mode.hmac.set_key(ByteView(session_key).first(authentication_key_bytes));
    }
    explicit_bzero(session_key.data(), session_key.size());
}

SrtcpCipher::~SrtcpCipher() { explicit_bzero(salt_.data(), salt_.size()); }

// RFC 3711 4.1.1: the counter starts at (salt * 2^16) XOR (SSRC * 2^64) XOR (index * 2^16).
std::array<std::uint8_t, 16> SrtcpCipher::CounterMode::counter(ByteView salt, const std::uint8_t* packet,
                                                               std::uint32_t index) const {
    std::array<std::uint8_t, 16> counter{};
    std::copy(salt.begin(), salt.end(), counter.begin());
    store_be32(&counter[4], load_be32(&counter[4]) ^ ssrc_of(packet, true));
    store_be32(&counter[10], load_be32(&counter[10]) ^ index);
    return counter;
}

AesGcm::Iv SrtcpCipher::iv(const std::uint8_t* packet, std::uint32_t index) const {
    AesGcm::Iv iv{};
    std::copy_n(salt_.begin(), iv.size(), iv.begin());
    store_be32(&iv[2], load_be32(&iv[2]) ^ ssrc_of(packet, true));
    store_be32(&iv[8], load_be32(&iv[8]) ^ index);
    return iv;
}

// RFC 3711 figure 2 has the tag last; RFC 7714 9.3 the index, behind tag and ciphertext.
std::size_t SrtcpCipher::trailer(std::size_t length) const {
    return length - index_bytes - (std::holds_alternative<AesGcm>(mode_) ? 0 : tag_bytes_);
}

std::optional<std::uint32_t> SrtcpCipher::index_of(const std::uint8_t* packet, std::size_t length) const {
    const std::uint32_t word = load_be32(packet + trailer(length));
    return word & encrypted ? std::optional(word & ~encrypted) : std::nullopt;
}

void SrtcpCipher::protect(std::uint8_t* packet, std::size_t length, std::uint32_t index) {
    const ByteSpan data{packet + rtcp_header_bytes, length - rtcp_header_bytes};
    if (auto* gcm = std::get_if<AesGcm>(&mode_)) {
        const AesGcm::Tag tag = gcm->encrypt(iv(packet, index), associated_data(packet, index), data);
        std::copy(tag.begin(), tag.end(), packet + length);
        store_be32(packet + length + tag.size(), encrypted | index);
        return;
    }
    auto& mode = std::get<CounterMode>(mode_);
    mode.cipher.apply(mode.counter(salt_, packet, index), data);
    store_be32(packet + length, encrypted | index);
    const HmacSha1::Digest digest = mode.hmac.digest({packet, length + index_bytes});
    std::copy_n(digest.begin(), tag_bytes_, packet + length + index_bytes);
}

bool SrtcpCipher::unprotect(std::uint8_t* packet, std::size_t length) {
    const std::uint32_t index = load_be32(packet + trailer(length)) & ~encrypted;
    const ByteSpan data{packet + rtcp_header_bytes, length - rtcp_header_bytes - growth()};
    if (auto* gcm = std::get_if<AesGcm>(&mode_))
        return gcm->open(iv(packet, index), associated_data(packet, index), data,
                         {packet + length - growth(), tag_bytes_});
    auto& mode = std::get<CounterMode>(mode_);
    const HmacSha1::Digest digest = mode.hmac.digest({packet, length - tag_bytes_});
    if (!equal_constant_time(as_text(ByteView(digest).first(tag_bytes_)),
                             as_text({packet + length - tag_bytes_, tag_bytes_})))
        return false;
    mode.cipher.apply(mode.counter(salt_, packet, index), data);
    return true;
}

}  // namespace sallyport::srtp
