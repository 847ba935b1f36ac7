// The transaction layer: matching (RFC 3261 17.1.3, 17.2.3 with RFC 2543 peers), the four machines, RFC 6026. Owns
// every transaction of one shard; its user gives and gets messages and ids.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "control/base/counter.h"
#include "control/base/random.h"
#include "signaling/transaction/effects.h"
#include "signaling/transaction/keyed_hash.h"
#include "signaling/transaction/source_loads.h"
#include "signaling/transaction/timers.h"

namespace sallyport::transaction {

// A request that is no repetition of another, and that there is room for.
struct NewRequest {
    KeyedHash::Wide key, merge_key;
};

struct LayerStatistics {
    Counter requests_received, responses_received, retransmissions_received, retransmissions_sent;
    Counter timeouts, transport_failures, stray_responses, stray_acks, limit_refusals, merged_requests;
};

class Layer {
public:
    // New server transactions beyond `max_transactions`, or beyond `max_bytes` of requests and answers that are kept,
    // are answered 503 statelessly.
    Layer(TimerValues values, Timers& timers, RandomSource& random, std::size_t max_transactions = 200'000,
          std::size_t max_bytes = 256u << 20);
    ~Layer();

    // Which new requests still have room where neither new ones nor those within dialogs have any: an eighth more.
    // Asked only then.
    using Judge = std::function<bool(const Flow&, const sip::Message&)>;
    void let_in_first(Judge judge);

    // A parsed message from the network. INVITE gets no automatic 100: the user answers (or the layer after 200 ms).
    // `urgent`: has the room that requests within dialogs have beyond what is full for others.
    void receive(const Flow& flow, sip::Message message, TimePoint now, Effects& out, bool urgent = false);

    // Whether a request of this method with this top Via is the repetition of one that is known (RFC 3261 17.2.3).
    bool knows(std::string_view method, const sip::ViaView& top_via) const;

    // For a request outside of dialogs (no INVITE) that its user need not have parsed, since it knows what it says.
    // `key` and `merge_key` as key.h makes them, neither empty; `bytes`: its size. Nothing: receive() it.
    std::optional<NewRequest> admit(std::string_view key, std::string_view merge_key, std::size_t bytes, TimePoint now);
    // Such a request has been answered, over UDP, once and for good: until timer J ends its answer is repeated.
    void answer_new(const NewRequest& request, const Flow& flow, const Flow& responses, std::string response,
                    TimePoint now, Effects& out);
    void count_request();  // that was admitted, whatever became of it

    // Server side. `response` is complete text (compose.h). Provisional, then exactly one final; later calls are
    // ignored except for 2xx of INVITE, whose retransmissions the user asks for with the same call (RFC 6026 accepted
    // state).
    void respond(ServerId server, std::uint16_t status, std::string response, TimePoint now, Effects& out);
    // The same, answered once and forgotten (RFC 3261 8.2.7): no retransmission, no ServerEnded, and a repeated request
    // comes to the user anew. For challenges and refusals to peers that nobody knows, who could otherwise make this
    // node send many answers to a forged source.
    void respond_once(ServerId server, std::string response, Effects& out);
    // Forgotten without an answer: the sender is not to learn that anybody is here.
    void ignore(ServerId server);
    // The request the transaction began with, until it is finally answered.
    const sip::Message* request_of(ServerId server) const;

    // Client side. `request` is complete text whose top Via has a fresh branch from new_branch(). ACK for 2xx is not a
    // transaction: send it with a plain Transmit.
    ClientId send(const Flow& flow, std::string request, std::string tls_name, TimePoint now, Effects& out);
    // CANCEL for an INVITE client transaction (RFC 3261 9.1): held back until a provisional came; nothing happens when
    // a final one has. The CANCEL's own outcome is of no interest to the user; 64*T1 later the INVITE fails with
    // timeout.
    void cancel(ClientId invite, std::string_view reason_header, TimePoint now, Effects& out);

    // A stream broke, or could not be opened (connection == 0): client transactions on it fail, but for an
    // INVITE that has been answered provisionally: it waits on.
    void flow_closed(const Flow& flow, TimePoint now, Effects& out);
    // A deadline with owner client_transaction or server_transaction.
    void timer(const TimerKey& key, TimePoint now, Effects& out);

    std::string new_branch();  // "z9hG4bK" + unpredictable
    std::size_t size() const;
    std::size_t kept_bytes() const;                     // by server transactions
    bool is_full() const;                               // of them, for what is neither urgent nor within a dialog
    SourceLoad load_of(const IpAddress& source) const;  // the server transactions of that address
    const LayerStatistics& statistics() const;

private:
    struct State;
    std::unique_ptr<State> state_;
};

// Where a response to this request goes: on streams the same connection, or, when that is gone (connection == 0), the
// source address with the port of sent-by; on UDP the source address with rport or the port of sent-by (RFC
// 3261 18.2.2, RFC 3581 4). maddr is not followed: it would let a sender aim our answers at somebody else.
Flow response_flow(const Flow& received_on, const sip::ViaView& top_via);

// A Via field value of ours: "SIP/2.0/TLS host:port;branch=...;rport".
std::string via_text(const Realm& realm, Transport transport, Family family, std::string_view branch);

}  // namespace sallyport::transaction
