// What a PBX or a core element says on the wire: its dialogs and the text of its messages. Sends nothing by itself and
// has no timers; the flow or the simulation does.
#pragma once

#include <string>
#include <vector>

#include "signaling/transaction/flow.h"
#include "tests/support/text_message.h"

namespace sallyport::test {

struct PeerIdentity {
    std::string name;  // "pbx": begins its Call-IDs, tags and branches
    std::string host;  // in its Via and Contact: a private address behind NAT, often
    std::uint16_t port = 5060;
    std::string media_host;
    std::string agent;  // User-Agent, Server
    bool srtp = false;
    Flow flow;             // as the edge sees it
    bool updates = false;  // it takes UPDATE, and says so
};

// One dialog, from the peer's side.
struct PeerDialog {
    std::string call_id, local_tag, remote_tag;
    std::string local, remote;  // From and To values without tag, as the peer writes its own requests
    std::string target;         // Request-URI of its requests
    std::vector<std::string> routes;
    unsigned cseq = 0, invite_cseq = 0;
    std::string invite_branch, invite_uri;
    unsigned sdp_version = 0;
    bool early = true;
};

class Peer {
public:
    explicit Peer(PeerIdentity identity) : id(std::move(identity)) {}

    PeerDialog new_dialog(const std::string& from, const std::string& to, const std::string& target);
    // The dialog that a received INVITE begins.
    PeerDialog dialog_of(const TextMessage& invite);
    // What a response to the dialog's own request teaches it.
    void learn(PeerDialog& dialog, const TextMessage& response) const;

    // ACK takes the INVITE's number; CANCEL its number, branch and Request-URI.
    TextMessage request(PeerDialog& dialog, const std::string& method);
    TextMessage response(const TextMessage& request, int status, const std::string& local_tag) const;
    std::string sdp(PeerDialog& dialog, const std::string& wish = "sendrecv");  // "sendonly te=96", "fax"
    std::string new_branch() { return "z9hG4bK" + id.name + std::to_string(++serial_); }

    // What nobody on another leg may ever see.
    std::vector<std::string> secrets() const;

    PeerIdentity id;

private:
    unsigned serial_ = 0;
};

// Digest (RFC 7616, qop=auth) computed for a 401 or 407: the whole header field.
std::pair<std::string, std::string> digest_answer(const TextMessage& challenge, const std::string& method,
                                                  const std::string& uri, const std::string& user,
                                                  const std::string& password);

}  // namespace sallyport::test
