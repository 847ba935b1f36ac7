// One of the peers of a flow: its calls, what it was sent and has not looked at yet.
#pragma once

#include <deque>
#include <map>
#include <optional>
#include <string>

#include "tests/support/peer.h"

namespace sallyport::test {

struct ActorCall {
    PeerDialog dialog;
    bool begun = false;
    TextMessage last_request;                           // received, not yet answered
    std::map<std::string, TextMessage> requests;        // received, by method
    std::map<std::string, TextMessage> responses;       // final ones received, by method
    std::map<std::string, std::string> sent, received;  // wire text by kind ("INVITE", "200 BYE"): for "again"
};

struct Actor {
    explicit Actor(PeerIdentity identity) : peer(std::move(identity)) {}
    Peer peer;
    std::string own_number, own_domain;  // its callers
    std::string aor, register_uri;       // what it registers
    std::deque<std::string> inbox;
    std::map<std::string, ActorCall> calls;  // by the name after "/"; "register" for REGISTER
    int lose_to = 0, lose_from = 0;          // messages to be lost
    bool unreachable = false;
    bool answers_options = true;  // probes are answered without a line in the flow
};

}  // namespace sallyport::test
