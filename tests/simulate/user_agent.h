// A user agent that does one thing at a time and only when it is told to: for tests that try every order of things.
// It says what RFC 3261 14, RFC 3262, RFC 3311 5 and RFC 3264 have it say, remembers what was agreed, and has no
// timers: what nobody has answered it repeats when it is told to.
#pragma once

#include <deque>
#include <map>
#include <optional>
#include <string>

#include "tests/support/peer.h"

namespace sallyport::test {

class UserAgent {
public:
    explicit UserAgent(PeerIdentity identity) : peer(std::move(identity)) {}

    // Of its own accord. False: it makes no sense now, and nothing was done.
    bool call(const std::string& from, const std::string& to, const std::string& uri);
    bool offer(const std::string& method, const std::string& direction);  // INVITE or UPDATE
    bool ask_for_offer();                                                 // an INVITE without one
    bool cancel();                                                        // its INVITE that is not answered yet
    bool hang_up();
    bool answer();  // the INVITE that waits for it
    bool ring();    // with an answer that is to be acknowledged (RFC 3262)
    bool refuse();  // the first INVITE
    void repeat();  // what is not answered, or acknowledged

    void hear(const std::string& bytes);  // the edge's next message

    Peer peer;
    std::deque<std::string> said;   // to the edge, not delivered yet
    std::string complaint;          // about the edge, if there is any
    std::string mine, theirs;       // directions as last agreed
    bool up = false, over = false;  // the dialog is there; a BYE has ended it
    int final_status = 0;           // of its first INVITE
    bool busy() const { return invite_ || update_ || incoming_ || unacked_ || answer_owed_; }
    bool invites() const { return invite_ && !invite_->cancelled; }
    bool rings() const { return incoming_.has_value(); }
    bool may_hang_up() const { return !(first_ok_ && unacked_); }  // RFC 3261 15: not before its 2xx is acknowledged
    bool may_update_early() const { return settled_ && !up && !update_; }

private:
    void say(const TextMessage& message);
    void hear_request(const TextMessage& request);
    void hear_response(const TextMessage& response);
    void hear_invite(const TextMessage& request);
    void hear_update(const TextMessage& request);
    void hear_ack(const TextMessage& ack);
    void hear_invite_response(const TextMessage& response);
    void reply(const TextMessage& request, int status, const std::string& direction = {});
    void acknowledge_failure(const TextMessage& response);
    std::string answer_to(const std::string& description) const;

    PeerDialog dialog_;
    struct Sent {
        unsigned cseq = 0;
        std::string direction;  // offered; empty: nothing was
        std::string uri, branch;
        bool cancelled = false;
    };
    std::optional<Sent> invite_, update_;
    unsigned bye_ = 0;
    std::optional<TextMessage> incoming_;         // an INVITE of the edge, until it is answered
    std::optional<unsigned> unacked_;             // our 2xx: its number
    bool answer_owed_ = false;                    // in the ACK for it
    std::string told_, offered_late_;             // what our 2xx stands for once it is acknowledged
    std::map<std::string, std::string> replies_;  // by branch and method: what was said is said again
    std::map<unsigned, std::string> acks_;        // by number of the INVITE
    std::map<std::string, std::string> pending_;  // requests by method, until they are answered
    std::string final_;                           // ours to an INVITE, until it is acknowledged
    bool first_ok_ = false;                       // its 2xx was to the first INVITE
    bool settled_ = false;                        // by an 18x: the 2xx has no description
};

std::string direction_of(const std::string& description);
std::string mirrored(const std::string& direction);

}  // namespace sallyport::test
