// What a transaction wants done, in order: bytes to send, flows to close, and what its user is told. Written to a
// reused buffer; nobody is called back.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "control/base/id.h"
#include "signaling/sip/message.h"
#include "signaling/transaction/flow.h"

namespace sallyport::transaction {

using ClientId = Id<struct ClientTag>;
using ServerId = Id<struct ServerTag>;
using SharedText = std::shared_ptr<const std::string>;  // one message: kept for retransmission, sent without copies

struct Transmit {
    Flow flow;
    SharedText bytes;
    std::string tls_name;  // opening a TLS connection: the name to send (SNI) and to verify; empty: none
};
struct CloseFlow {
    Flow flow;
};

// To the transaction user:
struct Request {  // a new request (ACK for a 2xx has no transaction: server is empty)
    ServerId server;
    Flow flow;
    sip::Message message;
};
struct Cancelled {  // a CANCEL matched this INVITE; the CANCEL itself was answered 200 already
    ServerId invite;
    sip::Message cancel;
};
struct Response {
    ClientId client;
    Flow flow;
    sip::Message message;  // every 2xx of an INVITE arrives here, retransmissions too (RFC 6026)
};
struct StrayResponse {  // no transaction: a late 2xx (to be ACKed and ended by whoever knows the dialog) or nothing
    Flow flow;
    sip::Message message;
};
enum class Failure : std::uint8_t {
    timeout,    // nothing was heard in time
    transport,  // the flow broke, or could not be opened
    too_large,  // never sent: this transport, or any parser, would not take it. Says nothing about the peer
};
struct ClientFailed {
    ClientId client;
    Failure failure = Failure::timeout;
};
struct ServerEnded {  // INVITE server only: no ACK for a 3xx-6xx in 64*T1 (acknowledged false), or done
    ServerId server;
    bool acknowledged = true;
};

using Effect =
    std::variant<Transmit, CloseFlow, Request, Cancelled, Response, StrayResponse, ClientFailed, ServerEnded>;
using Effects = std::vector<Effect>;

}  // namespace sallyport::transaction
