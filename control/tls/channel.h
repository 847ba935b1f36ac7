// How a daemon reaches another one over gRPC: a local socket, or a host with mutual TLS. Opens no connection.
#pragma once

#include <grpcpp/grpcpp.h>

#include <memory>
#include <string>

#include "control/base/result.h"
#include "control/tls/tls_files.h"

namespace sallyport::tls {

// `target`: "unix:/run/sallyport/media.sock" or "192.0.2.9:7444". Files that are all empty: plain, for sockets of this
// host. `tls_name`: whom the server's certificate must name; empty: the target's host. A connection that breaks is
// tried again after 100 ms, later every second; one attempt may take ten. The error is a sentence that names the file.
Result<std::shared_ptr<grpc::Channel>, std::string> make_channel(const std::string& target, const TlsFiles& files,
                                                                 const std::string& tls_name,
                                                                 grpc::ChannelArguments arguments);

}  // namespace sallyport::tls
