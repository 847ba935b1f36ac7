#include "signaling/transaction/client_side.h"

#include <vector>

#include "signaling/sip/compose.h"
#include "signaling/sip/limits.h"
#include "signaling/sip/parser.h"
#include "signaling/transaction/key.h"

namespace sallyport::transaction {
namespace {

SharedText share(std::string text) { return std::make_shared<const std::string>(std::move(text)); }

std::string_view first_via(const sip::Message& message) {
    const auto vias = message.values(sip::HeaderName::via);
    SALLYPORT_CHECK(!vias.empty());
    return vias.front();
}

// ACK for a 3xx-6xx (RFC 3261 17.1.1.3) and CANCEL (9.1) repeat the INVITE's identity and its one Via; only To differs.
sip::Composer follow_up(const sip::Message& invite, std::string_view method, std::string_view to) {
    auto composer = sip::Composer::request(method, invite.request_uri());
    composer.add(sip::HeaderName::via, first_via(invite))
        .add(sip::HeaderName::max_forwards, std::to_string(sip::limits::max_forwards))
        .add(sip::HeaderName::from, invite.first(sip::HeaderName::from).value_or(""))
        .add(sip::HeaderName::to, to)
        .add(sip::HeaderName::call_id, invite.call_id())
        .add(sip::HeaderName::cseq, std::to_string(invite.cseq().number) + " " + std::string(method))
        .copy(invite, sip::HeaderName::route);
    return composer;
}

std::string make_ack(const sip::Message& invite, const sip::Message& response) {
    return follow_up(invite, "ACK", response.first(sip::HeaderName::to).value_or("")).finish();
}

std::string make_cancel(const sip::Message& invite, std::string_view reason) {
    auto composer = follow_up(invite, "CANCEL", invite.first(sip::HeaderName::to).value_or(""));
    if (!reason.empty()) composer.add(sip::HeaderName::reason, reason);
    return composer.finish();
}

// What send() has parsed before cannot fail to parse again.
sip::Message parse_own(const std::string& text) {
    auto parsed = sip::Parser::parse(text);
    SALLYPORT_CHECK(parsed.has_value());
    return std::move(*parsed);
}

// Is a transaction on `ours` hit when `closed` breaks, or could not be opened (0)? One that wanted any connection to
// the peer (0) rides on whichever there was; one on an open connection is not hurt by another that did not come about.
bool rides_on(const Flow& ours, const Flow& closed) {
    return ours.connection == closed.connection || ours.connection == 0;
}

}  // namespace

ClientId ClientSide::send(const Flow& flow, std::string request, std::string tls_name, TimePoint now, Effects& out) {
    return start(flow, std::move(request), std::move(tls_name), false, now, out);
}

ClientId ClientSide::start(const Flow& flow, std::string request, std::string tls_name, bool own, TimePoint now,
                           Effects& out) {
    const auto parsed = sip::Parser::parse(request);
    const bool reliable = is_reliable(flow.transport);
    const bool fits = request.size() <= (reliable ? sip::limits::message_bytes : sip::limits::datagram_bytes);
    const bool usable = fits && parsed.has_value() && parsed->is_request();
    auto bytes = share(std::move(request));
    Machine machine = usable && parsed->method() == sip::Method::invite
                          ? Machine(InviteClient(values_, reliable, std::move(bytes)))
                          : Machine(NonInviteClient(values_, reliable, std::move(bytes)));
    std::string key = usable ? client_key(parsed->top_via().branch, parsed->method_text()) : std::string();
    const ClientId id = table_.emplace(Client{key, std::move(machine), flow, std::move(tls_name), {}, {}, own});
    if (!usable) {
        // What a peer gave to be passed on made the message larger than the transport or any parser takes: it never
        // leaves the house.
        statistics_.transport_failures.add();
        table_.erase(id);
        if (!own) out.emplace_back(ClientFailed{id, Failure::too_large});
        return id;
    }
    by_key_.insert_or_assign(std::move(key), id);
    by_flow_.insert(flow_entry(flow, id));
    Step step;
    std::visit([&](auto& m) { m.begin(step); }, table_.find(id)->machine);
    if (flow.remote.port == 0) {  // nobody is there
        std::visit([&](auto& m) { m.on_transport_failure(step); }, table_.find(id)->machine);
        step.transmit = {};
    }
    apply(id, step, nullptr, flow, now, out);
    return id;
}

void ClientSide::receive(const Flow& flow, sip::Message response, TimePoint now, Effects& out) {
    statistics_.responses_received.add();
    // RFC 3261 8.1.3.3: a second Via is another element's; such a response was sent here in error.
    const bool misrouted = response.values(sip::HeaderName::via).size() > 1;
    const auto found = by_key_.find(client_key(response.top_via().branch, response.method_text()));
    if (misrouted || found == by_key_.end()) {
        statistics_.stray_responses.add();
        if (!misrouted) out.emplace_back(StrayResponse{flow, std::move(response)});
        return;
    }
    const ClientId id = found->second;
    Client& client = *table_.find(id);
    if (client.flow.connection == 0 && flow.connection != 0) {
        // Our connection has got its name: what follows (ACK, CANCEL) goes the same way.
        by_flow_.erase(flow_entry(client.flow, id));
        client.flow.connection = flow.connection;
        client.flow.local = flow.local;
        by_flow_.insert(flow_entry(client.flow, id));
    }
    Step step;
    std::visit([&](auto& m) { m.on_response(response.status(), step); }, client.machine);
    if (!step.deliver && !step.acknowledge) statistics_.retransmissions_received.add();
    apply(id, step, &response, flow, now, out);
}

void ClientSide::cancel(ClientId invite, std::string_view reason_header, TimePoint now, Effects& out) {
    Client* client = table_.find(invite);
    if (client == nullptr) return;
    auto* machine = std::get_if<InviteClient>(&client->machine);
    if (machine == nullptr) return;
    client->cancel_reason = reason_header;
    Step step;
    machine->cancel(step);
    apply(invite, step, nullptr, client->flow, now, out);
}

void ClientSide::flow_closed(const Flow& flow, TimePoint now, Effects& out) {
    std::vector<ClientId> hit;
    for (auto it = by_flow_.lower_bound(flow_entry(flow, ClientId{})); it != by_flow_.end(); ++it) {
        const auto& [realm, transport, remote, id] = *it;
        if (realm != flow.realm || transport != flow.transport || remote != flow.remote) break;
        if (rides_on(table_.find(id)->flow, flow)) hit.push_back(id);
    }
    for (const ClientId id : hit) {
        Client* client = table_.find(id);
        if (client == nullptr) continue;
        if (is_reliable(client->flow.transport)) {
            // What is still to be said (ACK, CANCEL) goes over a new connection, and so may what is still to be heard.
            client->flow.connection = 0;
            client->flow.local = {};
        }
        Step step;
        std::visit([&](auto& m) { m.on_transport_failure(step); }, client->machine);
        apply(id, step, nullptr, flow, now, out);
    }
}

void ClientSide::timer(const TimerKey& key, TimePoint now, Effects& out) {
    const auto id = ClientId::from_number(key.object);
    Client* client = table_.find(id);
    if (client == nullptr) return;
    const auto timer = static_cast<Timer>(key.kind);
    client->timers.fired(timer);
    Step step;
    std::visit([&](auto& m) { m.on_timer(timer, step); }, client->machine);
    apply(id, step, nullptr, client->flow, now, out);
}

// The order matters: what goes on the wire first, then what the user hears, then the end of the transaction.
void ClientSide::apply(ClientId id, const Step& step, sip::Message* response, const Flow& arrived_on, TimePoint now,
                       Effects& out) {
    Client& client = *table_.find(id);
    client.timers.apply(step, TimerOwner::client_transaction, id.number(), timers_, now);
    if (step.transmit) transmit(client, step.transmit, step.repeated, out);
    if (step.acknowledge) {
        const auto invite = parse_own(*std::get<InviteClient>(client.machine).request());
        transmit(client, share(make_ack(invite, *response)), step.repeated, out);
    }
    const bool tell = !client.own;
    if (step.deliver && tell) out.emplace_back(Response{id, arrived_on, std::move(*response)});
    if (step.failure) {
        (*step.failure == Failure::timeout ? statistics_.timeouts : statistics_.transport_failures).add();
        if (tell) out.emplace_back(ClientFailed{id, *step.failure});
    }
    if (step.send_cancel) send_cancel(id, now, out);
    if (step.ended) erase(id);
}

void ClientSide::send_cancel(ClientId id, TimePoint now, Effects& out) {
    const Client& client = *table_.find(id);
    const auto invite = parse_own(*std::get<InviteClient>(client.machine).request());
    // Copies: starting the CANCEL's transaction may move the table.
    const Flow flow = client.flow;
    const std::string tls_name = client.tls_name;
    start(flow, make_cancel(invite, client.cancel_reason), tls_name, true, now, out);
}

void ClientSide::transmit(const Client& client, SharedText bytes, bool repeated, Effects& out) {
    if (repeated) statistics_.retransmissions_sent.add();
    out.emplace_back(Transmit{client.flow, std::move(bytes), client.tls_name});
}

void ClientSide::erase(ClientId id) {
    Client& client = *table_.find(id);
    client.timers.stop_all(timers_);
    const auto found = by_key_.find(client.key);
    if (found != by_key_.end() && found->second == id) by_key_.erase(found);
    by_flow_.erase(flow_entry(client.flow, id));
    table_.erase(id);
}

}  // namespace sallyport::transaction
