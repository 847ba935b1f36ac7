#include "media-plane/srtp/libsrtp_algorithms.h"

#include <srtp2/auth.h>
#include <srtp2/cipher.h>
#include <srtp2/crypto_types.h>
#include <string.h>  // explicit_bzero

#include <algorithm>
#include <array>

#include "media-plane/srtp/multi_buffer.h"

namespace sallyport::srtp {
namespace {

// What libsrtp calls, in C, for each cipher: allocate, key, IV, associated data, the packet, the tag. In this order,
// one packet at a time.
// AES-CM, RFC 3711 4.1.1: the keystream starts at (salt * 2^16) XOR what libsrtp calls the IV.
struct CounterMode {
    CounterMode(std::size_t key, int) : key_bytes(key), aes(key) {}
    ~CounterMode() {
        explicit_bzero(offset.data(), offset.size());  // the salt
        explicit_bzero(counter.data(), counter.size());
    }
    CounterMode(const CounterMode&) = delete;
    CounterMode& operator=(const CounterMode&) = delete;
    static constexpr std::size_t salt_bytes = 14;

    static srtp_err_status_t init(void* state, const std::uint8_t* key_and_salt) {
        auto& self = *static_cast<CounterMode*>(state);
        self.aes.set_key(key_and_salt);
        self.offset = {};
        std::copy_n(key_and_salt + self.key_bytes, salt_bytes, self.offset.begin());
        return srtp_err_status_ok;
    }
    static srtp_err_status_t set_iv(void* state, std::uint8_t* iv, srtp_cipher_direction_t) {
        auto& self = *static_cast<CounterMode*>(state);
        for (std::size_t i = 0; i < self.counter.size(); ++i)
            self.counter[i] = static_cast<std::uint8_t>(self.offset[i] ^ iv[i]);
        self.fresh = true;
        return srtp_err_status_ok;
    }
    static srtp_err_status_t apply(void* state, std::uint8_t* data, unsigned int* length) {
        auto& self = *static_cast<CounterMode*>(state);
        if (*length == 0) return srtp_err_status_ok;  // the prefix that libsrtp asks for in SRTCP, of no length
        // Only prefixes of universal hashes would continue a keystream, and SRTP has none (RFC 3711 4.2.1). Applying
        // the same keystream twice would be the worst that could happen here.
        if (!self.fresh) return srtp_err_status_cipher_fail;
        self.fresh = false;
        self.aes.apply(self.counter, {data, *length});
        return srtp_err_status_ok;
    }

    std::size_t key_bytes;
    AesCounter aes;
    std::array<std::uint8_t, 16> offset{}, counter{};
    bool fresh = false;
};

// AES-GCM, RFC 7714.
struct GaloisCounterMode {
    GaloisCounterMode(std::size_t key, int tag_length) : aes(key), tag_bytes(static_cast<unsigned int>(tag_length)) {}
    ~GaloisCounterMode() {
        explicit_bzero(iv.data(), iv.size());
        explicit_bzero(tag.data(), tag.size());
    }
    GaloisCounterMode(const GaloisCounterMode&) = delete;
    GaloisCounterMode& operator=(const GaloisCounterMode&) = delete;

    static srtp_err_status_t init(void* state, const std::uint8_t* key) {
        static_cast<GaloisCounterMode*>(state)->aes.set_key(key);
        return srtp_err_status_ok;
    }
    static srtp_err_status_t set_iv(void* state, std::uint8_t* iv, srtp_cipher_direction_t) {
        auto& self = *static_cast<GaloisCounterMode*>(state);
        std::copy_n(iv, self.iv.size(), self.iv.begin());
        MultiBuffer::of_this_thread().start_gathering();
        return srtp_err_status_ok;
    }
    static srtp_err_status_t set_associated_data(void*, const std::uint8_t* data, std::uint32_t length) {
        return MultiBuffer::of_this_thread().gather({data, length}) ? srtp_err_status_ok : srtp_err_status_bad_param;
    }
    static srtp_err_status_t encrypt(void* state, std::uint8_t* data, unsigned int* length) {
        auto& self = *static_cast<GaloisCounterMode*>(state);
        self.tag = self.aes.encrypt(self.iv, MultiBuffer::of_this_thread().gathered(), {data, *length});
        return srtp_err_status_ok;
    }
    static srtp_err_status_t get_tag(void* state, std::uint8_t* tag, std::uint32_t* length) {
        auto& self = *static_cast<GaloisCounterMode*>(state);
        std::copy_n(self.tag.begin(), self.tag_bytes, tag);
        *length = self.tag_bytes;
        return srtp_err_status_ok;
    }
    static srtp_err_status_t decrypt(void* state, std::uint8_t* data, unsigned int* length) {  // its end is the tag
        auto& self = *static_cast<GaloisCounterMode*>(state);
        if (*length < self.tag_bytes) return srtp_err_status_bad_param;
        *length -= self.tag_bytes;
        self.tag = self.aes.decrypt(self.iv, MultiBuffer::of_this_thread().gathered(), {data, *length});
        const ByteView computed = ByteView(self.tag).first(self.tag_bytes), received{data + *length, self.tag_bytes};
        const bool equal = equal_constant_time(as_text(computed), as_text(received));
        return equal ? srtp_err_status_ok : srtp_err_status_auth_fail;
    }

    AesGcm aes;
    unsigned int tag_bytes;  // 16; libsrtp's tests also want it cut to 8
    AesGcm::Iv iv{};
    AesGcm::Tag tag{};
};

// HMAC-SHA1, RFC 3711 4.2.1. Of SRTP libsrtp hands over the packet and then the rollover counter.
struct Authentication : srtp_auth_t {
    static constexpr int longest_key = 20;

    static srtp_err_status_t allocate(srtp_auth_pointer_t* auth, int key_length, int tag_length);
    static srtp_err_status_t deallocate(srtp_auth_pointer_t auth) {
        delete static_cast<Authentication*>(auth);
        return srtp_err_status_ok;
    }
    static srtp_err_status_t init(void* state, const std::uint8_t* key, int length) {
        static_cast<Authentication*>(state)->hmac.set_key({key, static_cast<std::size_t>(length)});
        return srtp_err_status_ok;
    }
    static srtp_err_status_t start(void*) {
        MultiBuffer::of_this_thread().start_gathering();
        return srtp_err_status_ok;
    }
    static srtp_err_status_t update(void*, const std::uint8_t* data, int length) {
        const bool taken = MultiBuffer::of_this_thread().gather({data, static_cast<std::size_t>(length)});
        return taken ? srtp_err_status_ok : srtp_err_status_bad_param;
    }
    static srtp_err_status_t compute(void* state, const std::uint8_t* data, int length, int tag_length,
                                     std::uint8_t* tag) {
        const auto error = update(state, data, length);
        if (error != srtp_err_status_ok) return error;
        const auto digest = static_cast<Authentication*>(state)->hmac.digest(MultiBuffer::of_this_thread().gathered());
        std::copy_n(digest.begin(), tag_length, tag);
        return srtp_err_status_ok;
    }

    HmacSha1 hmac;
};

extern const srtp_cipher_type_t types[4];

template <class State, std::size_t key_bytes, std::size_t type>
srtp_err_status_t allocate(srtp_cipher_pointer_t* cipher, int key_and_salt_length, int tag_length) {
    *cipher = new srtp_cipher_t{&types[type], new State(key_bytes, tag_length), key_and_salt_length,
                                static_cast<int>(types[type].id)};
    return srtp_err_status_ok;
}
template <class State>
srtp_err_status_t deallocate(srtp_cipher_pointer_t cipher) {
    delete static_cast<State*>(cipher->state);
    delete cipher;
    return srtp_err_status_ok;
}

// What AES makes of a block of zeros under a key of zeros, by key size, and GCM's tag of that (test cases 2 and 14 of
// "The Galois/Counter Mode of Operation"). libsrtp wants one test of each cipher from us, and adds its own.
constexpr std::array<std::uint8_t, 46> zeros{};
constexpr std::array<std::uint8_t, 16> counter_128{0x66, 0xe9, 0x4b, 0xd4, 0xef, 0x8a, 0x2c, 0x3b,
                                                   0x88, 0x4c, 0xfa, 0x59, 0xca, 0x34, 0x2b, 0x2e};
constexpr std::array<std::uint8_t, 16> counter_256{0xdc, 0x95, 0xc0, 0x78, 0xa2, 0x40, 0x89, 0x89,
                                                   0xad, 0x48, 0xa2, 0x14, 0x92, 0x84, 0x20, 0x87};
constexpr std::array<std::uint8_t, 32> gcm_128{0x03, 0x88, 0xda, 0xce, 0x60, 0xb6, 0xa3, 0x92, 0xf3, 0x28, 0xc2,
                                               0xb9, 0x71, 0xb2, 0xfe, 0x78, 0xab, 0x6e, 0x47, 0xd4, 0x2c, 0xec,
                                               0x13, 0xbd, 0xf5, 0x3a, 0x67, 0xb2, 0x12, 0x57, 0xbd, 0xdf};
constexpr std::array<std::uint8_t, 32> gcm_256{0xce, 0xa7, 0x40, 0x3d, 0x4d, 0x60, 0x6b, 0x6e, 0x07, 0x4e, 0xc5,
                                               0xd3, 0xba, 0xf3, 0x9d, 0x18, 0xd0, 0xd1, 0xc8, 0xa7, 0x99, 0x99,
                                               0x6b, 0xf0, 0x26, 0x5b, 0x98, 0xb5, 0xd4, 0x8a, 0xb9, 0x19};

template <std::size_t size>
srtp_cipher_test_case_t zeros_become(const std::array<std::uint8_t, size>& result, int key_and_salt_bytes) {
    auto* iv = const_cast<std::uint8_t*>(zeros.data());  // libsrtp only reads it
    return {key_and_salt_bytes,          zeros.data(), iv, 16, zeros.data(), size, result.data(), 0, zeros.data(),
            static_cast<int>(size - 16), nullptr};
}

const srtp_cipher_test_case_t counter_128_test = zeros_become(counter_128, SRTP_AES_ICM_128_KEY_LEN_WSALT);
const srtp_cipher_test_case_t counter_256_test = zeros_become(counter_256, SRTP_AES_ICM_256_KEY_LEN_WSALT);
const srtp_cipher_test_case_t gcm_128_test = zeros_become(gcm_128, SRTP_AES_GCM_128_KEY_LEN_WSALT);
const srtp_cipher_test_case_t gcm_256_test = zeros_become(gcm_256, SRTP_AES_GCM_256_KEY_LEN_WSALT);

using Cm = CounterMode;
using Gcm = GaloisCounterMode;
const srtp_cipher_type_t types[4] = {
    {allocate<Cm, 16, 0>, deallocate<Cm>, Cm::init, nullptr, Cm::apply, Cm::apply, Cm::set_iv, nullptr,
     "AES-128 counter mode", &counter_128_test, SRTP_AES_ICM_128},
    {allocate<Cm, 32, 1>, deallocate<Cm>, Cm::init, nullptr, Cm::apply, Cm::apply, Cm::set_iv, nullptr,
     "AES-256 counter mode", &counter_256_test, SRTP_AES_ICM_256},
    {allocate<Gcm, 16, 2>, deallocate<Gcm>, Gcm::init, Gcm::set_associated_data, Gcm::encrypt, Gcm::decrypt,
     Gcm::set_iv, Gcm::get_tag, "AES-128 GCM", &gcm_128_test, SRTP_AES_GCM_128},
    {allocate<Gcm, 32, 3>, deallocate<Gcm>, Gcm::init, Gcm::set_associated_data, Gcm::encrypt, Gcm::decrypt,
     Gcm::set_iv, Gcm::get_tag, "AES-256 GCM", &gcm_256_test, SRTP_AES_GCM_256},
};

// RFC 2202, test case 1.
constexpr std::array<std::uint8_t, 20> hmac_key{0x0b, 0x0b, 0x0b, 0x0b, 0x0b, 0x0b, 0x0b, 0x0b, 0x0b, 0x0b,
                                                0x0b, 0x0b, 0x0b, 0x0b, 0x0b, 0x0b, 0x0b, 0x0b, 0x0b, 0x0b};
constexpr std::array<std::uint8_t, 8> hmac_data{'H', 'i', ' ', 'T', 'h', 'e', 'r', 'e'};
constexpr std::array<std::uint8_t, 20> hmac_tag{0xb6, 0x17, 0x31, 0x86, 0x55, 0x05, 0x72, 0x64, 0xe2, 0x8b,
                                                0xc0, 0xb6, 0xfb, 0x37, 0x8c, 0x8e, 0xf1, 0x46, 0xbe, 0x00};
const srtp_auth_test_case_t hmac_test{hmac_key.size(), hmac_key.data(), hmac_data.size(), hmac_data.data(),
                                      hmac_tag.size(), hmac_tag.data(), nullptr};
const srtp_auth_type_t hmac_type{Authentication::allocate,
                                 Authentication::deallocate,
                                 Authentication::init,
                                 Authentication::compute,
                                 Authentication::update,
                                 Authentication::start,
                                 "HMAC-SHA1",
                                 &hmac_test,
                                 SRTP_HMAC_SHA1};

srtp_err_status_t Authentication::allocate(srtp_auth_pointer_t* auth, int key_length, int tag_length) {
    if (key_length > longest_key || tag_length > longest_key) return srtp_err_status_bad_param;
    auto* self = new Authentication;
    self->type = &hmac_type;
    self->state = self;
    self->out_len = tag_length;
    self->key_len = key_length;
    self->prefix_len = 0;
    *auth = self;
    return srtp_err_status_ok;
}

}  // namespace

bool replace_libsrtp_algorithms() {
    if (srtp_replace_auth_type(&hmac_type, SRTP_HMAC_SHA1) != srtp_err_status_ok) return false;
    return std::all_of(std::begin(types), std::end(types), [](const srtp_cipher_type_t& type) {
        return srtp_replace_cipher_type(&type, type.id) == srtp_err_status_ok;
    });
}

}  // namespace sallyport::srtp
