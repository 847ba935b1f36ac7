// The Internet checksum, RFC 1071, and the pseudo-headers of RFC 768 and RFC 8200 section 8.1.
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>

#include "control/base/bytes.h"
#include "control/base/endpoint.h"

namespace sallyport::media::dpdk {

// A running one's complement sum in host byte order, 64 bits wide: RFC 1071 section 2 lets us add in any word size
// and swap once at the end. Every span but the last must have an even length.
class Checksum {
public:
    Checksum& add(ByteView bytes) {
        const std::uint64_t words = words_of(bytes);
        sum_ += words;
        sum_ += sum_ < words ? 1u : 0u;  // end-around carry
        return *this;
    }
    Checksum& add_be16(std::uint16_t value) {
        const std::uint64_t word = std::endian::native == std::endian::little ? __builtin_bswap16(value) : value;
        sum_ += word;
        sum_ += sum_ < word ? 1u : 0u;
        return *this;
    }
    // Whole, whatever its family: behind an IPv4 address there are zeros, and a fixed length costs no loop.
    Checksum& add_address(const IpAddress& address) { return add(ByteView(address.bytes).first<16>()); }
    Checksum& add_pseudo_header(const IpAddress& from, const IpAddress& to, std::uint8_t protocol,
                                std::uint16_t length) {
        add_address(from).add_address(to);
        add_be16(protocol);
        return add_be16(length);
    }
    // The sum itself, folded: 0xffff (or 0 over nothing but zeros) when a checksum field was included and right.
    std::uint16_t folded() const {
        std::uint64_t s = (sum_ & 0xffffffffu) + (sum_ >> 32);
        s = (s & 0xffffffffu) + (s >> 32);
        s = (s & 0xffffu) + (s >> 16);
        s = (s & 0xffffu) + (s >> 16);
        std::uint8_t raw[2];
        const auto native = static_cast<std::uint16_t>(s);
        std::memcpy(raw, &native, 2);
        return load_be16(raw);
    }
    // What belongs into the checksum field.
    std::uint16_t value() const { return static_cast<std::uint16_t>(~folded()); }
    bool correct() const { return folded() == 0xffff; }

    // The sum of the bytes in words of 32 bits as they lie there, up to 4 GB of them: no carry is lost on the way, so
    // none of the additions waits for the one before.
    static std::uint64_t words_of(ByteView bytes) {
        const std::uint8_t* p = bytes.data();
        std::size_t left = bytes.size();
        std::uint64_t low[2] = {}, high[2] = {};
        for (; left >= 16; p += 16, left -= 16) {
            std::uint64_t words[2];
            std::memcpy(words, p, sizeof words);
            low[0] += words[0] & 0xffffffffu;
            high[0] += words[0] >> 32;
            low[1] += words[1] & 0xffffffffu;
            high[1] += words[1] >> 32;
        }
        std::uint64_t tail[2] = {};
        if (left > 0) std::memcpy(tail, p, left);
        for (const std::uint64_t word : tail) low[0] += (word & 0xffffffffu) + (word >> 32);
        return low[0] + low[1] + high[0] + high[1];
    }

private:
    std::uint64_t sum_ = 0;
};

}  // namespace sallyport::media::dpdk
