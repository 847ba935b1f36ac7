// What the sockets of one shard saw, counted by that shard alone and read by a scrape at any time. Every drop and every
// end of a connection has a reason with its sentence.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "control/base/counter.h"

namespace sallyport::io {

#define SALLYPORT_IO_DROPS(X)                                                      \
    X(keep_alive, "datagram of line ends or zero bytes: a keep-alive")             \
    X(stun, "STUN on a SIP port")                                                  \
    X(not_sip, "datagram whose first byte begins no SIP message")                  \
    X(mailbox_full, "the shard that owns the call has too much waiting")           \
    X(no_listener, "no listener of this realm, transport and family to send from") \
    X(send_queue_full, "the kernel takes no more datagrams")                       \
    X(send_error, "the kernel refused the datagram")                               \
    X(too_large, "message above what one datagram holds")                          \
    X(connection_gone, "the connection it was for is closed")

enum class IoDrop : std::uint8_t {
#define X(name, text) name,
    SALLYPORT_IO_DROPS(X)
#undef X
        count
};

#define SALLYPORT_CLOSE_REASONS(X)                                \
    X(peer, "closed by the peer")                                 \
    X(reset, "connection broken")                                 \
    X(asked, "closed on request of the core")                     \
    X(idle, "nothing heard, and no registration lives on it")     \
    X(incomplete, "a message begun and not finished in time")     \
    X(slow_peer, "peer does not read: its write queue is full")   \
    X(bad_framing, "message boundaries cannot be found")          \
    X(handshake_failed, "TLS handshake failed")                   \
    X(handshake_timeout, "TLS handshake not finished in time")    \
    X(certificate, "peer's certificate is not acceptable")        \
    X(peer_connects, "peer opens every connection, and has none") \
    X(connect_failed, "cannot connect")                           \
    X(connect_timeout, "no answer to connect")                    \
    X(too_many, "too many connections")                           \
    X(shutdown, "this node is stopping")

enum class CloseReason : std::uint8_t {
#define X(name, text) name,
    SALLYPORT_CLOSE_REASONS(X)
#undef X
        count
};

enum class Handshake : std::uint8_t { ok, failed, certificate, timeout, count };

inline constexpr std::array<std::string_view, static_cast<std::size_t>(IoDrop::count)> io_drop_names{
#define X(name, text) #name,
    SALLYPORT_IO_DROPS(X)
#undef X
};
inline constexpr std::array<std::string_view, static_cast<std::size_t>(IoDrop::count)> io_drop_sentences{
#define X(name, text) text,
    SALLYPORT_IO_DROPS(X)
#undef X
};
inline constexpr std::array<std::string_view, static_cast<std::size_t>(CloseReason::count)> close_reason_names{
#define X(name, text) #name,
    SALLYPORT_CLOSE_REASONS(X)
#undef X
};
inline constexpr std::array<std::string_view, static_cast<std::size_t>(CloseReason::count)> close_reason_sentences{
#define X(name, text) text,
    SALLYPORT_CLOSE_REASONS(X)
#undef X
};
inline constexpr std::array<std::string_view, static_cast<std::size_t>(Handshake::count)> handshake_names{
    "ok", "failed", "certificate", "timeout"};

inline std::string_view to_string(CloseReason r) { return close_reason_sentences[static_cast<std::size_t>(r)]; }

template <class Enum>
class CounterPer {  // one counter per enumerator
public:
    Counter& operator[](Enum e) { return counters_[static_cast<std::size_t>(e)]; }
    const Counter& operator[](Enum e) const { return counters_[static_cast<std::size_t>(e)]; }

private:
    std::array<Counter, static_cast<std::size_t>(Enum::count)> counters_;
};

struct alignas(64) IoStatistics {
    Counter datagrams_received, datagram_bytes_received, datagrams_sent, datagram_bytes_sent;
    Counter gatherings;  // of a UDP socket that is read often (gathering.h)
    Counter stream_messages_received, stream_bytes_received, stream_messages_sent, stream_bytes_sent;
    Counter pings_answered;                    // RFC 5626 4.4.1
    Counter unreachable;                       // ICMP errors that became FlowClosed
    Counter handed_over;                       // messages that came in on another shard's socket
    Counter tcp_connections, tls_connections;  // open now (set)
    Counter connections_accepted, connections_opened;
    Counter connections_for_help;  // that there was no other room for
    CounterPer<IoDrop> drops;
    CounterPer<CloseReason> closes;
    CounterPer<Handshake> handshakes;
};

}  // namespace sallyport::io
