#include "media-plane/srtp/multi_buffer_burst.h"

#include <string.h>  // explicit_bzero

#include "control/base/check.h"

namespace sallyport::srtp {

CounterBurst::CounterBurst(std::size_t key_bytes) : key_size_(key_bytes == 16 ? IMB_KEY_128_BYTES : IMB_KEY_256_BYTES) {
    for (std::size_t i = 0; i < burst_lanes; ++i) {
        IMB_JOB& job = jobs_[i];
        job.key_len_in_bytes = key_bytes;
        job.iv = counters_[i].data();
        job.iv_len_in_bytes = counters_[i].size();
        job.cipher_mode = IMB_CIPHER_CNTR;
        job.cipher_direction = IMB_DIR_ENCRYPT;
    }
}

CounterBurst::~CounterBurst() { explicit_bzero(counters_.data(), sizeof counters_); }

void CounterBurst::add(const AesCounter& key, const std::array<std::uint8_t, 16>& counter, ByteSpan data) {
    if (data.empty()) return;  // the library wants something to do
    SALLYPORT_CHECK(!full());
    counters_[count_] = counter;
    IMB_JOB& job = jobs_[count_++];
    job.enc_keys = key.round_keys();
    job.src = data.data();
    job.dst = data.data();
    job.msg_len_to_cipher_in_bytes = data.size();
}

void CounterBurst::run() {
    if (count_ == 0) return;
    const auto finished = IMB_SUBMIT_CIPHER_BURST_NOCHECK(MultiBuffer::of_this_thread().manager(), jobs_.data(),
                                                          static_cast<std::uint32_t>(count_), IMB_CIPHER_CNTR,
                                                          IMB_DIR_ENCRYPT, key_size_);
    SALLYPORT_CHECK(finished == count_);
    count_ = 0;
}

HmacSha1Burst::HmacSha1Burst() {
    for (std::size_t i = 0; i < burst_lanes; ++i) {
        IMB_JOB& job = jobs_[i];
        job.hash_alg = IMB_AUTH_HMAC_SHA_1;
        job.auth_tag_output = digests_[i].data();
        job.auth_tag_output_len_in_bytes = digests_[i].size();
    }
}

HmacSha1Burst::~HmacSha1Burst() { explicit_bzero(digests_.data(), sizeof digests_); }

std::size_t HmacSha1Burst::add(const HmacSha1& key, ByteView message) {
    SALLYPORT_CHECK(!full());
    IMB_JOB& job = jobs_[count_];
    job.src = message.data();
    job.msg_len_to_hash_in_bytes = message.size();
    job.u.HMAC._hashed_auth_key_xor_ipad = key.inner();
    job.u.HMAC._hashed_auth_key_xor_opad = key.outer();
    return count_++;
}

void HmacSha1Burst::run() {
    if (count_ == 0) return;
    const auto finished =
        IMB_SUBMIT_HASH_BURST_NOCHECK(MultiBuffer::of_this_thread().hash_manager(count_), jobs_.data(),
                                      static_cast<std::uint32_t>(count_), IMB_AUTH_HMAC_SHA_1);
    SALLYPORT_CHECK(finished == count_);
    count_ = 0;
}

}  // namespace sallyport::srtp
