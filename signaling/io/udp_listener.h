// One UDP socket of one shard: receives by recvmmsg, sends by sendmmsg, tells what ICMP says of a peer. Shards of a
// node share the port (SO_REUSEPORT), so each sends from its own socket. Sorts out keep-alives, STUN and noise; parses
// no SIP.
#pragma once

#include <sys/socket.h>

#include <array>
#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "control/base/result.h"
#include "signaling/io/descriptor.h"
#include "signaling/io/gathering.h"
#include "signaling/io/socket_address.h"
#include "signaling/io/statistics.h"
#include "signaling/transaction/effects.h"

namespace sallyport::io {

class DatagramSink {
public:
    virtual ~DatagramSink() = default;
    virtual void on_datagram(const Flow& flow, std::string_view bytes) = 0;
    virtual void on_unreachable(const Flow& flow, const std::string& why) = 0;
    // Of several that have come: whether this one goes before the others.
    virtual bool comes_first(std::string_view) { return false; }
    virtual void on_batch_end() = 0;  // the socket has nothing more, or others have their turn
};

// Receive buffers, one set for all sockets of a shard: nothing in them outlives a batch.
struct ReceiveArena {
    static constexpr std::size_t datagrams = 32;
    static constexpr std::size_t datagram_bytes = 65'536;
    ReceiveArena();
    ReceiveArena(const ReceiveArena&) = delete;  // its parts point at one another
    ReceiveArena& operator=(const ReceiveArena&) = delete;

    std::unique_ptr<char[]> bytes = std::make_unique<char[]>(datagrams * datagram_bytes);
    std::array<mmsghdr, datagrams> headers{};
    std::array<iovec, datagrams> slices;
    std::array<sockaddr_storage, datagrams> from;
};

class UdpListener final : private Gathered {
public:
    struct Place {
        RealmIndex realm = 0;
        Endpoint bind;            // port 0: the kernel chooses
        bool share_port = false;  // several shards bind the same port
        std::uint8_t dscp = 0;
    };
    // The error is a sentence that names the address.
    static Result<std::unique_ptr<UdpListener>, std::string> open(const Place& place, DatagramSink& sink,
                                                                  ReceiveArena& arena, Gathering& gathering,
                                                                  IoStatistics& statistics);
    UdpListener(Descriptor socket, RealmIndex realm, const Endpoint& local, DatagramSink& sink, ReceiveArena& arena,
                Gathering& gathering, IoStatistics& statistics);

    void start();
    // Kept until flush(), which the shard calls when it goes quiet.
    void send(transaction::SharedText bytes, const Endpoint& to);
    void flush();

    RealmIndex realm() const { return realm_; }
    const Endpoint& local() const { return local_; }

private:
    struct Pending {
        transaction::SharedText bytes;
        SocketAddress to;
    };
    void wait();
    void on_ready(std::uint32_t events) override;
    void look_again() override;
    void receive();
    struct Batch {
        std::size_t datagrams = 0;
        bool drained = true;  // the socket has nothing more
    };
    Batch receive_batch();
    void take(const Endpoint& from, std::string_view bytes);
    void take_one(std::size_t i);
    bool read_errors();
    std::size_t send_batch(std::size_t begin);

    Descriptor socket_;
    RealmIndex realm_;
    Endpoint local_;
    DatagramSink& sink_;
    ReceiveArena& arena_;
    Gathering& gathering_;
    std::chrono::steady_clock::time_point received_at_{};  // last
    IoStatistics& statistics_;
    std::vector<Pending> pending_;
    bool gathered_ = false;         // will be looked at again, whatever comes
    bool waiting_to_send_ = false;  // until the kernel has room
};

// Whether another process has this UDP address already: SO_REUSEPORT alone would let two of them share it in silence.
bool is_udp_address_taken(const Endpoint& bind);

}  // namespace sallyport::io
