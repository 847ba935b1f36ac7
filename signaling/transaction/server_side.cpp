#include "signaling/transaction/server_side.h"

#include <array>

#include "signaling/sip/compose.h"
#include "signaling/sip/parser.h"
#include "signaling/transaction/key.h"

namespace sallyport::transaction {
namespace {

// Of those that were answered for good together many are forgotten: to be woken for each would cost more.
constexpr Duration forgotten_together = 100ms;
constexpr TimerKey answered_timer{TimerOwner::server_transaction, 0, 0, 0};  // of no transaction in the table

SharedText share(std::string text) { return std::make_shared<const std::string>(std::move(text)); }

bool is_ongoing(const std::variant<InviteServer, NonInviteServer>& machine) {
    return std::visit([](const auto& m) { return m.is_ongoing(); }, machine);
}

}  // namespace

void ServerSide::receive(const Flow& flow, sip::Message request, bool urgent, TimePoint now, Effects& out) {
    statistics_.requests_received.add();
    forget_answered(now);
    if (request.method() == sip::Method::ack) return receive_ack(flow, std::move(request), now, out);
    if (request.method() == sip::Method::cancel) return receive_cancel(flow, std::move(request), out);
    const Key key = key_of(request);
    if (const auto found = by_key_.find(key); found != by_key_.end()) return receive_again(found->second, now, out);
    if (const auto* answered = answered_.find(key); answered != nullptr) {
        statistics_.retransmissions_received.add();
        statistics_.retransmissions_sent.add();
        out.emplace_back(Transmit{answered->responses, answered->text, {}});
        return;
    }
    const bool reserved = urgent || !request.to_tag().empty();
    if (!has_room_for(request.text().size(), reserved ? Worth::reserved : Worth::ordinary) &&
        !(comes_first_ && comes_first_(flow, request) && has_room_for(request.text().size(), Worth::first))) {
        statistics_.limit_refusals.add();
        const std::string retry_after = std::to_string(1 + random_.below(10));  // spread: they must not return together
        return answer_once(flow, request, 503, stable_tag(key), out, retry_after);
    }
    std::optional<Key> merge;
    if (const std::string text = merge_key(request); !text.empty()) merge = hash_.wide(text);
    if (is_merged(merge)) {
        statistics_.merged_requests.add();
        return answer_once(flow, request, 482, stable_tag(key), out);
    }
    begin(flow, key, merge, std::move(request), now, out);
}

std::optional<NewRequest> ServerSide::admit(std::string_view key, std::string_view merge_key, std::size_t bytes,
                                            TimePoint now) {
    forget_answered(now);
    if (key.empty() || merge_key.empty() || !has_room_for(bytes, Worth::ordinary)) return std::nullopt;
    const NewRequest request{hash_.wide(key), hash_.wide(merge_key)};
    if (knows(request.key) || is_merged(request.merge_key)) return std::nullopt;
    return request;
}

void ServerSide::answer_new(const NewRequest& request, const Flow& flow, const Flow& responses, std::string response,
                            TimePoint now, Effects& out) {
    SALLYPORT_CHECK(!is_reliable(flow.transport));
    const SharedText text = share(std::move(response));
    out.emplace_back(Transmit{responses, text, {}});
    SourceLoad& load = sources_.add(flow.remote.address);
    bytes_ += text->size();
    load.bytes += text->size();
    answered_.add({request.key, request.merge_key, now + values_.t64(), responses, flow.remote.address, &load, text});
    if (forgetting_ == 0) forgetting_ = timers_.start(now + values_.t64(), answered_timer);
}

void ServerSide::forget_answered(TimePoint now) {
    for (; !answered_.empty() && answered_.oldest().until <= now; answered_.pop()) {
        const auto& oldest = answered_.oldest();
        bytes_ -= oldest.text->size();
        oldest.load->bytes -= oldest.text->size();
        sources_.remove(oldest.source);
    }
}

void ServerSide::receive_ack(const Flow& flow, sip::Message ack, TimePoint now, Effects& out) {
    const auto found = by_key_.find(key_of(ack));
    if (found == by_key_.end()) {
        if (ack.to_tag().empty()) {  // belongs to no dialog either
            statistics_.stray_acks.add();
            return;
        }
        out.emplace_back(Request{ServerId{}, flow, std::move(ack)});
        return;
    }
    const ServerId id = found->second;
    auto* machine = std::get_if<InviteServer>(&table_.find(id)->machine);
    if (machine == nullptr) return;
    if (machine->may_be_cancelled()) statistics_.stray_acks.add();  // nothing was answered that it could acknowledge
    Step step;
    machine->on_ack(step);
    if (step.deliver) {
        out.emplace_back(Request{ServerId{}, flow, std::move(ack)});
        step.deliver = false;
    }
    apply(id, step, nullptr, flow, now, out);
}

// CANCEL is hop by hop: answered here, statelessly; a repeated one finds the same INVITE and gets the same answer.
void ServerSide::receive_cancel(const Flow& flow, sip::Message cancel, Effects& out) {
    const auto key = find_cancelled(cancel);
    if (!key) return answer_once(flow, cancel, 481, stable_tag(key_of(cancel)), out);
    if (const auto* answered = answered_.find(*key))
        return answer_once(flow, cancel, 200, tag_for_cancel(*key, answered->text), out);
    const ServerId id = by_key_.at(*key);
    Server& server = *table_.find(id);
    const SharedText last = std::visit([](const auto& m) { return m.last_response(); }, server.machine);
    answer_once(flow, cancel, 200, tag_for_cancel(*key, last), out);
    const auto* invite = std::get_if<InviteServer>(&server.machine);
    if (invite == nullptr || !invite->may_be_cancelled() || server.cancelled) return;
    server.cancelled = true;
    out.emplace_back(Cancelled{id, std::move(cancel)});
}

void ServerSide::receive_again(ServerId id, TimePoint now, Effects& out) {
    statistics_.retransmissions_received.add();
    Server& server = *table_.find(id);
    Step step;
    std::visit([&](auto& m) { m.on_request(step); }, server.machine);
    apply(id, step, nullptr, server.received_on, now, out);
}

void ServerSide::begin(const Flow& flow, const Key& key, const std::optional<Key>& merge_key, sip::Message request,
                       TimePoint now, Effects& out) {
    const bool reliable = is_reliable(flow.transport);
    Machine machine = request.method() == sip::Method::invite ? Machine(InviteServer(values_, reliable))
                                                              : Machine(NonInviteServer(values_, reliable));
    const ServerId id = table_.emplace(Server{key,
                                              merge_key,
                                              std::move(machine),
                                              flow,
                                              response_flow(flow, request.top_via()),
                                              {},
                                              {},
                                              request,
                                              0,
                                              &sources_.add(flow.remote.address),
                                              {},
                                              false});
    Server& server = *table_.find(id);
    by_key_.emplace(key, id);
    if (merge_key) by_merge_key_.insert_or_assign(*merge_key, id);
    if (reliable) server.via = request.first_value(sip::HeaderName::via).value_or("");
    if (reliable) by_connection_.insert({flow.connection, id});
    Step step;
    std::visit([&](auto& m) { m.begin(step); }, table_.find(id)->machine);
    apply(id, step, &request, flow, now, out);
}

// Requests within dialogs keep calls controllable: they, and what is urgent, have an eighth of room that new ones do
// not get, and what comes first has one more.
bool ServerSide::has_room_for(std::size_t bytes, Worth worth) const {
    const auto room = [&](std::size_t limit) { return limit + limit / 8 * static_cast<std::size_t>(worth); };
    return size() < room(limits_.transactions) && bytes_ + bytes <= room(limits_.bytes);
}

bool ServerSide::is_merged(const std::optional<Key>& merge_key) const {
    if (!merge_key) return false;
    if (answered_.has_merge_key(*merge_key)) return true;
    const auto found = by_merge_key_.find(*merge_key);
    return found != by_merge_key_.end() && is_ongoing(table_.find(found->second)->machine);
}

// The INVITE nearly always; RFC 3261 9.2 wants any method found, so that the CANCEL gets its 200.
std::optional<ServerSide::Key> ServerSide::find_cancelled(const sip::Message& cancel) const {
    using sip::Method;
    constexpr std::array methods{Method::invite,    Method::register_, Method::options, Method::bye,
                                 Method::subscribe, Method::notify,    Method::message, Method::refer,
                                 Method::info,      Method::update,    Method::prack,   Method::publish};
    for (const Method method : methods) {
        const Key key = hash_.wide(server_key_as(cancel, sip::to_string(method)));
        if (knows(key)) return key;
    }
    return std::nullopt;
}

// RFC 3261 9.2: the To tag of the CANCEL's answer is that of the INVITE's, if one was given.
std::string ServerSide::tag_for_cancel(const Key& key, const SharedText& last) {
    if (last) {
        const auto parsed = sip::Parser::parse(*last);
        if (parsed.has_value() && !parsed->to_tag().empty()) return std::string(parsed->to_tag());
    }
    return stable_tag(key);
}

// Without state, the same request must get the same tag again (RFC 3261 8.2.7).
// The half of the key that says nothing about where it is in the table.
std::string ServerSide::stable_tag(const Key& key) {
    std::array<std::uint8_t, 8> raw;
    store_be32(raw.data(), static_cast<std::uint32_t>(key.high >> 32));
    store_be32(raw.data() + 4, static_cast<std::uint32_t>(key.high));
    return to_hex(raw);
}

void ServerSide::answer_once(const Flow& flow, const sip::Message& request, std::uint16_t status, std::string_view tag,
                             Effects& out, std::string_view retry_after) {
    auto composer = sip::respond(request, status, tag, &flow.remote);
    if (!retry_after.empty()) composer.add(sip::HeaderName::retry_after, retry_after);
    out.emplace_back(Transmit{response_flow(flow, request.top_via()), share(composer.finish()), {}});
}

void ServerSide::respond(ServerId id, std::uint16_t status, std::string response, TimePoint now, Effects& out) {
    Server* server = table_.find(id);
    if (server == nullptr) return;
    Step step;
    std::visit([&](auto& m) { m.respond(status, share(std::move(response)), step); }, server->machine);
    if (status >= 200) server->request.reset();
    apply(id, step, nullptr, server->received_on, now, out);
}

void ServerSide::respond_once(ServerId id, std::string response, Effects& out) {
    const Server* server = table_.find(id);
    if (server == nullptr) return;
    out.emplace_back(Transmit{server->responses, share(std::move(response)), server->tls_name});
    erase(id);
}

void ServerSide::ignore(ServerId id) {
    if (table_.find(id) != nullptr) erase(id);
}

const sip::Message* ServerSide::request_of(ServerId id) const {
    const Server* server = table_.find(id);
    return server == nullptr || !server->request ? nullptr : &*server->request;
}

// RFC 3261 18.2.2: the answer is still owed; it goes to the source address and the port of sent-by, over a new
// connection.
void ServerSide::flow_closed(const Flow& flow) {
    if (flow.connection == 0) return;
    const auto first = by_connection_.lower_bound({flow.connection, ServerId{}});
    auto last = first;
    for (; last != by_connection_.end() && std::get<0>(*last) == flow.connection; ++last) {
        Server& server = *table_.find(std::get<1>(*last));
        Flow gone = server.received_on;
        gone.connection = 0;
        const auto via = sip::view_via(server.via);
        if (!via.has_value()) continue;
        server.responses = response_flow(gone, *via);
        if (gone.transport == Transport::tls) server.tls_name = sip::own(*via).host;
    }
    by_connection_.erase(first, last);
}

void ServerSide::timer(const TimerKey& key, TimePoint now, Effects& out) {
    if (key == answered_timer) {
        forget_answered(now);
        const bool others = !answered_.empty();
        forgetting_ = others ? timers_.start(answered_.oldest().until + forgotten_together, answered_timer) : 0;
        return;
    }
    const auto id = ServerId::from_number(key.object);
    Server* server = table_.find(id);
    if (server == nullptr) return;
    const auto timer = static_cast<Timer>(key.kind);
    server->timers.fired(timer);
    Step step;
    std::visit([&](auto& m) { m.on_timer(timer, step); }, server->machine);
    apply(id, step, nullptr, server->received_on, now, out);
}

void ServerSide::apply(ServerId id, const Step& step, sip::Message* message, const Flow& arrived_on, TimePoint now,
                       Effects& out) {
    Server& server = *table_.find(id);
    server.timers.apply(step, TimerOwner::server_transaction, id.number(), timers_, now);
    SharedText bytes = step.transmit;
    if (step.make_trying) {
        bytes = share(sip::respond(*server.request, 100, {}, &server.received_on.remote).finish());
        std::get<InviteServer>(server.machine).trying(bytes);
    }
    if (step.repeated && bytes) statistics_.retransmissions_sent.add();
    if (bytes) out.emplace_back(Transmit{server.responses, std::move(bytes), server.tls_name});
    if (step.deliver) out.emplace_back(Request{id, arrived_on, std::move(*message)});
    account(server);
    if (!step.ended) return;
    if (std::holds_alternative<InviteServer>(server.machine)) {
        if (!step.acknowledged) statistics_.timeouts.add();
        out.emplace_back(ServerEnded{id, step.acknowledged});
    }
    erase(id);
}

void ServerSide::account(Server& server) {
    const SharedText last = std::visit([](const auto& m) { return m.last_response(); }, server.machine);
    const std::size_t now_kept = (server.request ? server.request->text().size() : 0) + (last ? last->size() : 0);
    bytes_ += now_kept - server.bytes;
    server.source->bytes += now_kept - server.bytes;
    server.bytes = now_kept;
}

void ServerSide::erase(ServerId id) {
    Server& server = *table_.find(id);
    bytes_ -= server.bytes;
    server.source->bytes -= server.bytes;
    sources_.remove(server.received_on.remote.address);
    server.timers.stop_all(timers_);
    by_key_.erase(server.key);
    if (server.merge_key) {
        const auto merged = by_merge_key_.find(*server.merge_key);
        if (merged != by_merge_key_.end() && merged->second == id) by_merge_key_.erase(merged);
    }
    by_connection_.erase({server.received_on.connection, id});
    table_.erase(id);
}

}  // namespace sallyport::transaction
