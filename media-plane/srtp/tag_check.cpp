#include "media-plane/srtp/tag_check.h"

#include <algorithm>

#include "media-plane/srtp/rtp_header.h"

namespace sallyport::srtp {

TagCheck::TagCheck(const KeyMaterial& key) : tag_bytes_(facts(key.suite()).rtp_tag_bytes) {
    const SuiteFacts& suite = facts(key.suite());
    std::array<std::uint8_t, longest_key_bytes> session_key{};
    if (is_aead(key.suite())) {
        derive(key, KeyLabel::rtp_encryption, ByteSpan(session_key).first(suite.key_bytes));
        derive(key, KeyLabel::rtp_salt, ByteSpan(salt_).first(suite.salt_bytes));
        mode_.emplace<AesGcm>(suite.key_bytes).set_key(session_key.data());
    } else {
        const ByteSpan authentication = ByteSpan(session_key).first(authentication_key_bytes);
        derive(key, KeyLabel::rtp_authentication, authentication);
        std::get<HmacSha1>(mode_).set_key(authentication);
    }
    explicit_bzero(session_key.data(), session_key.size());
}

TagCheck::~TagCheck() { explicit_bzero(salt_.data(), salt_.size()); }

bool TagCheck::passes(ByteSpan packet, std::uint64_t index) {
    const ByteSpan authenticated = packet.first(packet.size() - tag_bytes_);
    std::array<std::uint8_t, 16> tag{};
    std::copy_n(packet.end() - static_cast<std::ptrdiff_t>(tag_bytes_), tag_bytes_, tag.begin());
    if (auto* gcm = std::get_if<AesGcm>(&mode_)) {
        const auto payload = payload_offset(authenticated);
        if (!payload) return false;
        AesGcm::Iv iv;
        std::copy_n(salt_.begin(), iv.size(), iv.begin());
        store_be32(&iv[2], load_be32(&iv[2]) ^ ssrc_of(packet.data(), false));
        store_be16(&iv[6], static_cast<std::uint16_t>(load_be16(&iv[6]) ^ (index >> 32)));
        store_be32(&iv[8], load_be32(&iv[8]) ^ static_cast<std::uint32_t>(index));
        const AesGcm::Tag right = gcm->decrypt(iv, authenticated.first(*payload), authenticated.subspan(*payload));
        return equal_constant_time(as_text(ByteView(right)), as_text(ByteView(tag)));
    }
    const ByteSpan with_roc = packet.first(authenticated.size() + 4);  // where the tag, of four octets at least, was
    store_be32(&with_roc[authenticated.size()], static_cast<std::uint32_t>(index >> 16));
    const HmacSha1::Digest digest = std::get<HmacSha1>(mode_).digest(with_roc);
    return equal_constant_time(as_text(ByteView(digest).first(tag_bytes_)), as_text(ByteView(tag).first(tag_bytes_)));
}

}  // namespace sallyport::srtp
