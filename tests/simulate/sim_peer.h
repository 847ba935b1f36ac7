// A peer that lives by itself: it calls, answers, refuses, cancels, holds and hangs up as its dice say, and repeats
// what is lost as RFC 3261 wants (by a transaction layer of its own).
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>

#include "signaling/transaction/layer.h"
#include "tests/support/peer.h"

namespace sallyport::test {

// What a peer has of the world.
struct SimWorld {
    std::function<TimePoint()> now;
    std::function<void(Duration, std::function<void()>)> later;
    RandomSource& random;

    bool chance(unsigned percent) const { return random.below(100) < percent; }
    Duration between(Duration from, Duration to) const {
        return from + (to - from) * static_cast<std::int64_t>(random.below(1'000'001)) / 1'000'000;
    }
};

class SimPeer {
public:
    using Wire = std::function<void(SimPeer&, std::string bytes)>;

    SimPeer(PeerIdentity identity, std::string number, std::string domain, SimWorld world, Wire wire);

    void receive(std::string_view bytes);
    void call(const std::string& uri);
    void keep_registered();  // from now on
    void connection_lost();
    void connected_again();
    bool quiet = false;  // begins nothing new any more

    std::size_t calls() const { return calls_.size(); }
    bool registered() const { return registered_; }
    struct Counts {
        std::size_t placed = 0, answered = 0, refused = 0, cancelled = 0, held = 0, failed = 0, pracked = 0;
    } counts;
    Peer peer;

private:
    struct Call {
        PeerDialog dialog;
        bool caller = false, up = false, over = false, cancelled = false;
        std::optional<transaction::ClientId> invite, update, bye;
        std::optional<transaction::ServerId> server;  // an INVITE not finally answered yet
        std::string ok;                               // our 2xx, until it is acknowledged
        unsigned ok_number = 0;                       // counts 2xx: an old repetition stops itself
        std::string ringing;                          // our 18x that is to be acknowledged, until it is (RFC 3262)
        unsigned heard_rseq = 0;                      // of the last one that we have acknowledged
        bool settled = false;                         // by an 18x: the description in it is the answer
    };
    using Calls = std::map<std::string, Call>;  // by Call-ID

    void run();  // carries out what the layer wants
    void arm();
    void wake();
    void take(transaction::Request& request);
    void take(transaction::Cancelled& cancelled);
    void take(transaction::Response& response);
    void take(transaction::ClientFailed& failed);
    void on_first_invite(const transaction::Request& request, const TextMessage& text);
    void on_reinvite(Call& call, const transaction::Request& request, const TextMessage& text);
    void on_update(Call& call, const transaction::Request& request, const TextMessage& text);
    void on_invite_response(Calls::iterator at, const TextMessage& response);
    void on_register_response(const TextMessage& response);

    void respond(transaction::ServerId server, const TextMessage& request, int status, const std::string& tag,
                 const std::string& body = {});
    void answer(const std::string& id, transaction::ServerId server, const TextMessage& request);
    void repeat_ok(const std::string& id, transaction::ServerId server, unsigned number, Duration interval,
                   Duration age);
    void acknowledge(Call& call, const TextMessage& response);
    void ring_reliably(const std::string& id, transaction::ServerId server, const TextMessage& request, bool describes);
    void repeat_ringing(const std::string& id, transaction::ServerId server, const TextMessage& request, Duration age);
    void on_prack(Call& call, const transaction::Request& request, const TextMessage& text);
    void acknowledge_ringing(Call& call, const TextMessage& ringing);
    void live(const std::string& id);  // what happens to a call that is up
    void hang_up(const std::string& id);
    void hold(const std::string& id);
    void give_up_waiting(const std::string& id, transaction::ClientId invite);
    transaction::ClientId send(TextMessage message);
    Call* find(const std::string& id);
    void done(const std::string& id);
    void register_now(const TextMessage* challenge);

    std::string number_, domain_;
    SimWorld world_;
    Wire wire_;
    Flow to_edge_;
    transaction::Timers timers_;
    transaction::Layer layer_;
    transaction::Effects effects_;
    bool running_ = false;
    std::optional<TimePoint> armed_;
    Calls calls_;
    std::map<std::string, std::string> acks_;  // by Call-ID and number: repeated 2xx get the same one
    std::optional<PeerDialog> registration_;
    std::optional<transaction::ClientId> register_;
    bool registered_ = false, challenged_ = false;
    unsigned registrations_ = 0;
};

}  // namespace sallyport::test
