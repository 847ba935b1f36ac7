// Lets what comes fast come together: a socket that is read again and again is looked at once a millisecond instead of
// at each datagram, and those of a shard at the same moment. To be woken costs more than to take a datagram.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <vector>

#include "control/base/time.h"

namespace sallyport::io {

class Gathered {
public:
    virtual void look_again() = 0;

protected:
    ~Gathered() = default;
};

class Gathering {
public:
    // What comes more often than this is gathered, and waits as long at most: RFC 3261's least timer is 500 times that.
    static constexpr Duration span = 1ms;

    explicit Gathering(boost::asio::io_context& context) : timer_(context) {}
    void add(Gathered& socket);  // will look again, once, within `span`

private:
    void end();

    boost::asio::steady_timer timer_;
    std::vector<Gathered*> sockets_, due_;
};

}  // namespace sallyport::io
