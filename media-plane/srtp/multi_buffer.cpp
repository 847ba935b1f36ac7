#include "media-plane/srtp/multi_buffer.h"

#include <string.h>  // explicit_bzero

#include <algorithm>
#include <limits>

#include "control/base/check.h"

namespace sallyport::srtp {
namespace {
constexpr std::size_t largest_gathered = 65'536;
}

MultiBuffer::MultiBuffer() : manager_(alloc_mb_mgr(0)) {
    SALLYPORT_CHECK(manager_ != nullptr);
    init_mb_mgr_auto(manager_.get(), nullptr);  // the best the processor has
    // Its sixteen AVX-512 lanes take as long for one message as for sixteen (measured: 1,500 ns); the SHA instructions,
    // which only the SSE code uses, take a third of that for one. The eight lanes of AVX2 are slower than these always.
    worth_manager_ = manager_->used_arch == IMB_ARCH_AVX512 ? 4 : std::numeric_limits<std::size_t>::max();
    if (manager_->features & IMB_FEATURE_SHANI) {
        hash_manager_.reset(alloc_mb_mgr(0));
        SALLYPORT_CHECK(hash_manager_ != nullptr);
        init_mb_mgr_sse(hash_manager_.get());
    }
    gathered_.reserve(largest_gathered);
}

MultiBuffer::~MultiBuffer() { explicit_bzero(gathered_.data(), gathered_.size()); }

IMB_MGR* MultiBuffer::hash_manager(std::size_t messages) {
    return hash_manager_ && messages < worth_manager_ ? hash_manager_.get() : manager_.get();
}

bool MultiBuffer::has_counter_mode() { return of_this_thread().manager_->features & IMB_FEATURE_AESNI; }
bool MultiBuffer::has_gcm() {
    return has_counter_mode() && of_this_thread().manager_->features & IMB_FEATURE_PCLMULQDQ;
}
std::string_view MultiBuffer::instructions() {
    switch (of_this_thread().manager_->used_arch) {  // which the library chooses: AVX-512 by five features, not by one
        case IMB_ARCH_AVX512: return "AVX-512";
        case IMB_ARCH_AVX2: return "AVX2";
        case IMB_ARCH_AVX: return "AVX";
        default: return "SSE";
    }
}

bool MultiBuffer::gather(ByteView piece) {
    if (gathered_.size() + piece.size() > largest_gathered) return false;
    gathered_.insert(gathered_.end(), piece.begin(), piece.end());
    return true;
}

MultiBuffer& MultiBuffer::of_this_thread() {
    static thread_local MultiBuffer instance;
    return instance;
}

AesCounter::~AesCounter() { explicit_bzero(encrypt_keys_.data(), encrypt_keys_.size()); }

void AesCounter::set_key(const std::uint8_t* key) {
    IMB_MGR* manager = MultiBuffer::of_this_thread().manager();
    alignas(16) std::array<std::uint8_t, 16 * 15> decrypt_keys;  // counter mode only ever encrypts
    if (key_bytes_ == 16)
        IMB_AES_KEYEXP_128(manager, key, encrypt_keys_.data(), decrypt_keys.data());
    else
        IMB_AES_KEYEXP_256(manager, key, encrypt_keys_.data(), decrypt_keys.data());
    explicit_bzero(decrypt_keys.data(), decrypt_keys.size());
}

void AesCounter::apply(const std::array<std::uint8_t, 16>& counter, ByteSpan data) const {
    if (data.empty()) return;
    IMB_JOB job{};
    job.enc_keys = encrypt_keys_.data();
    job.key_len_in_bytes = key_bytes_;
    job.src = data.data();
    job.dst = data.data();
    job.msg_len_to_cipher_in_bytes = data.size();
    job.iv = counter.data();
    job.iv_len_in_bytes = counter.size();
    const auto size = key_bytes_ == 16 ? IMB_KEY_128_BYTES : IMB_KEY_256_BYTES;
    const auto finished = IMB_SUBMIT_CIPHER_BURST_NOCHECK(MultiBuffer::of_this_thread().manager(), &job, 1,
                                                          IMB_CIPHER_CNTR, IMB_DIR_ENCRYPT, size);
    SALLYPORT_CHECK(finished == 1);
}

AesGcm::~AesGcm() { explicit_bzero(&keys_, sizeof keys_); }

void AesGcm::set_key(const std::uint8_t* key) {
    IMB_MGR* manager = MultiBuffer::of_this_thread().manager();
    if (key_bytes_ == 16)
        IMB_AES128_GCM_PRE(manager, key, &keys_);
    else
        IMB_AES256_GCM_PRE(manager, key, &keys_);
}

AesGcm::Tag AesGcm::encrypt(const Iv& iv, ByteView aad, ByteSpan data) {
    IMB_MGR* manager = MultiBuffer::of_this_thread().manager();
    alignas(64) gcm_context_data context;
    Tag tag;
    if (key_bytes_ == 16)
        IMB_AES128_GCM_ENC(manager, &keys_, &context, data.data(), data.data(), data.size(), iv.data(), aad.data(),
                           aad.size(), tag.data(), tag.size());
    else
        IMB_AES256_GCM_ENC(manager, &keys_, &context, data.data(), data.data(), data.size(), iv.data(), aad.data(),
                           aad.size(), tag.data(), tag.size());
    explicit_bzero(&context, sizeof context);  // the counter, and what is left of a keystream
    return tag;
}

AesGcm::Tag AesGcm::decrypt(const Iv& iv, ByteView aad, ByteSpan data) {
    IMB_MGR* manager = MultiBuffer::of_this_thread().manager();
    alignas(64) gcm_context_data context;
    Tag tag;
    if (key_bytes_ == 16)
        IMB_AES128_GCM_DEC(manager, &keys_, &context, data.data(), data.data(), data.size(), iv.data(), aad.data(),
                           aad.size(), tag.data(), tag.size());
    else
        IMB_AES256_GCM_DEC(manager, &keys_, &context, data.data(), data.data(), data.size(), iv.data(), aad.data(),
                           aad.size(), tag.data(), tag.size());
    explicit_bzero(&context, sizeof context);  // the counter, and what is left of a keystream
    return tag;
}

bool AesGcm::open(const Iv& iv, ByteView aad, ByteSpan data, ByteView tag) {
    const Tag right = decrypt(iv, aad, data);
    if (equal_constant_time(as_text(ByteView(right)), as_text(tag))) return true;
    encrypt(iv, aad, data);  // the same keystream once more
    return false;
}

HmacSha1::~HmacSha1() {
    explicit_bzero(inner_.data(), inner_.size());
    explicit_bzero(outer_.data(), outer_.size());
}

void HmacSha1::set_key(ByteView key) {
    SALLYPORT_CHECK(key.size() <= block_bytes);
    IMB_MGR* manager = MultiBuffer::of_this_thread().manager();
    const auto absorb = [&](std::uint8_t pad, Digest& state) {
        std::array<std::uint8_t, block_bytes> block;
        block.fill(pad);
        std::transform(key.begin(), key.end(), block.begin(),
                       [pad](std::uint8_t byte) { return static_cast<std::uint8_t>(byte ^ pad); });
        IMB_SHA1_ONE_BLOCK(manager, block.data(), state.data());
        explicit_bzero(block.data(), block.size());
    };
    absorb(0x36, inner_);
    absorb(0x5c, outer_);
}

HmacSha1::Digest HmacSha1::digest(ByteView message) const {
    Digest result;
    IMB_JOB job{};
    job.hash_alg = IMB_AUTH_HMAC_SHA_1;
    job.src = message.data();
    job.msg_len_to_hash_in_bytes = message.size();
    job.u.HMAC._hashed_auth_key_xor_ipad = inner_.data();
    job.u.HMAC._hashed_auth_key_xor_opad = outer_.data();
    job.auth_tag_output = result.data();
    job.auth_tag_output_len_in_bytes = result.size();
    const auto finished =
        IMB_SUBMIT_HASH_BURST_NOCHECK(MultiBuffer::of_this_thread().hash_manager(1), &job, 1, IMB_AUTH_HMAC_SHA_1);
    SALLYPORT_CHECK(finished == 1);
    return result;
}

}  // namespace sallyport::srtp
