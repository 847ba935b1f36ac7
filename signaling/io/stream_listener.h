// Accepts TCP connections (for TCP and for TLS) on one address and gives them to the shards in turn, within the limits
// of the node. Shakes no hands and reads no byte.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <memory>
#include <string>

#include "control/base/result.h"
#include "signaling/io/clock.h"
#include "signaling/io/connection_limits.h"
#include "signaling/io/descriptor.h"
#include "signaling/io/statistics.h"
#include "signaling/transaction/flow.h"

namespace sallyport::io {

namespace asio = boost::asio;

// Written by the acceptors' thread.
struct AcceptStatistics {
    Counter accepted, on_trial, refused_too_many, refused_of_source, refused_too_fast, errors;
};

struct AcceptedSocket {  // admitted: whoever has it releases the admission of `remote`
    Descriptor socket;   // of no io_context yet: it may travel between threads, and outlive both
    Transport transport = Transport::tcp;
    RealmIndex realm = 0;
    Endpoint remote;
    bool on_trial = false;  // it may stay for a call for help alone
};

class AcceptSink {
public:
    virtual ~AcceptSink() = default;
    virtual void on_accept(AcceptedSocket accepted) = 0;
};

class StreamListener {
public:
    struct Place {
        Transport transport = Transport::tcp;
        RealmIndex realm = 0;
        Endpoint bind;
        std::uint8_t dscp = 0;
    };
    // The error is a sentence that names the address.
    static Result<std::unique_ptr<StreamListener>, std::string> open(asio::io_context& context, const Place& place,
                                                                     const Clock& clock, ConnectionLimits& limits,
                                                                     AcceptSink& sink, AcceptStatistics& statistics);
    StreamListener(asio::ip::tcp::acceptor acceptor, const Place& place, const Clock& clock, ConnectionLimits& limits,
                   AcceptSink& sink, AcceptStatistics& statistics);

    void start();
    void stop();
    Endpoint local() const { return local_; }

private:
    asio::awaitable<void> run();
    bool accept_some();  // false: no descriptors left
    void admit(Descriptor socket, const Endpoint& remote);

    asio::ip::tcp::acceptor acceptor_;
    asio::steady_timer pause_;
    Place place_;
    Endpoint local_;
    const Clock& clock_;
    ConnectionLimits& limits_;
    AcceptSink& sink_;
    AcceptStatistics& statistics_;
};

}  // namespace sallyport::io
