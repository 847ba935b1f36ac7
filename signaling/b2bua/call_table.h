// Every call of a shard: who owns it, which message belongs to it, and the last ones that are over. Carries events to
// calls and takes them away when they have ended; decides nothing about them.
#pragma once

#include <cstddef>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "control/base/id.h"
#include "signaling/b2bua/ack_keeper.h"
#include "signaling/b2bua/call.h"
#include "signaling/b2bua/call_index.h"
#include "signaling/b2bua/parting_requests.h"

namespace sallyport::b2bua {

class CallTable {
public:
    CallTable(std::size_t recent, ConnectionUses& connections) : index_(connections), recent_limit_(recent) {}

    CallId begin(CallPlan plan, Context& cx);
    bool restore(std::string_view checkpoint, config::SnapshotPtr config, Context& cx);
    // Each is true if there was a call it belonged to.
    bool on_request(const transaction::Request& request, Context& cx);
    // RFC 3891, see Call.
    std::uint16_t refusal_to_replace(const CallIndex::Place& place, const dialog::Replaces& what,
                                     const policy::Party& by, const config::Snapshot& now, const Context& cx) const;
    std::optional<policy::Verdict> replace(const CallIndex::Place& place, const transaction::Request& request,
                                           const policy::Party& by, const config::Snapshot& now, Context& cx);
    bool on_cancelled(const transaction::Cancelled& cancelled, Context& cx);
    bool on_response(const transaction::Response& response, Context& cx);
    bool on_client_failed(const transaction::ClientFailed& failed, Context& cx);
    bool on_stray_response(const transaction::StrayResponse& stray, Context& cx);
    bool on_dns(CallId call, const locate::Answer& answer, Context& cx);
    bool on_media_reply(const MediaReply& reply, Context& cx);
    bool on_media_event(const MediaEvent& event, Context& cx);
    bool on_timer(const transaction::TimerKey& key, Context& cx);
    void on_flow_closed(const Flow& flow, Context& cx);
    // The media plane lives again: its sessions are gone if it restarted; those it has and we do not are released.
    void on_media_up(bool restarted, const std::vector<std::string>& sessions, Context& cx);

    // Every call that is not over yet is ended, from both ends.
    void release_all(std::string_view why, Context& cx);

    // See Call.
    std::string_view pbx_of(const CallIndex::Place& place, const sip::Message& request) const;

    CallIndex& index() { return index_; }
    AckKeeper& acks() { return acks_; }
    PartingRequests& partings() { return partings_; }
    std::size_t size() const { return calls_.size(); }
    void for_each(const std::function<void(const Call&)>& f) const;
    const std::deque<FinishedCall>& recent() const { return recent_; }  // newest first

private:
    struct Entry {
        std::unique_ptr<Call> call;
        const std::string* session = nullptr;  // its key in by_session_, where it has one
    };
    CallId add();
    void forget(CallId id);
    void leave_session(Entry& entry);
    template <class Event>
    bool step(CallId id, const Event& event);

    SlotTable<struct CallTag, Entry> calls_;
    std::unordered_map<std::string, CallId> by_session_;  // media session key
    CallIndex index_;
    AckKeeper acks_;
    PartingRequests partings_;
    std::deque<FinishedCall> recent_;
    std::size_t recent_limit_;
};

}  // namespace sallyport::b2bua
