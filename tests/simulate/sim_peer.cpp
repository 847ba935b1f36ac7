#include "tests/simulate/sim_peer.h"

#include <algorithm>

#include "control/base/check.h"
#include "signaling/sip/parser.h"
#include "tests/simulate/user_agent.h"

namespace sallyport::test {

bool says(const TextMessage& message, const std::string& field, const std::string& option) {
    const auto values = message.all(field);
    return std::find(values.begin(), values.end(), option) != values.end();
}

void describe(TextMessage& message, std::string description) {
    message.add("Content-Type", "application/sdp");
    message.body = std::move(description);
}

SimPeer::SimPeer(PeerIdentity identity, std::string number, std::string domain, SimWorld world, Wire wire)
    : peer(std::move(identity)),
      number_(std::move(number)),
      domain_(std::move(domain)),
      world_(std::move(world)),
      wire_(std::move(wire)),
      layer_({}, timers_, world_.random) {
    to_edge_ = peer.id.flow;
    std::swap(to_edge_.local, to_edge_.remote);
    if (is_reliable(to_edge_.transport)) to_edge_.connection = 1;
}

void SimPeer::receive(std::string_view bytes) {
    auto message = sip::Parser::parse(bytes);
    SALLYPORT_CHECK(message.has_value());
    layer_.receive(to_edge_, std::move(*message), world_.now(), effects_);
    run();
}

void SimPeer::run() {
    if (running_) return;  // what follows is carried out by the run that goes on
    running_ = true;
    for (std::size_t i = 0; i < effects_.size(); ++i) {
        transaction::Effect effect = std::move(effects_[i]);
        if (auto* transmit = std::get_if<transaction::Transmit>(&effect)) wire_(*this, *transmit->bytes);
        if (auto* request = std::get_if<transaction::Request>(&effect)) take(*request);
        if (auto* cancelled = std::get_if<transaction::Cancelled>(&effect)) take(*cancelled);
        if (auto* response = std::get_if<transaction::Response>(&effect)) take(*response);
        if (auto* failed = std::get_if<transaction::ClientFailed>(&effect)) take(*failed);
    }
    effects_.clear();
    running_ = false;
    arm();
}

void SimPeer::arm() {
    const auto next = timers_.next_deadline();
    if (!next || (armed_ && *armed_ <= *next)) return;
    armed_ = next;
    world_.later(*next - world_.now(), [this] { wake(); });
}

void SimPeer::wake() {
    armed_.reset();
    while (const auto due = timers_.pop_due(world_.now())) layer_.timer(*due, world_.now(), effects_);
    run();
}

transaction::ClientId SimPeer::send(TextMessage message) {
    const auto id = layer_.send(to_edge_, message.wire(), {}, world_.now(), effects_);
    run();
    return id;
}

void SimPeer::take(transaction::Request& request) {
    const auto text = TextMessage::read(request.message.text());
    Call* call = find(text.first("Call-ID"));
    const auto method = request.message.method();
    if (method == sip::Method::ack) {
        if (call == nullptr) return;
        if (!call->ok.empty() && !call->offered_late.empty() && text.body.find("m=audio 0 ") == std::string::npos)
            agree(*call, call->offered_late, text.body);
        call->offered_late.clear();
        call->ok.clear();
        return;
    }
    if (method == sip::Method::options) return respond(request.server, text, 200, "options");
    if (method == sip::Method::invite && request.message.to_tag().empty()) return on_first_invite(request, text);
    if (call == nullptr) return respond(request.server, text, 481, "gone");
    if (method == sip::Method::invite) return on_reinvite(*call, request, text);
    if (method == sip::Method::update) return on_update(*call, request, text);
    if (method == sip::Method::prack) return on_prack(*call, request, text);
    if (method != sip::Method::bye) return respond(request.server, text, 405, "no");
    respond(request.server, text, 200, "bye");
    call->over = true;
    const std::string other = call->joined;
    if (!other.empty()) part(other);
    if (!call->bye && !call->server) done(call->dialog.call_id);
}

void SimPeer::respond(transaction::ServerId server, const TextMessage& request, int status, const std::string& tag,
                      const std::string& body) {
    TextMessage response = peer.response(request, status, tag);
    if (!body.empty()) {
        describe(response, body);
    }
    layer_.respond(server, static_cast<std::uint16_t>(status), response.wire(), world_.now(), effects_);
    run();
}

void SimPeer::take(transaction::Response& response) {
    const auto text = TextMessage::read(response.message.text());
    if (register_ == response.client) return on_register_response(text);
    const auto at = calls_.find(text.first("Call-ID"));
    if (text.method() == "INVITE") return on_invite_response(at, text);
    if (at != calls_.end() && at->second.prack == response.client && text.status() >= 200) {
        at->second.prack.reset();
        if (text.status() < 300 && !text.body.empty()) agree(at->second, at->second.offered_in_prack, text.body);
        return;
    }
    if (at != calls_.end() && at->second.update == response.client && text.status() >= 200) {
        at->second.update.reset();
        if (text.status() < 300) agree(at->second, at->second.offering, text.body);
        if (text.status() == 481 || text.status() == 408) hang_up(std::string(at->first));
        return;
    }
    if (at == calls_.end() || at->second.bye != response.client || text.status() < 200) return;
    at->second.bye.reset();
    done(std::string(at->first));
}

void SimPeer::agree(Call& call, const std::string& mine, const std::string& their_description) {
    call.mine = mine;
    call.theirs = direction_of(their_description);
    call.refused.clear();
}

std::optional<SimPeer::Agreed> SimPeer::agreed(const std::string& name, bool caller) const {
    for (const auto& [id, call] : calls_) {
        if (call.name != name || call.caller != caller) continue;
        const bool busy = call.invite || call.update || call.bye || call.server || call.prack || !call.ok.empty() ||
                          !call.ringing.empty() || call.waiting_ok;
        if (!call.up || call.over || busy) return std::nullopt;
        return Agreed{call.mine, call.theirs, call.refused};
    }
    return std::nullopt;
}

void SimPeer::take(transaction::ClientFailed& failed) {
    if (register_ == failed.client) {
        register_.reset();
        return world_.later(1s, [this] { register_now(nullptr); });
    }
    for (auto& [id, call] : calls_) {
        const bool bye = call.bye == failed.client, invite = call.invite == failed.client;
        if (call.update == failed.client) {
            call.update.reset();
            return hang_up(std::string(id));
        }
        if (!bye && !invite) continue;
        (bye ? call.bye : call.invite).reset();
        const std::string name = id;
        if (invite && call.up) return hang_up(name);
        ++counts.failed;
        return done(name);
    }
}

void SimPeer::live(const std::string& id) {
    if (world_.chance(30)) world_.later(world_.between(10ms, 8s), [=, this] { hold(id); });
    if (world_.chance(5) && somebody) world_.later(world_.between(10ms, 8s), [=, this] { transfer(id); });
    const Call& call = *find(id);
    const std::string name = call.name;
    // Some calls come to rest before they end: then both ends have to agree.
    if (call.caller && world_.chance(40)) {
        world_.later(world_.between(0ms, 20s), [=, this] {
            if (!world_.rests || find(id) == nullptr || !world_.rests(name)) return hang_up(id);
            world_.later(70s, [=, this] {
                if (find(id) != nullptr) world_.compare(name), ++counts.compared;
                hang_up(id);
            });
        });
        return;
    }
    world_.later(world_.between(0ms, call.caller ? Duration(20s) : Duration(100s)), [=, this] { hang_up(id); });
}

void SimPeer::hold(const std::string& id) {
    Call* call = find(id);
    if (call == nullptr || !call->up || call->over || call->bye) return;
    if (call->invite || call->update || !call->ok.empty() || call->waiting_ok) return;
    if (world_.is_resting && world_.is_resting(call->name)) return;
    ++counts.held;
    const bool update = world_.chance(50), offers = update || world_.chance(80);
    TextMessage offer = peer.request(call->dialog, update ? "UPDATE" : "INVITE");
    call->offering.clear();
    if (offers) {
        const unsigned dice = world_.random.below(4);
        call->offering = dice == 0 ? "sendonly" : dice == 1 ? "inactive" : dice == 2 ? "recvonly" : "sendrecv";
        describe(offer, peer.sdp(call->dialog, call->offering));
    }
    const auto client = send(std::move(offer));
    if (Call* c = find(id)) (update ? c->update : c->invite) = client;
    if (!update) give_up_waiting(id, client);
}

void SimPeer::hang_up(const std::string& id) {
    Call* call = find(id);
    if (call == nullptr || call->bye) return;
    call->over = true;
    call->ok.clear();
    const std::string other = call->joined;
    if (call->waiting_ok) {  // it was to talk to somebody who is gone
        const TextMessage ok = *std::exchange(call->waiting_ok, std::nullopt);
        acknowledge(*call, ok, peer.sdp(call->dialog, "inactive"));
    }
    const auto client = send(peer.request(call->dialog, "BYE"));
    if (Call* c = find(id)) c->bye = client;
    if (!other.empty()) part(other);
}

SimPeer::Call* SimPeer::find(const std::string& id) {
    const auto found = calls_.find(id);
    return found == calls_.end() ? nullptr : &found->second;
}

void SimPeer::done(const std::string& id) { calls_.erase(id); }

}  // namespace sallyport::test
