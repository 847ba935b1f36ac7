#include "signaling/b2bua/call_table.h"

#include <algorithm>
#include <set>

namespace sallyport::b2bua {

CallId CallTable::add() {
    const CallId id = calls_.emplace();
    calls_.find(id)->call = std::make_unique<Call>(id);
    return id;
}

void CallTable::leave_session(Entry& entry) {
    if (entry.session == nullptr) return;
    by_session_.erase(by_session_.find(*entry.session));
    entry.session = nullptr;
}

void CallTable::forget(CallId id) {
    leave_session(*calls_.find(id));
    calls_.erase(id);
}

// Runs one event of a call; a call that has ended thereby becomes one of the recent ones.
template <class Event>
bool CallTable::step(CallId id, const Event& event) {
    auto* found = calls_.find(id);
    if (found == nullptr) return false;
    Call& call = *found->call;
    event(call);
    Entry& entry = *calls_.find(id);  // there may be more of them by now
    if (entry.session == nullptr ? !call.media_key().empty() : *entry.session != call.media_key()) {
        leave_session(entry);
        const auto [place, fresh] = by_session_.emplace(call.media_key(), id);
        if (fresh) entry.session = &place->first;
    }
    if (!call.ended()) return true;
    if (recent_limit_ > 0) recent_.push_front(std::move(call).finish());
    if (recent_.size() > recent_limit_) recent_.pop_back();
    forget(id);
    return true;
}

CallId CallTable::begin(CallPlan plan, Context& cx) {
    const CallId id = add();
    step(id, [&](Call& call) { call.start(std::move(plan), cx); });
    return id;
}

bool CallTable::restore(std::string_view checkpoint, config::SnapshotPtr config, Context& cx) {
    const CallId id = add();
    bool restored = false;
    step(id, [&](Call& call) { restored = call.restore(checkpoint, std::move(config), cx); });
    if (!restored) forget(id);
    return restored;
}

bool CallTable::on_request(const transaction::Request& request, Context& cx) {
    const auto place = index_.find_dialog(request.message.call_id(), request.message.to_tag());
    return place && step(place->call, [&](Call& call) { call.on_request(place->side, request, cx); });
}

std::string_view CallTable::pbx_of(const CallIndex::Place& place, const sip::Message& request) const {
    const auto* call = calls_.find(place.call);
    return call == nullptr ? std::string_view() : call->call->pbx_of(place.side, request);
}

std::uint16_t CallTable::refusal_to_replace(const CallIndex::Place& place, const dialog::Replaces& what,
                                            const policy::Party& by, const config::Snapshot& now,
                                            const Context& cx) const {
    const auto* call = calls_.find(place.call);
    return call == nullptr ? 481 : call->call->refusal_to_replace(place.side, what, by, now, cx);
}

std::optional<policy::Verdict> CallTable::replace(const CallIndex::Place& place, const transaction::Request& request,
                                                  const policy::Party& by, const config::Snapshot& now, Context& cx) {
    std::optional<policy::Verdict> refusal;
    step(place.call, [&](Call& call) { refusal = call.replace(place.side, request, by, now, cx); });
    return refusal;
}

bool CallTable::on_cancelled(const transaction::Cancelled& cancelled, Context& cx) {
    return step(index_.find(cancelled.invite), [&](Call& call) { call.on_cancelled(cancelled, cx); });
}

bool CallTable::on_response(const transaction::Response& response, Context& cx) {
    const sip::Message& message = response.message;
    if (message.method() == sip::Method::invite && message.status() / 100 == 2 &&
        acks_.absorb(response.client, message, response.flow, cx))
        return true;
    if (partings_.on_response(response, cx)) return true;
    return step(index_.find(response.client), [&](Call& call) { call.on_response(response, cx); });
}

bool CallTable::on_client_failed(const transaction::ClientFailed& failed, Context& cx) {
    if (partings_.on_client_failed(failed, cx)) return true;
    return step(index_.find(failed.client), [&](Call& call) { call.on_client_failed(failed, cx); });
}

bool CallTable::on_stray_response(const transaction::StrayResponse& stray, Context& cx) {
    const sip::Message& message = stray.message;
    if (message.method() != sip::Method::invite || message.status() / 100 != 2) return false;
    const auto place = index_.find_dialog(message.call_id(), message.from_tag());
    return place && step(place->call, [&](Call& call) { call.on_stray_ok(place->side, stray, cx); });
}

bool CallTable::on_dns(CallId id, const locate::Answer& answer, Context& cx) {
    return step(id, [&](Call& call) { call.on_dns(answer, cx); });
}

bool CallTable::on_media_reply(const MediaReply& reply, Context& cx) {
    return step(reply.call, [&](Call& call) { call.on_media_reply(reply, cx); });
}

bool CallTable::on_media_event(const MediaEvent& event, Context& cx) {
    const auto found = by_session_.find(event.session);
    return found != by_session_.end() &&
           step(CallId(found->second), [&](Call& call) { call.on_media_event(event, cx); });
}

bool CallTable::on_timer(const transaction::TimerKey& key, Context& cx) {
    return step(CallId::from_number(key.object),
                [&](Call& call) { call.on_timer(static_cast<CallTimer>(key.kind), key.extra, cx); });
}

void CallTable::on_flow_closed(const Flow& flow, Context& cx) {
    for (const CallId id : index_.calls_on(flow.connection))
        step(id, [&](Call& call) { call.on_flow_closed(flow, cx); });
}

void CallTable::on_media_up(bool restarted, const std::vector<std::string>& sessions, Context& cx) {
    for (const auto& session : sessions) {
        const auto known = by_session_.find(session);
        const auto* call = known == by_session_.end() ? nullptr : calls_.find(known->second);
        if (call != nullptr && call->call->has_media()) continue;  // a release may have been lost on the way
        MediaCommand release;
        release.verb = MediaVerb::release;
        release.session = session;
        cx.out.emplace_back(std::move(release));
    }
    const std::set<std::string> there(sessions.begin(), sessions.end());
    std::vector<CallId> lost;
    calls_.for_each([&](CallId id, const Entry& entry) {
        const Call& call = *entry.call;
        if (call.has_media() && (restarted || call.media_is_behind() || !there.contains(call.media_key())))
            lost.push_back(id);
    });
    for (const CallId id : lost) step(id, [&](Call& call) { call.on_media_restarted(cx); });
}

void CallTable::release_all(std::string_view why, Context& cx) {
    std::vector<CallId> all;
    all.reserve(calls_.size());
    calls_.for_each([&](CallId id, const Entry&) { all.push_back(id); });
    for (const CallId id : all) step(id, [&](Call& call) { call.on_shutdown(why, cx); });
}

void CallTable::for_each(const std::function<void(const Call&)>& f) const {
    calls_.for_each([&](CallId, const Entry& entry) { f(*entry.call); });
}

}  // namespace sallyport::b2bua
