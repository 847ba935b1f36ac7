// TLS as a ByteStream, in both roles. As a client it sends the wanted name (SNI) and refuses a certificate that does
// not name it; chains are verified as the context says, or as the peer's own trust does.
#pragma once

#include <memory>
#include <string>

#include "signaling/io/byte_stream.h"
#include "signaling/io/tls_context.h"
#include "signaling/io/tls_trust.h"

namespace sallyport::io {

std::unique_ptr<ByteStream> make_tls_server_stream(asio::ip::tcp::socket socket,
                                                   std::shared_ptr<const TlsContext> context, TrustPtr trust = {});
// `name`: whom the certificate must name; empty: any that our CAs vouch for.
std::unique_ptr<ByteStream> make_tls_client_stream(asio::ip::tcp::socket socket,
                                                   std::shared_ptr<const TlsContext> context, const std::string& name,
                                                   TrustPtr trust = {});

}  // namespace sallyport::io
