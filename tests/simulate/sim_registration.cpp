// How a peer registers in bulk (RFC 6140), again before its time and after its connection was lost.
#include "tests/simulate/sim_peer.h"
#include "tests/simulate/user_agent.h"

namespace sallyport::test {
namespace {

constexpr Duration refresh = 10min;

}  // namespace

void SimPeer::keep_registered() { register_now(nullptr); }

void SimPeer::register_now(const TextMessage* challenge) {
    const std::string aor = "<sip:acme@sp.example>";
    if (!registration_) registration_ = peer.new_dialog(aor, aor, "sip:sp.example");
    TextMessage message = peer.request(*registration_, "REGISTER");
    message.add("Contact", "<sip:" + peer.id.host + ":" + std::to_string(peer.id.port) + ";bnc>");
    message.add("Require", "gin");
    message.add("Supported", "path");
    if (challenge != nullptr) {
        const auto [name, value] = digest_answer(*challenge, "REGISTER", message.uri(), "acme", "s3cret");
        message.add(name, value);
    }
    challenged_ = challenge != nullptr;
    register_ = send(std::move(message));
}

void SimPeer::on_register_response(const TextMessage& response) {
    if (response.status() < 200) return;
    register_.reset();
    if (response.status() == 401 && !challenged_) return register_now(&response);
    registered_ = response.status() == 200;
    const unsigned serial = ++registrations_;
    world_.later(registered_ ? refresh : Duration(1s), [=, this] {
        if (serial == registrations_ && !quiet) register_now(nullptr);
    });
}

void SimPeer::connection_lost() {
    registered_ = false;
    layer_.flow_closed(to_edge_, world_.now(), effects_);
    run();
}

void SimPeer::connected_again() {
    ++to_edge_.connection;
    if (!register_) register_now(nullptr);
}

}  // namespace sallyport::test
