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

SimPeer::Counts& SimPeer::Counts::operator+=(const Counts& other) {
    forked += other.forked;
    twice += other.twice;
    joined += other.joined;
    transferred += other.transferred;
    redirected += other.redirected;
    replaced += other.replaced;
    early_offers += other.early_offers;
    renewed += other.renewed;
    left_early += other.left_early;
    deaf += other.deaf;
    return *this;
}

void SimPeer::receive(std::string_view bytes) {
    auto message = sip::Parser::parse(bytes);
    SALLYPORT_CHECK(message.has_value());
    if (is_deaf_to(*message)) return;
    layer_.receive(to_edge_, std::move(*message), world_.now(), effects_);
    run();
}

// Now and then there is somebody whom nothing reaches: the edge has to find that out (RFC 3261 17.1.1.2, timer B).
bool SimPeer::is_deaf_to(const sip::Message& message) {
    if (!message.is_request() || message.method() != sip::Method::invite || !message.to_tag().empty()) return false;
    const auto [known, is_new] = deaf_.try_emplace(std::string(message.values(sip::HeaderName::via).front()), false);
    if (is_new && !quiet && world_.chance(2)) known->second = true, ++counts.deaf;
    return known->second;
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
    Call* call = find(key_of(text, false));
    if (call != nullptr && enter(*call, tag_of(text.first("From")))) listen(*call, text);
    const auto method = request.message.method();
    if (method == sip::Method::ack) {
        // RFC 3261 13.2.2.4: it has the number of its INVITE; that of an earlier one may come again.
        if (call == nullptr || call->ok.empty() || TextMessage::read(call->ok).cseq() != text.cseq()) return;
        if (!call->offered_late.empty()) agree(*call, call->offered_late, text.body, false);
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
    if (!call->bye && !call->server) done(std::string(call->id));
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
    const auto at = calls_.find(key_of(text, true));
    if (text.method() == "INVITE") return on_invite_response(at, text);
    if (at == calls_.end()) return;
    Call& call = at->second;
    if (text.method() != "BYE" && enter(call, tag_of(text.first("To")))) listen(call, text);
    if (call.prack == response.client && text.status() >= 200) {
        call.prack.reset();
        if (text.status() < 300 && !text.body.empty()) agree(call, call.offered_in_prack, text.body, false);
        return;
    }
    if (call.update == response.client && text.status() >= 200) {
        call.update.reset();
        if (text.status() < 300 && !text.body.empty()) agree(call, call.offered_in_update, text.body, false);
        if (call.up && (text.status() == 481 || text.status() == 408)) hang_up(std::string(at->first));
        return;
    }
    if (call.bye != response.client || text.status() < 200) return;
    call.bye.reset();
    if (text.status() == 481 && call.invite && !call.up) {  // only that early dialog was over
        call.cancelled = true;
        layer_.cancel(*call.invite, {}, world_.now(), effects_);
        return;
    }
    done(std::string(at->first));
}

// Where the callee has forked each of its calls has a tag of its own.
std::string SimPeer::key_of(const TextMessage& message, bool ours) {
    const std::string id = message.first("Call-ID");
    const std::string forked = id + ";" + tag_of(message.first(ours ? "From" : "To"));
    return calls_.contains(forked) ? forked : id;
}

bool SimPeer::enter(Call& call, const std::string& tag) {
    if (!call.begun || tag.empty() || tag == call.dialog.remote_tag) return true;
    if (call.up) return false;  // as a PRACK's answer that was lost and is said again (RFC 3264 8: one o= a dialog)
    if (call.dialog.remote_tag.empty()) {
        call.dialog.remote_tag = tag;
        return true;
    }
    const unsigned cseq = call.dialog.cseq;
    call.forks.insert_or_assign(call.dialog.remote_tag, static_cast<const Talk&>(call));
    const auto known = call.forks.find(tag);
    static_cast<Talk&>(call) = known != call.forks.end() ? known->second : *call.begun;
    call.dialog.remote_tag = tag;
    call.dialog.cseq = std::max(cseq, call.dialog.cseq);
    return true;
}

void SimPeer::listen(Call& call, const TextMessage& message) {
    if (message.body.find("m=audio ") == std::string::npos) return;
    const auto wrong = call.told.hear(Session::read(message.body));
    if (!wrong.empty()) world_.complain("call " + call.name + ", " + peer.id.name + ": " + wrong);
}

void SimPeer::agree(Call& call, const std::string& mine, const std::string& theirs, bool mine_answers) {
    call.agreement = {Session::read(mine), Session::read(theirs), mine_answers};
    call.refused.clear();
    if (mine_answers || call.agreement.theirs.port == 0) return;  // refused: as it was offered
    for (const auto& [type, name] : call.agreement.theirs.codecs)
        if (call.agreement.mine.type_of(name) != type)
            world_.complain("call " + call.name + ", " + peer.id.name + ": an answer that was not offered:\n" + mine +
                            "\n" + theirs);
}

std::string SimPeer::answer_to(Call& call, const std::string& offer, const std::string& direction) {
    return call.media.answer(direction.empty() ? mirrored(direction_of(offer)) : direction, Session::read(offer),
                             world_.chance(30));
}

std::string SimPeer::offer_in(Call& call, const std::string& direction) {
    if (call.up) call.media.change_mind(world_.random);
    const bool held = direction == "sendonly" || direction == "inactive";
    return call.media.offer(direction, held && world_.chance(10));  // the hold of RFC 2543
}

std::optional<SimPeer::Agreed> SimPeer::agreed(const std::string& name, bool caller) const {
    for (const auto& [id, call] : calls_) {
        if (call.name != name || call.caller != caller || !call.up || call.over) continue;
        const bool busy = call.invite || call.update || call.bye || call.server || call.prack || !call.ok.empty() ||
                          !call.ringing.empty() || call.waiting_ok;
        if (busy) return std::nullopt;
        return Agreed{call.agreement, call.refused, call.told.has_gap()};
    }
    return std::nullopt;
}

bool SimPeer::is_free(const Call& call) const {
    const bool busy = call.invite || call.update || call.prack || call.server || !call.ok.empty() || call.waiting_ok;
    return call.up && !call.over && !call.bye && !busy && !(world_.is_resting && world_.is_resting(call.name));
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
            return call.up ? hang_up(std::string(id)) : void();
        }
        if (call.prack == failed.client) call.prack.reset();
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
    if (world_.chance(5) && somebody) world_.later(world_.between(10ms, 8s), [=, this] { consult(id); });
    if (world_.chance(5) && somebody) world_.later(world_.between(10ms, 8s), [=, this] { replace(id); });
    const Call& call = *find(id);
    const std::string name = call.name;
    if (!call.consults.empty()) world_.later(world_.between(10ms, 5s), [=, this] { join_consulted(id); });
    // Some calls come to rest before they end: then both ends have to agree.
    if (call.caller && world_.chance(40)) {
        world_.later(world_.between(0ms, 20s), [=, this] {
            if (!world_.rests || find(id) == nullptr || !world_.rests(name)) return hang_up(id);
            rest(id, 70s, 3);
        });
        return;
    }
    world_.later(world_.between(0ms, call.caller ? Duration(20s) : Duration(100s)), [=, this] { hang_up(id); });
}

void SimPeer::rest(const std::string& id, Duration after, unsigned tries) {
    world_.later(after, [=, this] {
        const Call* call = find(id);
        if (call != nullptr && !world_.compare(call->name, tries == 1)) return rest(id, 15s, tries - 1);
        if (call != nullptr) ++counts.compared;
        hang_up(id);
    });
}

void SimPeer::hold(const std::string& id) {
    Call* call = find(id);
    if (call == nullptr || !is_free(*call)) return;
    ++counts.held;
    const bool update = world_.chance(50), offers = update || world_.chance(80);
    TextMessage request = peer.request(call->dialog, update ? "UPDATE" : "INVITE");
    std::string offer;
    if (offers) {
        const unsigned dice = world_.random.below(4);
        offer = offer_in(*call, dice == 0 ? "sendonly" : dice == 1 ? "inactive" : dice == 2 ? "recvonly" : "sendrecv");
        describe(request, offer);
    }
    (update ? call->offered_in_update : call->offering) = offer;
    const auto client = send(std::move(request));
    if (Call* c = find(id)) (update ? c->update : c->invite) = client;
    if (update) return;
    give_up_waiting(id, client);
    if (!world_.chance(10)) return;
    world_.later(world_.between(0ms, 300ms), [=, this] {
        const Call* c = find(id);
        if (c == nullptr || c->invite != client) return;
        ++counts.taken_back;
        layer_.cancel(client, {}, world_.now(), effects_);
        run();
    });
}

void SimPeer::hang_up(const std::string& id) {
    Call* call = find(id);
    if (call == nullptr || call->bye) return;
    call->over = true;
    call->ok.clear();
    const std::string other = call->joined;
    if (call->waiting_ok) {  // it was to talk to somebody who is gone
        const TextMessage ok = *std::exchange(call->waiting_ok, std::nullopt);
        acknowledge(*call, ok, answer_to(*call, ok.body, "inactive"));
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
