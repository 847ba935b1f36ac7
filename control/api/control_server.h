// Control's two gRPC servers: for operators and their systems over TCP with mutual TLS, for the planes of this host
// over a local socket. Which service is reachable where is decided here and nowhere else.
#pragma once

#include <chrono>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "control/api/config_state.h"
#include "control/api/plane_peer.h"
#include "control/observe/metric.h"

namespace sallyport::api {

struct ControlServerOptions {
    std::string node;
    std::string listen;  // "127.0.0.1:7443": mutual TLS, provisioning and operations
    tls::TlsFiles tls;
    std::string default_role = "viewer";  // of client certificates without one
    std::string planes_listen;            // "unix:/run/sallyport/control.sock": the config feed
    std::string signaling;                // where it listens: a socket of this host
    PlanePeer media;
    std::filesystem::path records;
};

class ControlServer {
public:
    // Throws std::runtime_error with one sentence when an address or a certificate is not usable.
    ControlServer(const ControlServerOptions& options, ConfigState& state);
    ~ControlServer();
    ControlServer(const ControlServer&) = delete;
    ControlServer& operator=(const ControlServer&) = delete;

    int port() const;  // of the TCP listener: the kernel's choice when it was told 0
    // Stops taking calls, lets those in progress end until the deadline.
    void stop(std::chrono::milliseconds patience);
    std::vector<observe::Metric> metrics() const;

private:
    void set_serving(bool serving);
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace sallyport::api
