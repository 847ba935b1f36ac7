// One call: two independent legs, one media session, one offer/answer at a time between them (RFC 3261 as UAS and UAC
// at once, RFC 7092). The facade of what setup, answer, reinvite and release do. A plain value; lives in a CallTable.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "control/base/boxed.h"
#include "control/config/snapshot.h"
#include "signaling/b2bua/call_index.h"
#include "signaling/b2bua/context.h"
#include "signaling/b2bua/end.h"
#include "signaling/b2bua/exchange.h"
#include "signaling/b2bua/finished_call.h"
#include "signaling/b2bua/fork.h"
#include "signaling/b2bua/headers.h"
#include "signaling/b2bua/history.h"
#include "signaling/b2bua/identity.h"
#include "signaling/b2bua/leg.h"
#include "signaling/b2bua/media_session.h"
#include "signaling/b2bua/next_hop.h"
#include "signaling/b2bua/session_id.h"
#include "signaling/b2bua/targets.h"
#include "signaling/dialog/reliable.h"
#include "signaling/dialog/replaces.h"
#include "signaling/policy/engine.h"
#include "signaling/policy/identify.h"
#include "signaling/policy/verdict.h"

namespace sallyport::b2bua {

enum class Phase : std::uint8_t {
    routing,    // a hop or the media ports are awaited
    calling,    // leg B has the INVITE
    answered,   // the caller has its 2xx, or is about to get it
    releasing,  // over for both parties; last answers and the media's statistics are awaited
    ended,
};
std::string_view to_string(Phase phase);

struct CallPlan {                // an INVITE and what policy says about it
    config::SnapshotPtr config;  // the call keeps the one it started with
    policy::Verdict verdict;
    transaction::Request request;
};

class Call {
public:
    explicit Call(CallId id) : id_(id) {}

    void start(CallPlan plan, Context& cx);
    // False: the text is no checkpoint, and this is no call.
    bool restore(std::string_view checkpoint, config::SnapshotPtr config, Context& cx);

    void on_request(Side side, const transaction::Request& request, Context& cx);  // within a dialog, ACK too
    // Whether `by` may take the place of who is at that side (RFC 3891), as is provisioned `now`: 0, or the status that
    // says why not.
    std::uint16_t refusal_to_replace(Side side, const dialog::Replaces& what, const policy::Party& by,
                                     const config::Snapshot& now, const Context& cx) const;
    // The verdict that there is no room for it: then nothing has happened.
    std::optional<policy::Verdict> replace(Side side, const transaction::Request& request, const policy::Party& by,
                                           const config::Snapshot& now, Context& cx);
    // The trunk whose PBX a request of that side is from, if it is from where it says; empty: the core's.
    std::string_view pbx_of(Side side, const sip::Message& request) const;
    void on_cancelled(const transaction::Cancelled& cancelled, Context& cx);
    void on_response(const transaction::Response& response, Context& cx);
    void on_client_failed(const transaction::ClientFailed& failed, Context& cx);
    void on_stray_ok(Side side, const transaction::StrayResponse& stray, Context& cx);
    void on_dns(const locate::Answer& answer, Context& cx);
    void on_media_reply(const MediaReply& reply, Context& cx);
    void on_media_event(const MediaEvent& event, Context& cx);
    void on_media_restarted(Context& cx);
    void on_flow_closed(const Flow& flow, Context& cx);
    void on_timer(CallTimer timer, std::uint64_t extra, Context& cx);
    void on_shutdown(std::string_view why, Context& cx);

    bool ended() const { return phase_ == Phase::ended; }
    Phase phase() const { return phase_; }
    const std::string& name() const { return record_.id; }
    const CallRecord& record() const { return record_; }
    const std::string& media_key() const { return media_.key(); }
    bool has_media() const { return media_.exists(); }
    bool media_is_behind() const { return media_.is_behind(); }
    const policy::Admitted& admitted() const { return admitted_; }
    bool is_pbx(Side side) const { return end(side).kind == policy::PartyKind::trunk; }
    const std::string& end_id(Side side) const { return end(side).id; }  // of the trunk or carrier there
    std::string ladder() const { return draw_ladder(record_, ladder_, columns()); }
    FinishedCall finish() &&;        // after ended(): what is left of it
    std::string checkpoint() const;  // the confirmed call as text (checkpoint.cpp); holds keys: never logged

private:
    // A place that a callee has named in place of itself, not tried yet.
    struct NamedTarget {
        Forward forward;  // without `to`
        sip::Uri uri;
    };
    struct ToldIdentity {
        std::string whom;  // who is at leg B
        Identity identity;
    };
    // Who is at one side and is to leave it for somebody else.
    struct Replacing {
        Side side = Side::a;
        bool pending = true;  // the other party is asked still; else its BYE is on its way
        Leg leg;
        End end;
        SessionId session;
        std::optional<policy::Admitted> admitted;  // as it was: until then the call holds the places of both
        policy::Holding after;                     // what it holds when that one has gone
    };

    // call.cpp: what the others share
    Leg& leg(Side side) { return legs_[static_cast<std::size_t>(side)]; }
    const Leg& leg(Side side) const { return legs_[static_cast<std::size_t>(side)]; }
    End& end(Side side) { return ends_[static_cast<std::size_t>(side)]; }
    const End& end(Side side) const { return ends_[static_cast<std::size_t>(side)]; }
    const config::Trunk& trunk() const { return trunk_of(admitted_.trunk); }  // whose call it is
    const config::Trunk& trunk_of(std::string_view id) const;
    const config::Carrier& carrier_of(std::string_view id) const;
    // Of the one PBX of the call and the core behind the other leg.
    Parties parties() const;
    TrunkPair trunks(Side from) const;  // of a call between two PBXs
    const Identity& identity_on_b(std::string_view core_host);
    std::array<std::string, 2> columns() const;  // of its ladder
    Sender caller() const { return caller_hidden_ ? Sender::hidden : Sender::known; }
    // What `heard`, a message of the other side, says to `side` beside what this node says itself.
    Sender carry_over(const sip::Message& heard, Side side, sip::Composer& to) const;
    void hear_allow(Side side, const sip::Message& message);
    void start_timer(CallTimer timer, Duration after, Context& cx);
    void stop_timer(CallTimer timer, Context& cx);
    std::string respond(Side side, std::uint16_t status, sip::Composer composer, std::string_view body, Context& cx);
    bool forget_lost_update(Side side, Context& cx);
    void refuse_invite(Side side, std::uint16_t status, std::uint16_t q850, Context& cx, bool retry_after = false);
    void refuse_request(const transaction::Request& request, std::uint16_t status, Context& cx,
                        std::string_view retry_after = {});
    sip::Composer response_to_invite(Side side, std::uint16_t status, Context& cx) const;
    void log(Severity severity, std::string event, std::string text, Context& cx) const;
    void keep(Context& cx) const;  // beyond this process
    void command(MediaCommand command, Context& cx);
    void on_request_early(const transaction::Request& request, Context& cx);

    // way.cpp: where requests within a dialog go
    NextHop hop_to(Side side, Context& cx);
    NextHop hop_to(Leg& l, const End& who, Context& cx) const;
    NextHop hop_to(Fork& fork, Context& cx) const;
    NextHop known_hop(dialog::Dialog& dialog, RealmIndex realm, const End& who, const NamedPeer* named,
                      Context& cx) const;
    StreamUse stream_use_of(const End& who, bool named_udp) const;
    std::optional<Flow> flow_registered_since(const End& who, Context& cx) const;
    bool has_lost_flow(const Flow& flow, const End& who, Context& cx) const;
    void move_flow(Side side, const Flow& flow, Context& cx);
    void seek_peer(Leg& l, Context& cx) const;
    void ask(const NamedPeer::Questions& questions, Context& cx) const;
    static bool go_over_stream(NextHop& hop, std::size_t bytes, const Context& cx);
    static void note_large(Leg& l, const NextHop& hop, transaction::ClientId client);
    static StreamUse refused_stream(Leg& l, const transaction::ClientFailed& failed, Context& cx);

    // elsewhere.cpp: a request within a dialog, and the further places that its peer has
    transaction::ClientId send_placed(Leg& l, const NextHop& hop, std::string text, Context& cx) const;
    transaction::ClientId send_placed(Fork& fork, const NextHop& hop, std::string text, Context& cx) const;
    bool go_elsewhere(transaction::ClientId failed, Context& cx);
    bool go_elsewhere(Leg& l, Side side, const End& who, transaction::ClientId failed, Context& cx);
    bool go_elsewhere(Fork& fork, transaction::ClientId failed, Context& cx);
    void forget_placed(const transaction::Response& answer, Context& cx);
    void tell_elsewhere(Side side, const NextHop& hop, const std::string& text, Context& cx);
    bool has_gone_elsewhere(Side side, const transaction::StrayResponse& ok, Context& cx);

    // setup.cpp: from the INVITE to leg B's INVITE
    void begin_leg_a(const transaction::Request& request, Context& cx);
    void reject(const policy::Reject& why, std::string_view text, Context& cx);
    bool hear_first_offer(Context& cx);
    void allocate_media(const Targets::Outlook& outlook, Context& cx);
    MediaSession::Place media_place(Side side, RealmIndex realm, Family family, Context& cx) const;
    void set_ends();
    void try_calling(Context& cx);
    void send_invite(Context& cx);
    bool move_to_stream(std::size_t bytes, Context& cx);
    void move_to_datagrams(Context& cx);
    void add_fields_across(bool adding, sip::Composer& to) const;
    bool has_header_rules() const;
    const config::HeaderRules& header_rules(Side side) const;
    sip::Composer compose_invite(const Hop& hop, std::string_view branch, bool adding, Context& cx);
    MediaProfile profile_of(Side side, const Flow& flow, const Context& cx) const;
    const config::MediaPolicy& media_policy(Side side) const;

    // attempt.cpp: one target after the other
    Targets find_targets(Context& cx) const;
    bool overflow(Context& cx);
    bool overflow_to_number(Context& cx);
    bool despite_health();
    Targets::Surroundings around(Context& cx) const;
    void take_hop(Targets::Step step, Context& cx);
    void forget_forks(Context& cx);
    void forget_past_forks(Context& cx);
    void forget_dialog_of(const std::string& caller_tag, Context& cx) const;
    void settle_forks(Context& cx);
    void on_attempt_failed(transaction::Failure failure, Context& cx);
    void fail_over(std::uint16_t status, Context& cx, std::uint16_t q850 = 0);
    void seek_hop(Context& cx);
    bool reroutes(std::uint16_t status, std::uint16_t q850) const;

    // forwarding.cpp: a callee that names others in place of itself
    bool follow(const sip::Message& redirection, Context& cx);
    bool go_on_forwarding(std::uint16_t status, Context& cx);
    bool admit_forward(NamedTarget next, Context& cx);
    void begin_leg_b_anew(Context& cx);
    HistoryView history_view(std::string_view core_host) const;

    // early_dialog.cpp: what callees say before one of them answers
    void on_provisional(const transaction::Response& response, Context& cx);
    Fork* fork_of(std::string_view remote_tag, Context& cx);
    bool open_early_media(Fork& fork, const sip::Message& heard, Context& cx);

    // answer.cpp: what the callee says to an INVITE in the end
    void on_failure(const transaction::Response& response, Context& cx);
    void obey_retry_after(const sip::Message& unavailable, Context& cx);
    void on_ok(Side side, const transaction::Response& response, Context& cx);
    SentInvite establish(Side side, const transaction::Response& response, Context& cx);
    void carry_answer(Side side, const sip::Message& ok, Context& cx);
    void carry_late_offer(Side side, const sip::Message& ok, Context& cx);
    void fail_exchange(std::uint16_t status, std::string_view why, Context& cx);
    void refuse_ok(Side side, const transaction::Response& response, Context& cx);
    void acknowledge(Side side, const SentInvite& invite, std::uint32_t cseq, std::string_view body, Context& cx);
    void send_ok(Context& cx);
    void on_ack(Side side, const sip::Message& ack, Context& cx);
    void carry_late_answer(Side side, const sip::Message& ack, Context& cx);
    void repeat_ok(Side side, Context& cx);
    void on_no_ack(Side side, Context& cx);
    void stop_repeating(Side side, Context& cx);
    sip::Composer go_ahead(Side side, std::uint16_t status, Context& cx) const;
    sip::Composer accept_invite(Side side, std::uint16_t status, const sip::Message& heard, Context& cx) const;
    void offer_late(Context& cx);
    void confirm(Context& cx);  // the offer is answered: what changed is kept
    void bring_in_step(Context& cx);
    void on_key_ends(const MediaEvent& event, const std::string& place, Context& cx);

    // reliable.cpp: 18x that are acknowledged, on each leg for itself
    bool takes_reliable(Side side) const;
    dialog::Reliability caller_reliability() const;
    bool offers_reliable() const;
    bool take_reliable(Fork& fork, const transaction::Response& response, Context& cx);
    void acknowledge_provisional(Fork& fork, Prack prack, Context& cx);
    bool on_prack_answer(transaction::ClientId client, const sip::Message* answer, bool unsent, Context& cx);
    void carry_early_offer(Fork& fork, const transaction::Response& response, Context& cx);
    bool carry_early_answer(Fork& fork, std::string_view description, Context& cx);
    void progress(Fork& fork, const sip::Message& heard, std::string body, Context& cx);
    void say_provisional(Fork& fork, Context& cx);
    void repeat_provisional(std::size_t fork, Context& cx);
    void stop_provisionals(Context& cx);
    bool awaits_settlement() const;
    void on_prack(Side side, const transaction::Request& request, Context& cx);
    bool is_past(std::string_view caller_tag, const sip::RAck& rack) const;
    bool is_passed_over(const Fork& fork) const;
    void hold_ok(Context& cx);
    Fork* fork_towards_caller(std::string_view caller_tag);
    Fork* fork_towards_callee(std::string_view remote_tag);  // fork_of() makes one that is missing

    // early_offer.cpp: offers between the answer in an 18x and the 2xx
    bool is_settled(const Fork& fork, const sip::Message& offer) const;
    bool begin_early_exchange(Side side, Fork* fork, const transaction::Request& request, Context& cx);
    bool answer_here(Fork& fork, const transaction::Request& prack, Context& cx);
    void give_up_early_exchange(Context& cx);
    void leave_early_offer(Fork& fork, Context& cx);
    void answer_early(const sip::Message& request, const EarlyExchange& exchange, std::uint16_t status,
                      std::string_view body, Context& cx);
    dialog::Dialog& early_dialog(Side side, Fork& fork);
    bool on_early_answer(transaction::ClientId update, const sip::Message* answer, Context& cx);
    void end_early_exchange(std::uint16_t status, std::string_view body, Context& cx);

    // media_steps.cpp: what the media plane says
    void program(const SdpBridge& bridge, bool wait, Context& cx);
    void program(std::vector<MediaLeg> legs, bool wait, Context& cx);
    void end_early_media(Context& cx);
    std::vector<MediaLeg> silent_callee() const;
    const SdpBridge& agreed_bridge() const;
    void on_ports(bool ok, Context& cx);
    void on_programmed(bool ok, Context& cx);
    void on_confirmation(bool ok, Context& cx);
    void on_restore_failed(Context& cx);
    void on_media_silent(Context& cx);  // an awaited reply did not come

    // reinvite.cpp: later INVITEs and UPDATEs, either way
    void on_offer(Side side, const transaction::Request& request, Context& cx);
    void on_update(Side side, const transaction::Request& request, Context& cx);
    bool asks_too_little(Side side, const transaction::Request& request, Context& cx);
    bool takes_media(std::string_view offer, Context& cx);
    bool takes_late_media(const sip::Message& offering, Context& cx);
    void give_back_media(std::uint32_t kbps, Context& cx);
    void begin_exchange(Side side, const transaction::Request& request, Context& cx);
    void relay_offer(Context& cx);
    void on_reinvite_failure(Side side, const transaction::Response& response, Context& cx);
    void end_exchange(std::uint16_t status, Context& cx);
    void pause_after_glare(Side side, Duration at_least, Context& cx);
    void on_no_answer(Context& cx);  // to the first INVITE or a later one
    void take_back(Side side, const transaction::Response& response, Context& cx);  // taken, but cancelled meanwhile
    void offer_again(Side to, bool new_keys, Context& cx);

    // renewal.cpp: the session timers, one for each leg
    dialog::SessionTimerPolicy session_policy(Side side) const;
    void run_session_timer(Side side, Duration after, Context& cx);
    void run_session_timer(Side side, Context& cx);
    void resume_session_timer(Side side, Context& cx);
    void stop_session_timer(Side side, Context& cx);
    void on_session_due(Side side, Context& cx);
    void renew_session(Side side, Context& cx);
    void take_renewal(Side side, const sip::Message& ok, Context& cx);
    void on_renewal_answer(Side side, const sip::Message& response, Context& cx);
    void on_renewal_failed(Side side, bool timeout, Context& cx);
    void renew_again_later(Side side, Context& cx);

    // replacement.cpp: somebody else in a party's place
    bool takes_replaces(Side side) const;
    bool is_kin(Side side, const policy::Party& party, const config::Snapshot& config) const;
    policy::Takeover take_place(Side side, const transaction::Request& request, const policy::Party& by,
                                const config::Snapshot& now, Context& cx) const;
    void ask_for_place(Side side, const transaction::Request& request, const Leg& before, Context& cx);
    void keep_place(Context& cx);
    void give_up_place(Context& cx);
    void complete_replacement(Context& cx);
    void undo_replacement(const SdpBridge& before, Context& cx);
    void forget_leg(const Leg& l, Context& cx) const;
    void leave_replaced(const std::string& reason, Context& cx);
    void forget_replaced(Context& cx);
    bool is_of_replaced(Side side, const sip::Message& request) const;
    bool on_request_of_replaced(Side side, const transaction::Request& request, Context& cx);
    bool on_answer_of_replaced(transaction::ClientId client, Context& cx);
    const Leg& agreed_leg(Side side) const { return is_replacing(side) ? replaced_->leg : leg(side); }
    const End& agreed_end(Side side) const { return is_replacing(side) ? replaced_->end : end(side); }
    bool is_replacing(Side side) const { return replaced_ && replaced_->pending && replaced_->side == side; }
    void adopt(const Leg& l, Context& cx) const;
    void leave_adopted(const Leg& l, Context& cx) const;

    // rest.cpp: a call that stands, between two exchanges
    void rest_later(Context& cx);
    void rest(Context& cx);
    bool is_quiet() const;

    // release.cpp: the end, from any side
    void on_bye(Side side, const transaction::Request& request, Context& cx);
    void fail_setup(std::string_view by, std::uint16_t status, std::uint16_t q850, std::string_view why, Context& cx,
                    bool retry_after = false);
    void release(std::string_view by, std::uint16_t q850, std::string_view why, Context& cx);
    void cancel_invite(Side side, const std::string& reason, Context& cx);
    void leave_offer(Side side, Context& cx);
    void hang_up(Side side, const std::string& reason, Context& cx);
    void send_bye(Side side, Context& cx);
    void begin_release(std::string_view by, std::uint16_t q850, std::string_view why, Context& cx);
    bool is_recorded(const Context& cx) const;
    void write_record(Context& cx);
    void finish_if_done(Context& cx);

    CallId id_;
    Phase phase_ = Phase::routing;
    config::SnapshotPtr config_;
    policy::Admitted admitted_;
    std::array<End, 2> ends_;
    bool holds_gauge_ = false, record_written_ = false;
    TimePoint pays_since_{};  // the trunk whose call it is
    SessionId session_;
    std::array<Leg, 2> legs_;
    std::optional<sip::Message> invite_;  // the first one, until it is answered
    Boxed<ToldIdentity> identity_;        // the caller as whoever is at leg B is told him, likewise
    std::uint8_t hops_left_ = 0;
    bool caller_hidden_ = false;  // from the other party, for the whole call
    Targets targets_;
    Boxed<Hop> hop_;
    std::vector<NamedTarget> named_targets_;           // by callees, the next one last
    std::uint16_t last_failure_ = 0, last_cause_ = 0;  // of the last target: status, Q.850
    bool unreached_ = false;                           // a place did not answer at all
    bool despite_health_ = false;                      // targets that are known to be down are tried as well
    bool callee_silenced_ = false;     // early media of who was called has ended, and nobody else has described his
    bool overflowed_ = false;          // the trunk that takes the overflow has been turned to
    std::optional<BridgeErrc> unfit_;  // why the offer that is about to be refused cannot be taken
    bool first_tag_used_ = false;      // leg A's own tag has been given to a fork
    std::uint32_t first_cseq_ = 0;     // of the caller's first INVITE
    std::uint32_t last_rseq_ = 0;      // the highest that the caller has had
    std::vector<Fork> forks_;
    std::vector<PastFork> past_forks_;
    Boxed<Exchange> exchange_;
    Boxed<EarlyExchange> early_;
    Boxed<Replacing> replaced_;
    SdpBridge bridge_;
    MediaSession media_;
    std::uint32_t restore_tries_ = 0;   // of a media session that the media plane has lost
    std::array<TimerId, 12> timers_{};  // by CallTimer
    CallRecord record_;
    Ladder ladder_;
};

}  // namespace sallyport::b2bua
