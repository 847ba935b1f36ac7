// One RTP and one RTCP packet as every suite protects them. Printed by golden.py, which shares no code with us.
#pragma once

#include <string_view>

#include "media-plane/srtp/suite.h"

namespace sallyport::srtp::golden {

inline constexpr std::string_view rtp = "800f1234decafbadcafebabeabababababababababababababababab";
inline constexpr std::string_view rtcp = "81c90007cafebabe000102030405060708090a0b0c0d0e0f1011121314151617";

struct Packets {
    Suite suite;
    std::string_view key;     // with its salt
    std::string_view first;   // the RTP packet with rollover counter 0
    std::string_view rolled;  // and 1
    std::string_view srtcp;   // the RTCP packet with index 1
};
inline constexpr Packets packets[] = {
    {Suite::aes_cm_128_hmac_sha1_80, "e1f97a0d3e018be0d64fa32c06de41390ec675ad498afeebb6960b3aabe6",
     "800f1234decafbadcafebabe4e55dc4ce79978d88ca4d215949d2402b78d6acc99ea179b8dbb",
     "800f1234decafbadcafebabe179265c8bf303e4c24e7279f739bb5a6f8b3916fd670057bf1dc",
     "81c90007cafebabeda82aaf34b2914111d5a31e15ed1000c6e550139d5013b308000000127867a6e3de83d04b273"},
    {Suite::aes_cm_128_hmac_sha1_32, "e1f97a0d3e018be0d64fa32c06de41390ec675ad498afeebb6960b3aabe6",
     "800f1234decafbadcafebabe4e55dc4ce79978d88ca4d215949d2402b78d6acc",
     "800f1234decafbadcafebabe179265c8bf303e4c24e7279f739bb5a6f8b3916f",
     "81c90007cafebabeda82aaf34b2914111d5a31e15ed1000c6e550139d5013b308000000127867a6e3de83d04b273"},
    {Suite::aead_aes_128_gcm, "e1f97a0d3e018be0d64fa32c06de41390ec675ad498afeebb6960b3a",
     "800f1234decafbadcafebabe0eca0cf95ee955b26cd3d288b49f6ca959171450975f4144da9cdd7ae989a277",
     "800f1234decafbadcafebabe1c863b6d7d988277a563751cf4657b8844a3e0786e21ae80e169745ff99cbe30",
     "81c90007cafebabe41c4f71b68f2eb8ca3573f1f39e818ea29764f49b81de16eb91715bef0a6e9069febe845017d02e580000001"},
    {Suite::aead_aes_256_gcm,
     "e1f97a0d3e018be0d64fa32c06de4139000102030405060708090a0b0c0d0e0f0ec675ad498afeebb6960b3a",
     "800f1234decafbadcafebabe3dd0222db6d401a44cb192df94a744b9fed76c6eba2688f4764917808528f693",
     "800f1234decafbadcafebabe4f2363dd56b39441a974dbd2806bfc0e545cb759be153f7f9dd30e8003b8cd16",
     "81c90007cafebabe3f4729bb0f0ad49cbaa200d31e82ec530aea125250d63a3fe62c87120ade6d26e668d424d5b2f32b80000001"},
    {Suite::aes_256_cm_hmac_sha1_80,
     "e1f97a0d3e018be0d64fa32c06de4139000102030405060708090a0b0c0d0e0f0ec675ad498afeebb6960b3aabe6",
     "800f1234decafbadcafebabe2a8d44771c959ce2a198e475a54d504b39d8a87505e2a0c2a8e2",
     "800f1234decafbadcafebabe0fe5169038999617a51fae742eb79ecfdadb28ee453927cd6c93",
     "81c90007cafebabe0518867fa882453b45f1744749a0712e96da6fdc89084e0480000001d9df6dfb19597e53c6fc"},
};

}  // namespace sallyport::srtp::golden
