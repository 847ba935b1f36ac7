// AES counter mode, AES-GCM (NIST SP 800-38A and D) and HMAC-SHA1 (RFC 2104) on the multi-buffer library: keys, and one
// buffer at a time. Knows no SRTP.
#pragma once

#include <intel-ipsec-mb.h>

#include <array>
#include <cstdint>
#include <memory>
#include <string_view>

#include "control/base/bytes.h"
#include "control/base/fetch_lines.h"

namespace sallyport::srtp {

class MultiBuffer {
public:
    MultiBuffer();
    ~MultiBuffer();
    MultiBuffer(const MultiBuffer&) = delete;
    MultiBuffer& operator=(const MultiBuffer&) = delete;
    // The library's manager may be used by one thread at a time, and libsrtp's ciphers cannot be told whose they are.
    static MultiBuffer& of_this_thread();

    static bool has_counter_mode();  // what this processor offers: AES instructions, and for GCM PCLMULQDQ too
    static bool has_gcm();
    static std::string_view instructions();  // those that carry bursts here: "AVX-512", "AVX2", "AVX", "SSE"

    IMB_MGR* manager() { return manager_.get(); }
    IMB_MGR* hash_manager(std::size_t messages);  // for so many at once
    // What libsrtp hands over in pieces and the library wants whole, of the packet in hand: bounded, see gather().
    const Bytes& gathered() const { return gathered_; }
    void start_gathering() { gathered_.clear(); }
    bool gather(ByteView piece);  // false: more than a packet can have

private:
    struct Free {
        void operator()(IMB_MGR* manager) const { free_mb_mgr(manager); }
    };
    using Manager = std::unique_ptr<IMB_MGR, Free>;
    Manager manager_;
    Manager hash_manager_;       // none: the same
    std::size_t worth_manager_;  // so many messages at once are hashed sooner by manager_
    Bytes gathered_;
};

class AesCounter {
public:
    explicit AesCounter(std::size_t key_bytes) : key_bytes_(key_bytes) {}  // 16 or 32
    ~AesCounter();
    void set_key(const std::uint8_t* key);
    // XORs the keystream that starts at this counter block; fewer than 65,536 blocks.
    void apply(const std::array<std::uint8_t, 16>& counter, ByteSpan data) const;
    const std::uint8_t* round_keys() const { return encrypt_keys_.data(); }

private:
    alignas(16) std::array<std::uint8_t, 16 * 15> encrypt_keys_{};
    std::size_t key_bytes_;
};

class AesGcm {
public:
    using Iv = std::array<std::uint8_t, 12>;
    using Tag = std::array<std::uint8_t, 16>;

    explicit AesGcm(std::size_t key_bytes) : key_bytes_(key_bytes) {}  // 16 or 32
    ~AesGcm();
    void set_key(const std::uint8_t* key);
    Tag encrypt(const Iv& iv, ByteView associated_data, ByteSpan data);
    // The tag that the data should have had; comparing it is the caller's.
    Tag decrypt(const Iv& iv, ByteView associated_data, ByteSpan data);
    void fetch() const { fetch_lines(this, 9); }  // what a packet of a few hundred octets wants: not all powers of H
    // False: the tag is wrong, and the data is as it was.
    bool open(const Iv& iv, ByteView associated_data, ByteSpan data, ByteView tag);

private:
    std::size_t key_bytes_;
    alignas(64) gcm_key_data keys_{};  // the library loads and stores it by whole vectors
};

class HmacSha1 {
public:
    static constexpr std::size_t block_bytes = 64;
    using Digest = std::array<std::uint8_t, 20>;

    ~HmacSha1();
    void set_key(ByteView key);  // at most a block
    Digest digest(ByteView message) const;
    const std::uint8_t* inner() const { return inner_.data(); }
    const std::uint8_t* outer() const { return outer_.data(); }

private:
    alignas(16) Digest inner_{}, outer_{};  // the states after the key's block
};

}  // namespace sallyport::srtp
