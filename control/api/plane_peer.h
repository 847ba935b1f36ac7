// Where a plane serves its state: a socket of this host, or another host with mutual TLS.
#pragma once

#include <string>

#include "control/tls/tls_files.h"

namespace sallyport::api {

struct PlanePeer {
    std::string target;    // "unix:/run/sallyport/media.sock" or "192.0.2.9:7444"
    tls::TlsFiles files;   // all empty: plain
    std::string tls_name;  // whom the plane's certificate must name; empty: the target's host
};

}  // namespace sallyport::api
