// Every reason for which the media plane drops a packet: a label for metrics and a sentence for people.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace sallyport::media {

// Those that a frame has before anybody knows whose it is come first: no leg counts them.
#define SALLYPORT_MEDIA_DROPS(X)                                                     \
    X(not_ip, "not IPv4, IPv6, ARP or neighbour discovery")                          \
    X(bad_checksum, "IP or UDP checksum wrong")                                      \
    X(fragment, "IP fragment; media is never fragmented")                            \
    X(not_for_us, "address is not one of this port's")                               \
    X(not_udp, "neither UDP nor a protocol the port answers")                        \
    X(martian, "its source is an address that no sender can have")                   \
    X(answer_rate, "more ARP, neighbour discovery or ping than the port answers")    \
    X(truncated, "shorter than its headers say")                                     \
    X(no_leg, "no leg on this UDP port")                                             \
    X(not_rtp, "neither RTP, RTCP nor agreed UDPTL")                                 \
    X(late_rtp, "RTP of a call that has become a fax")                               \
    X(stun, "STUN, which nobody here asked for")                                     \
    X(dtls, "DTLS, which nobody here asked for")                                     \
    X(leg_disabled, "its stream is disabled or not yet answered")                    \
    X(direction, "signaled direction forbids it (hold)")                             \
    X(no_keys, "SRTP before the keys are known")                                     \
    X(auth_failed, "SRTP authentication failed")                                     \
    X(replayed, "SRTP replay, or a sequence number used twice")                      \
    X(wrong_source, "source differs from the latch or is not plausible")             \
    X(payload_type, "a payload type that the other side has not agreed to")          \
    X(no_remote, "other side's address is not known yet")                            \
    X(key_over, "SRTP key used for as many packets as its lifetime allows")          \
    X(protect_failed, "SRTP context could not process it (no memory, key lifetime)") \
    X(rate, "more packets or bytes than the stream's codec or the node permits")     \
    X(no_next_hop, "next hop's link address is not known yet")                       \
    X(too_big, "longer than the MTU of the port it comes from or goes to")           \
    X(no_buffer, "no packet buffer was free")                                        \
    X(tx_full, "transmit queue full")                                                \
    X(looped, "relayed through this node's own ports more often than calls are nested")

enum class Drop : std::uint8_t {
    none,
#define X(name, sentence) name,
    SALLYPORT_MEDIA_DROPS(X)
#undef X
};

struct DropText {
    std::string_view name, sentence;
};
inline constexpr std::array drop_texts{DropText{"none", "not dropped"},
#define X(name, sentence) DropText{#name, sentence},
                                       SALLYPORT_MEDIA_DROPS(X)
#undef X
};
inline constexpr std::size_t drop_count = drop_texts.size();
inline constexpr auto first_of_leg = static_cast<std::size_t>(Drop::truncated);
inline std::string_view to_string(Drop d) { return drop_texts[static_cast<std::size_t>(d)].name; }

}  // namespace sallyport::media
