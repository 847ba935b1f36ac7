// A peer that lives by itself: it calls, answers, refuses, cancels, holds and hangs up as its dice say, and repeats
// what is lost as RFC 3261 wants (by a transaction layer of its own).
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "signaling/transaction/layer.h"
#include "tests/simulate/sim_media.h"

namespace sallyport::test {

// What a peer has of the world.
struct SimWorld {
    std::function<TimePoint()> now;
    std::function<void(Duration, std::function<void()>)> later;
    RandomSource& random;

    // What is wrong between this call and its other end, now that both have come to rest. Named by the Call-ID that
    // its caller gave it. False, unless it is the last time: a renewal may be on its way still, so that it is to be
    // asked again.
    std::function<bool(const std::string& name, bool last)> compare = {};
    // Whether that call is to come to rest: then nobody begins anything in it any more.
    std::function<bool(const std::string&name)> rests = {}, is_resting = {};
    // What a peer finds wrong with what it is told.
    std::function<void(const std::string& what)> complain = {};

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
        std::size_t transferred = 0, consulted = 0, joined = 0, compared = 0, forked = 0, twice = 0, redirected = 0;
        std::size_t replacing = 0, replaced = 0, early_offers = 0, early_answers = 0, taken_back = 0;
        std::size_t renewed = 0, left_early = 0, deaf = 0;
        Counts& operator+=(const Counts& other);  // of what is to happen at all
    } counts;
    Peer peer;
    // What was agreed upon last with the edge. Nothing: no call of that name is up here, or something is still going on
    // in it.
    struct Agreed {
        Agreement agreement;
        std::vector<Session> refused;  // offers, since then: what was agreed stands, whatever the other end does
        bool gap = false;              // in the versions that it was told
    };
    std::optional<Agreed> agreed(const std::string& name, bool caller) const;

private:
    // One dialog with the edge. A caller has several while he waits: one for each To tag that he hears (RFC 3261 12.1).
    struct Talk {
        PeerDialog dialog;
        SimMedia media;
        Told told;
        Agreement agreement;
        std::vector<Session> refused;                        // offers that came after that
        bool settled = false;                                // by an 18x: the description in it is the answer
        unsigned heard_rseq = 0;                             // of the last 18x that we have acknowledged
        std::optional<transaction::ClientId> prack, update;  // the PRACK: one that offers something
        std::string offered_in_prack, offered_in_update;
    };
    struct Call : Talk {
        std::string id;  // Call-ID, and our tag where the callee has forked
        bool caller = false, up = false, over = false, cancelled = false;
        std::optional<transaction::ClientId> invite, bye;
        std::optional<transaction::ClientId> renewal;  // the INVITE that renews the session
        std::optional<transaction::ServerId> server;   // an INVITE not finally answered yet
        std::string ok;                                // our 2xx, until it is acknowledged
        unsigned ok_number = 0;                        // counts 2xx: an old repetition stops itself
        std::string ringing;                           // our 18x that is to be acknowledged, until it is (RFC 3262)
        std::string offered_ringing;                   // in it: its PRACK has the answer
        std::string name;                              // the same at both ends
        std::string offering;                          // by the INVITE that is on its way; empty: nothing is offered
        std::string offered_late;                      // in our 2xx: its ACK has the answer
        bool wait_for_twin = false;                    // another fork answers too, a moment later
        std::map<std::string, Talk> forks;             // by the callee's tag, but for the one that is spoken in
        std::optional<Talk> begun;                     // as the INVITE was sent
        std::string replaces;                          // the call whose place it is to take (RFC 3891)
        std::string left;                              // the tag of the early dialog that a BYE has ended
        // A transfer (SIPconnect 12): the other call, whose party is to talk to this one's. Of the one that waits for
        // its ACK: the 2xx with the offer.
        std::string joined;
        std::optional<TextMessage> waiting_ok;
        std::string consults;  // the call whose party waits while this one is talked to
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
    // `mine_answers`: the other description is the offer.
    void agree(Call& call, const std::string& mine, const std::string& theirs, bool mine_answers);
    void listen(Call& call, const TextMessage& message);  // to what it describes
    std::string answer_to(Call& call, const std::string& offer, const std::string& direction = {});
    std::string offer_in(Call& call, const std::string& direction = "sendrecv");
    bool is_free(const Call& call) const;  // a new offer may be made
    // The dialog of that tag is the one that is spoken in from now on. False: another one has outlived it.
    bool enter(Call& call, const std::string& tag);
    std::string key_of(const TextMessage& message, bool ours);
    void live(const std::string& id);  // what happens to a call that is up
    void hang_up(const std::string& id);
    void hold(const std::string& id);
    void rest(const std::string& id, Duration after, unsigned tries);
    bool is_deaf_to(const sip::Message& invite);
    // sim_renewal.cpp
    void ask_to_renew(TextMessage& request) const;
    void renew_later(const std::string& id);
    void renew(const std::string& id, bool again);
    transaction::ClientId send(TextMessage message);
    Call* find(const std::string& id);
    void done(const std::string& id);
    // sim_callee.cpp
    void on_first_invite(const transaction::Request& request, const TextMessage& text);
    void fork(const Call& call, const transaction::Request& request, const TextMessage& text);
    void ring(const std::string& id, transaction::ServerId server, const TextMessage& request);
    void refuse(const std::string& id, transaction::ServerId server, const TextMessage& request, int status);
    void answer(const std::string& id, transaction::ServerId server, const TextMessage& request);
    void forget_others(const Call& answered, transaction::ServerId server);
    void repeat_ok(const std::string& id, transaction::ServerId server, unsigned number, Duration interval,
                   Duration age);
    void ring_reliably(Call& call, transaction::ServerId server, const TextMessage& request, bool describes);
    void repeat_ringing(const std::string& id, transaction::ServerId server, const TextMessage& request, Duration age);
    void on_prack(Call& call, const transaction::Request& request, const TextMessage& text);
    void on_reinvite(Call& call, const transaction::Request& request, const TextMessage& text);
    void on_update(Call& call, const transaction::Request& request, const TextMessage& text);
    void take(transaction::Cancelled& cancelled);
    // sim_caller.cpp
    void place(Call call, TextMessage invite);
    void give_up_waiting(const std::string& id, transaction::ClientId invite);
    void leave_early(Call& call);
    void update_early(const std::string& id);
    void on_invite_response(Calls::iterator at, const TextMessage& response);
    void on_ringing(Call& call, const TextMessage& response);
    void acknowledge_ringing(Call& call, const TextMessage& ringing);
    void accept(Call& call, const TextMessage& response);
    void acknowledge(Call& call, const TextMessage& response, const std::string& answer = {});
    // sim_transfer.cpp
    void transfer(const std::string& id);
    void consult(const std::string& id);
    void join_consulted(const std::string& id);
    void replace(const std::string& id);
    void join(Call& target, const TextMessage& ok);
    void joined(Call& call, const TextMessage& ok);
    void not_joined(Call& call);
    void part(const std::string& joined);
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
    std::map<std::string, bool> deaf_;         // to first INVITEs, by branch
    std::map<std::string, std::string> acks_;  // by Call-ID and number: repeated 2xx get the same one
    std::optional<PeerDialog> registration_;
    std::optional<transaction::ClientId> register_;
    bool registered_ = false, challenged_ = false;
    unsigned registrations_ = 0;
};

}  // namespace sallyport::test
