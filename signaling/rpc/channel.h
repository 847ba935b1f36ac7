// Where another daemon is and how it is reached: a local socket, or a host with mutual TLS. Opens no stream.
#pragma once

#include <grpcpp/grpcpp.h>

#include <memory>
#include <string>

#include "control/base/result.h"
#include "control/base/time.h"

namespace sallyport::rpc {

struct RpcPeer {
    std::string target;                // "unix:/run/sallyport/media.sock" or "192.0.2.9:7444"
    std::string certificate, key, ca;  // PEM files; all empty: plain, for sockets of this host
    std::string tls_name;              // whom the server's certificate must name; empty: the target's host
};

// The error is a sentence that names the file. `keep_alive`: HTTP/2 pings, where the server is known to allow them.
Result<std::shared_ptr<grpc::Channel>, std::string> make_channel(const RpcPeer& peer, Duration keep_alive);

// How long to wait before the next attempt: doubles from 100 ms to two seconds.
class BackOff {
public:
    Duration next() {
        const Duration now = wait_;
        wait_ = wait_ * 2 > longest ? longest : wait_ * 2;
        return now;
    }
    void reset() { wait_ = shortest; }

private:
    static constexpr Duration shortest = 100ms, longest = 2s;
    Duration wait_ = shortest;
};

}  // namespace sallyport::rpc
