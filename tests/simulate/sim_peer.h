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

    // What is wrong between this call and its other end, now that both have come to rest. Named by the Call-ID that
    // its caller gave it.
    std::function<void(const std::string& name)> compare = {};
    // Whether that call is to come to rest: then nobody begins anything in it any more.
    std::function<bool(const std::string&name)> rests = {}, is_resting = {};

    bool chance(unsigned percent) const { return random.below(100) < percent; }
    Duration between(Duration from, Duration to) const {
        return from + (to - from) * static_cast<std::int64_t>(random.below(1'000'001)) / 1'000'000;
    }
};

// Whether it has this option tag in that field.
bool says(const TextMessage& message, const std::string& field, const std::string& option);
void describe(TextMessage& message, std::string description);  // a session

class SimPeer {
public:
    using Wire = std::function<void(SimPeer&, std::string bytes)>;

    SimPeer(PeerIdentity identity, std::string number, std::string domain, SimWorld world, Wire wire);

    void receive(std::string_view bytes);
    void call(const std::string& uri);
    std::function<std::string()> somebody = {};  // whom a party may be transferred to
    void keep_registered();                      // from now on
    void connection_lost();
    void connected_again();
    bool quiet = false;  // begins nothing new any more

    std::size_t calls() const { return calls_.size(); }
    bool registered() const { return registered_; }
    struct Counts {
        std::size_t placed = 0, answered = 0, refused = 0, cancelled = 0, held = 0, failed = 0, pracked = 0;
        std::size_t transferred = 0, compared = 0;
    } counts;
    Peer peer;
    // What was agreed upon last with the edge: what we do, what the other one does. Nothing: no call of that name is up
    // here, or something is still going on in it.
    struct Agreed {
        std::string mine, theirs;
        std::string refused;  // an offered direction, since then: what was agreed stands, whatever the other end does
    };
    std::optional<Agreed> agreed(const std::string& name, bool caller) const;

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
        std::string name;                             // the same at both ends
        std::string mine, theirs;                     // directions, as agreed upon last
        std::string refused;                          // the one of an offer that came after that
        std::string offering;                         // in what is on its way; empty: nothing is offered
        std::string offered_late;                     // in our 2xx: its ACK has the answer
        std::optional<transaction::ClientId> prack;   // that offers something
        std::string offered_in_prack;
        // A transfer (SIPconnect 12): the other call, whose party is to talk to this one's. Of the one that waits for
        // its ACK: the 2xx with the offer.
        std::string joined;
        std::optional<TextMessage> waiting_ok;
    };
    using Calls = std::map<std::string, Call>;  // by Call-ID

    void run();  // carries out what the layer wants
    void arm();
    void wake();
    void take(transaction::Request& request);
    void take(transaction::Response& response);
    void take(transaction::ClientFailed& failed);
    void respond(transaction::ServerId server, const TextMessage& request, int status, const std::string& tag,
                 const std::string& body = {});
    void agree(Call& call, const std::string& mine, const std::string& their_description);
    void live(const std::string& id);  // what happens to a call that is up
    void hang_up(const std::string& id);
    void hold(const std::string& id);
    transaction::ClientId send(TextMessage message);
    Call* find(const std::string& id);
    void done(const std::string& id);
    // sim_callee.cpp
    void on_first_invite(const transaction::Request& request, const TextMessage& text);
    void answer(const std::string& id, transaction::ServerId server, const TextMessage& request);
    void repeat_ok(const std::string& id, transaction::ServerId server, unsigned number, Duration interval,
                   Duration age);
    void ring_reliably(const std::string& id, transaction::ServerId server, const TextMessage& request, bool describes);
    void repeat_ringing(const std::string& id, transaction::ServerId server, const TextMessage& request, Duration age);
    void on_prack(Call& call, const transaction::Request& request, const TextMessage& text);
    void on_reinvite(Call& call, const transaction::Request& request, const TextMessage& text);
    void on_update(Call& call, const transaction::Request& request, const TextMessage& text);
    void take(transaction::Cancelled& cancelled);
    // sim_caller.cpp
    void give_up_waiting(const std::string& id, transaction::ClientId invite);
    void on_invite_response(Calls::iterator at, const TextMessage& response);
    void acknowledge_ringing(Call& call, const TextMessage& ringing);
    void accept(Call& call, const TextMessage& response);
    void acknowledge(Call& call, const TextMessage& response, const std::string& answer = {});
    // sim_transfer.cpp
    void transfer(const std::string& id);
    void join(Call& target, const TextMessage& ok);
    void joined(Call& call, const TextMessage& ok);
    void not_joined(Call& call);
    void part(const std::string& joined);
    std::string in_our_name(Call& call, std::string description);
    // sim_registration.cpp
    void register_now(const TextMessage* challenge);
    void on_register_response(const TextMessage& response);

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
