#include "tests/simulate/sim_peer.h"

#include <algorithm>
#include <array>

#include "control/base/check.h"
#include "signaling/sip/parser.h"
#include "tests/simulate/user_agent.h"

namespace sallyport::test {
namespace {

constexpr Duration refresh = 10min;

bool says(const TextMessage& message, const std::string& field, const std::string& option) {
    const auto values = message.all(field);
    return std::find(values.begin(), values.end(), option) != values.end();
}

std::string ack_key(const TextMessage& response) {
    return response.first("Call-ID") + " " + std::to_string(response.cseq());
}

}  // namespace

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

void SimPeer::on_first_invite(const transaction::Request& request, const TextMessage& text) {
    Call call;
    call.dialog = peer.dialog_of(text);
    call.server = request.server;
    call.name = text.first("X-Call");
    const std::string id = call.dialog.call_id, tag = call.dialog.local_tag;
    calls_.insert_or_assign(id, std::move(call));
    const auto server = request.server;
    const unsigned dice = world_.random.below(100);
    constexpr std::array refusals{486, 404, 480, 503, 500, 302, 603, 408, 401, 488};
    if (dice < 25) {
        const int status = refusals[world_.random.below(refusals.size())];
        world_.later(world_.between(0ms, 2s), [=, this] {
            Call* c = find(id);
            if (c == nullptr || c->server != server) return;
            ++counts.refused;
            c->server.reset();
            respond(server, text, status, tag);
            done(id);
        });
        return;
    }
    const Duration ring = world_.between(0ms, 1s);
    world_.later(ring, [=, this] {
        Call* c = find(id);
        if (c == nullptr || c->server != server) return;
        const bool early_media = world_.chance(30);
        const bool describes = early_media && !text.body.empty();
        if (says(text, "Supported", "100rel") && world_.chance(60)) return ring_reliably(id, server, text, describes);
        respond(server, text, early_media ? 183 : 180, tag, early_media ? peer.sdp(c->dialog) : "");
    });
    // An edge that has lost its way to us cannot cancel: no telephone rings for ever.
    world_.later(4min, [=, this] {
        Call* c = find(id);
        if (c == nullptr || c->server != server) return;
        c->server.reset();
        respond(server, text, 480, tag);
        done(id);
    });
    if (dice < 35) return;  // nobody picks up: CANCEL or timer C will end it
    world_.later(ring + world_.between(-ring, 5s), [=, this] { answer(id, server, text); });
}

void SimPeer::answer(const std::string& id, transaction::ServerId server, const TextMessage& request) {
    Call* call = find(id);
    if (call == nullptr || call->server != server) return;
    if (!call->ringing.empty())  // RFC 3262 3: not before it has been acknowledged
        return world_.later(200ms, [=, this] { answer(id, server, request); });
    ++counts.answered;
    call->server.reset();
    call->up = true;
    TextMessage ok = peer.response(request, 200, call->dialog.local_tag);
    if (!call->settled) {
        ok.add("Content-Type", "application/sdp");
        ok.body = peer.sdp(call->dialog);
        if (request.body.empty())
            call->offered_late = "sendrecv";
        else
            agree(*call, "sendrecv", request.body);
    }
    call->settled = false;
    call->ok = ok.wire();
    layer_.respond(server, 200, call->ok, world_.now(), effects_);
    repeat_ok(id, server, ++call->ok_number, 500ms, 0ms);
    run();
    live(id);
}

// RFC 3261 13.3.1.4.
void SimPeer::repeat_ok(const std::string& id, transaction::ServerId server, unsigned number, Duration interval,
                        Duration age) {
    world_.later(interval, [=, this] {
        Call* call = find(id);
        if (call == nullptr || call->ok.empty() || call->ok_number != number) return;
        const Duration so_far = age + interval;
        if (so_far >= 32s) {
            call->ok.clear();
            return hang_up(id);
        }
        layer_.respond(server, 200, call->ok, world_.now(), effects_);
        run();
        repeat_ok(id, server, number, std::min<Duration>(2 * interval, 4s), so_far);
    });
}

void SimPeer::ring_reliably(const std::string& id, transaction::ServerId server, const TextMessage& request,
                            bool describes) {
    Call& call = *find(id);
    TextMessage ringing = peer.response(request, describes ? 183 : 180, call.dialog.local_tag);
    ringing.add("Require", "100rel");
    ringing.add("RSeq", std::to_string(1 + world_.random.below(1'000)));
    if (describes) {
        ringing.add("Content-Type", "application/sdp");
        ringing.body = peer.sdp(call.dialog);
        call.settled = true;
        agree(call, "sendrecv", request.body);
    }
    call.ringing = ringing.wire();
    layer_.respond(server, static_cast<std::uint16_t>(ringing.status()), call.ringing, world_.now(), effects_);
    repeat_ringing(id, server, request, 500ms);
    run();
}

// RFC 3262 3: after twice the time each, and for 64*T1.
void SimPeer::repeat_ringing(const std::string& id, transaction::ServerId server, const TextMessage& request,
                             Duration age) {
    world_.later(age, [=, this] {
        Call* call = find(id);
        if (call == nullptr || call->server != server || call->ringing.empty()) return;
        if (age >= 16s) {
            call->server.reset();
            respond(server, request, 500, call->dialog.local_tag);
            return done(id);
        }
        layer_.respond(server, 180, call->ringing, world_.now(), effects_);
        run();
        repeat_ringing(id, server, request, 2 * age);
    });
}

void SimPeer::on_prack(Call& call, const transaction::Request& request, const TextMessage& text) {
    const bool awaited = !call.ringing.empty();
    call.ringing.clear();
    respond(request.server, text, awaited ? 200 : 481, call.dialog.local_tag);
}

// Now and then with another offer, where the answer is there.
void SimPeer::acknowledge_ringing(Call& call, const TextMessage& ringing) {
    const auto number = static_cast<unsigned>(std::stoul(ringing.first("RSeq")));
    if (call.heard_rseq != 0 && number != call.heard_rseq + 1) return;
    call.heard_rseq = number;
    ++counts.pracked;
    TextMessage prack = peer.request(call.dialog, "PRACK");
    prack.add("RAck", std::to_string(number) + " " + std::to_string(call.dialog.invite_cseq) + " INVITE");
    if (!ringing.body.empty() && world_.chance(30)) {
        prack.add("Content-Type", "application/sdp");
        call.offered_in_prack = world_.chance(50) ? "sendonly" : "sendrecv";
        prack.body = peer.sdp(call.dialog, call.offered_in_prack);
    }
    const std::string id = call.dialog.call_id;
    const bool offers = !prack.body.empty();
    const auto client = send(std::move(prack));
    if (Call* c = find(id); c != nullptr && offers) c->prack = client;
}

void SimPeer::on_reinvite(Call& call, const transaction::Request& request, const TextMessage& text) {
    const std::string tag = call.dialog.local_tag;
    if (call.over) return respond(request.server, text, 481, tag);
    if (call.invite || call.update || call.prack) return respond(request.server, text, 491, tag);  // RFC 6337 2.2
    if (call.server || !call.ok.empty()) return respond(request.server, text, 500, tag);
    if (world_.chance(10)) {
        if (!text.body.empty()) call.refused = direction_of(text.body);
        return respond(request.server, text, 488, tag);
    }
    TextMessage ok = peer.response(text, 200, tag);
    ok.add("Content-Type", "application/sdp");
    const std::string mine = text.body.empty() ? "sendrecv" : mirrored(direction_of(text.body));
    ok.body = peer.sdp(call.dialog, mine);
    call.offered_late = text.body.empty() ? mine : std::string();
    if (!text.body.empty()) agree(call, mine, text.body);
    call.ok = ok.wire();
    layer_.respond(request.server, 200, call.ok, world_.now(), effects_);
    repeat_ok(call.dialog.call_id, request.server, ++call.ok_number, 500ms, 0ms);
}

void SimPeer::on_update(Call& call, const transaction::Request& request, const TextMessage& text) {
    const std::string tag = call.dialog.local_tag;
    if (call.over) return respond(request.server, text, 481, tag);
    if (text.body.empty()) return respond(request.server, text, 200, tag);
    if (call.invite || call.update || call.prack) return respond(request.server, text, 491, tag);
    if ((call.server && !call.settled) || !call.ok.empty()) return respond(request.server, text, 500, tag);
    constexpr std::array refusals{488, 405, 504, 500};
    if (world_.chance(20)) {
        call.refused = direction_of(text.body);
        return respond(request.server, text, refusals[world_.random.below(refusals.size())], tag);
    }
    const std::string mine = mirrored(direction_of(text.body));
    agree(call, mine, text.body);
    respond(request.server, text, 200, tag, peer.sdp(call.dialog, mine));
}

void SimPeer::take(transaction::Cancelled& cancelled) {
    for (auto& [id, call] : calls_) {
        if (call.server != cancelled.invite) continue;
        const auto* invite = layer_.request_of(cancelled.invite);
        call.server.reset();
        respond(cancelled.invite, TextMessage::read(invite->text()), 487, call.dialog.local_tag);
        return done(std::string(id));
    }
}

void SimPeer::respond(transaction::ServerId server, const TextMessage& request, int status, const std::string& tag,
                      const std::string& body) {
    TextMessage response = peer.response(request, status, tag);
    if (!body.empty()) {
        response.add("Content-Type", "application/sdp");
        response.body = body;
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

void SimPeer::on_invite_response(Calls::iterator at, const TextMessage& response) {
    if (response.status() < 200) {
        if (at == calls_.end() || response.status() == 100) return;
        peer.learn(at->second.dialog, response);
        // An answer that is acknowledged is the answer; the offer of the INVITE was sendrecv.
        if (says(response, "Require", "100rel") && !response.body.empty() && !at->second.settled &&
            !at->second.offering.empty()) {
            agree(at->second, at->second.offering, response.body);
            at->second.settled = true;
        }
        if (says(response, "Require", "100rel")) acknowledge_ringing(at->second, response);
        return;
    }
    const bool ok = response.status() < 300;
    if (const auto kept = acks_.find(ack_key(response)); ok && kept != acks_.end()) return wire_(*this, kept->second);
    if (at == calls_.end()) return;
    Call& call = at->second;
    const std::string id = at->first;
    if (ok && call.waiting_ok) return;  // again: its ACK waits for somebody
    call.invite.reset();
    if (ok) {
        peer.learn(call.dialog, response);
        accept(call, response);
        const bool was_up = call.up;
        call.up = true;
        if (call.over || call.cancelled) return hang_up(id);
        if (!was_up) live(id);
        return;
    }
    if (!call.joined.empty()) not_joined(call);
    if (!call.up) {
        ++counts.failed;
        return done(id);
    }
    if (response.status() == 481 || response.status() == 408) hang_up(id);
}

// A 2xx to our INVITE: what it means, and its ACK.
void SimPeer::accept(Call& call, const TextMessage& response) {
    const bool settled = std::exchange(call.settled, false);
    if (call.offering.empty() && !response.body.empty()) {  // it offers
        if (!call.joined.empty() && !call.over && !call.cancelled) return join(call, response);
        const std::string mine = mirrored(direction_of(response.body));
        agree(call, mine, response.body);
        return acknowledge(call, response, peer.sdp(call.dialog, mine));
    }
    if (!settled && !response.body.empty()) agree(call, call.offering, response.body);
    acknowledge(call, response);
    if (!call.joined.empty() && call.up) joined(call, response);
}

void SimPeer::agree(Call& call, const std::string& mine, const std::string& their_description) {
    call.mine = mine;
    call.theirs = direction_of(their_description);
    call.refused.clear();
}

void SimPeer::acknowledge(Call& call, const TextMessage& response, const std::string& answer) {
    TextMessage message = peer.request(call.dialog, "ACK");
    message.set("CSeq", std::to_string(response.cseq()) + " ACK");
    if (!answer.empty()) {
        message.add("Content-Type", "application/sdp");
        message.body = answer;
    }
    const std::string ack = message.wire();
    acks_.emplace(ack_key(response), ack);
    wire_(*this, ack);
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

void SimPeer::call(const std::string& uri) {
    if (quiet) return;
    ++counts.placed;
    Call call;
    call.caller = true;
    call.dialog = peer.new_dialog("<sip:" + number_ + "@" + domain_ + ";user=phone>", "<" + uri + ">", uri);
    call.name = call.dialog.call_id;
    TextMessage invite = peer.request(call.dialog, "INVITE");
    invite.add("X-Call", call.name);
    if (world_.chance(85)) {
        invite.add("Content-Type", "application/sdp");
        invite.body = peer.sdp(call.dialog);
        call.offering = "sendrecv";
    }
    if (world_.chance(50)) invite.add(world_.chance(20) ? "Require" : "Supported", "100rel");
    const std::string id = call.dialog.call_id;
    calls_.emplace(id, std::move(call));
    const auto client = send(std::move(invite));
    if (Call* c = find(id)) c->invite = client;
    give_up_waiting(id, client);
    if (!world_.chance(20)) return;
    world_.later(world_.between(0ms, 4s), [=, this] {
        Call* c = find(id);
        if (c == nullptr || c->up || c->invite != client) return;
        ++counts.cancelled;
        c->cancelled = true;
        layer_.cancel(client, {}, world_.now(), effects_);
        run();
    });
}

// Timer C: an edge that has lost its way to us cannot answer what it has begun to handle.
void SimPeer::give_up_waiting(const std::string& id, transaction::ClientId invite) {
    world_.later(4min, [=, this] {
        const Call* c = find(id);
        if (c == nullptr || c->invite != invite) return;
        layer_.cancel(invite, {}, world_.now(), effects_);
        run();
    });
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
        offer.add("Content-Type", "application/sdp");
        offer.body = peer.sdp(call->dialog, call->offering);
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
