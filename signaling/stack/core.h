// Everything one shard owns, and how an input finds its way through it: parser, transaction layer, then whoever the
// message is for. The parts answer through the effects buffer; nobody calls back up.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "signaling/b2bua/call_table.h"
#include "signaling/b2bua/target_health.h"
#include "signaling/policy/identify.h"
#include "signaling/policy/overload.h"
#include "signaling/policy/refusal_limit.h"
#include "signaling/policy/verdict.h"
#include "signaling/registrar/authenticator.h"
#include "signaling/registrar/registrar.h"
#include "signaling/sip/glimpse.h"
#include "signaling/sip/parser.h"
#include "signaling/stack/flow_probes.h"
#include "signaling/stack/handed_over_invites.h"
#include "signaling/stack/health.h"
#include "signaling/stack/inspect.h"
#include "signaling/stack/refreshes.h"
#include "signaling/stack/relay.h"
#include "signaling/stack/shared.h"
#include "signaling/stack/stack.h"
#include "signaling/stack/subscriptions.h"

namespace sallyport::stack {

// What its REGISTERs are held against.
registrar::RegistrarPolicy policy_of(const config::Trunk& trunk);

class Core {
public:
    Core(StackConfig config, Shared& shared, RandomSource& random);

    void handle(const Input& input, TimePoint now, Outputs& out);

    TimePoint last_input() const { return now_; }
    std::size_t housekeeping_timers() const {
        return health.timers() + flow_probes.timers() + subscriptions.timers() + (expiry_ != 0 ? 1 : 0) +
               (trunk_review_ != 0 ? 1 : 0);
    }

    StackConfig config;
    Shared& shared;
    RandomSource& random;
    StackStatistics statistics;
    transaction::Timers timers;
    transaction::Layer layer;
    b2bua::Settings settings;
    b2bua::CallCounters counters;
    b2bua::CallTable calls;
    b2bua::TargetHealth target_health;
    Health health;
    FlowProbes flow_probes;
    Subscriptions subscriptions;
    Relay relay;
    policy::RefusalLimit refusals;
    policy::Overload overload;
    registrar::Authenticator authenticator;
    registrar::Registrar registrar;
    Refreshes refreshes;
    config::SnapshotPtr snapshot;  // nothing before the first ConfigChanged
    bool media_up = false, draining = false;
    std::uint64_t media_incarnation = 0;
    b2bua::MediaFeatures media_features;
    // Of a core that is asked what it would do (explain.h): whose messages are, without proof, and what it decided.
    std::optional<policy::Party> known_sender;
    policy::Decisions decisions;
    // An INVITE to an emergency number of any dial plan, or to urn:service:sos, as far as a glimpse shows.
    policy::Party identify(const Flow& flow, TimePoint now) const;
    bool seems_for_help(std::string_view bytes) const;

private:
    // core.cpp: inputs and effects
    void on(const Datagram& input);
    void on(const StreamMessage& input);
    void on(const HandedOver& input);
    void on(const FlowClosed& input);
    void on(const TimerDue& input);
    void on(const DnsAnswer& input);
    void on(const b2bua::MediaReply& input);
    void on(const b2bua::MediaEvent& input);
    void on(const b2bua::MediaState& input);
    void on(const ConfigChanged& input);
    void on(const Restore& input);
    void on(const Drain& input);
    void on(const ReleaseCalls& input);
    void receive(const Flow& flow, std::string_view bytes, sip::Framing framing, Duration busy);
    void answer_parse_error(const Flow& flow, std::string_view bytes, const sip::ParseError& error);
    void run_effects();
    void take(transaction::Transmit&& effect) { out_->emplace_back(std::move(effect)); }
    void take(transaction::CloseFlow effect) { out_->emplace_back(effect); }
    void take(transaction::Request&& effect);
    void take(transaction::Cancelled&& effect);
    void take(transaction::Response&& effect);
    void take(transaction::StrayResponse&& effect);
    void take(transaction::ClientFailed&& effect);
    void take(transaction::ServerEnded&&) {}  // calls have their own end
    void take_within_dialog(const transaction::Request& request);
    bool may_go_on(const transaction::Request& request, std::string_view trunk_id);
    b2bua::Context context();
    void forget_former_trunks();
    std::size_t turns_of(const sip::Message& invite, std::string_view user, const policy::Party& by);
    void log(b2bua::Severity severity, std::string event, std::string trunk, std::string text);
    void complain(std::string event, std::string trunk, std::string text);
    void keep_expiring();

    // triage.cpp: what is refused before it is parsed, when there is more than can be done, or than one source may have
    enum class Entry : std::uint8_t { refused, taken, urgent };
    Entry entry_of(const Flow& flow, std::string_view bytes, Duration busy);
    std::size_t share_of(const Flow& flow) const;
    bool is_within(const transaction::SourceLoad& load, std::size_t share) const;
    bool may_exceed_share(policy::WorkClass work, const transaction::SourceLoad& load, std::size_t share) const;
    policy::WorkClass classify(const Flow& flow, const sip::Glimpse& seen);
    bool dials_emergency(const sip::Glimpse& seen) const;
    void learn_emergency_numbers();
    bool is_plausible_emergency(const IpAddress& source);
    bool comes_first(const Flow& flow, const sip::Message& request);
    void refuse_unparsed(const Flow& flow, const sip::Glimpse& seen, std::size_t bytes);

    // refreshing.cpp: the REGISTER that says what the last one said
    bool answer_refresh(const Flow& flow, std::string_view bytes);  // false: it is to be parsed
    bool challenge_refresh(const Flow& flow, const Refresh& refresh, sip::HoleValues& is, std::size_t asked_bytes);
    bool grant_refresh(const Flow& flow, Refresh& refresh, sip::HoleValues& is,
                       const transaction::NewRequest& admitted);
    bool is_refreshed_by(const Refresh& refresh, const registrar::Binding& binding, const Flow& flow) const;
    std::unique_ptr<Refresh> refresh_of(const transaction::Request& request, const config::Trunk& trunk,
                                        const registrar::Binding& binding, std::string_view response) const;
    std::optional<registrar::Binding> written_by(const transaction::Request& request, const config::Trunk& trunk) const;
    void remember_refresh(const transaction::Request& request, const config::Trunk& trunk, bool changed,
                          std::string_view response);

    // trunk_review.cpp: the health state of each trunk
    bool has_registrar(std::string_view realm) const;
    void review_trunk(const config::Trunk& trunk, std::string_view hint = {});
    void review_trunks(const std::vector<std::string>& trunks, std::string_view hint = {});
    void review_all_trunks();
    void keep_reviewing();

    // requests.cpp: requests outside of dialogs
    void on_options(const transaction::Request& request);
    void on_message(const transaction::Request& request);
    Relay::Begun carry(const transaction::Request& request, const policy::Party& carrier);
    void on_register(const transaction::Request& request);
    void judge_register(const transaction::Request& request, const config::Trunk* trunk, const std::string& sender);
    void register_trunk(const transaction::Request& request, const config::Trunk& trunk);
    void watch_flow(const Flow& flow, const config::Trunk& trunk);
    void suspect_nat(const transaction::Request& request, const config::Trunk& trunk);
    bool is_disputed(const transaction::Request& request, const policy::Party& party,
                     const config::Trunk* claimed) const;
    void tell_of_taken_flow(const Flow& flow, const std::string& trunk, const std::vector<std::string>& displaced);
    void on_invite(transaction::Request request);
    void on_subscribe(const transaction::Request& request);
    policy::Party identify(const transaction::Request& request) const { return identify(request.flow, now_); }
    const config::Trunk* in_the_wrong_way(const transaction::Request& request) const;
    void admit(transaction::Request request, policy::Party party);
    void count(policy::Refusal refusal);

    // replacing.cpp: INVITE with Replaces
    bool may_replace(const policy::Party& party) const;
    bool replace(const transaction::Request& request, const policy::Party& party);
    bool refuse_place(const transaction::Request& request, const policy::Party& party, const Refusal& refusal);
    bool hand_over(const transaction::Request& request, const dialog::Replaces& what, const policy::Party& party);
    bool hand_over_again(const Flow& flow, const sip::Message& message);
    bool take_place(const transaction::Request& request, const dialog::Replaces& what, const policy::Party& party);

    void refuse_briefly(const transaction::Request& request, const policy::Party& party,
                        const policy::Verdict& verdict);
    // To a peer nobody knows: one answer without a transaction, and on UDP at most three times what it sent.
    void refuse(const transaction::Request& request, const Refusal& refusal);
    void refuse_for_now(const transaction::Request& request, std::string_view why);  // 503 with Retry-After
    std::string stateless_tag(const sip::Message& request) const;
    std::string tag_of(std::initializer_list<std::string_view> parts) const;
    void answer_once(const transaction::Request& request, sip::Composer composer);
    std::string retry_after();

    // authentication.cpp: who has to prove himself, and whether he has
    struct Challenge {
        bool proxy = false;                    // 407 instead of 401
        const config::Trunk* trunk = nullptr;  // that the request says to be from
        std::string digest_realm;
        std::string aor;                             // whose request it says it is
        const config::DigestTerms* as_if = nullptr;  // of nobody we know: as one of the domain's trunks would be
    };
    // `shown_as_number`: a trunk would be known by that number, whatever the domain.
    Challenge challenge_for(const config::Trunk* trunk, const sip::UriView& aor, std::string_view host, bool proxy,
                            bool shown_as_number = false) const;
    const config::DigestTerms* terms_of_nobody(const sip::UriView& aor, std::string_view key, std::string_view host,
                                               bool shown_as_number) const;
    // Whose it is; nothing: the request has been answered (challenged, refused) or dropped.
    std::optional<registrar::Authentication> authenticate(const transaction::Request& request,
                                                          const Challenge& challenge);
    // True: it need not, or it has. False: answered.
    bool has_proved(const transaction::Request& request, const config::Trunk& trunk, policy::Proof proof);
    // The trunk or carrier that sent a request outside of dialogs; nothing: answered.
    std::optional<policy::Party> prove_sender(const transaction::Request& request);
    bool is_locked_out(const transaction::Request& request, std::string_view kind, std::string_view name);
    bool is_locked(const Flow& flow, std::string_view aor, std::string_view username);
    void forgive(const Flow& flow, std::string_view aor, std::string_view username);
    void tell_of_digest_in_clear(const Flow& flow, const std::string& trunk);
    void count_failure(const transaction::Request& request, const Challenge& challenge,
                       const registrar::Authentication& result);

    transaction::Effects effects_;
    Outputs* out_ = nullptr;  // of the input that is being handled
    TimePoint now_{};
    const policy::Party* handed_over_by_ = nullptr;  // whose the INVITE is that another shard has handed over
    HandedOverInvites handed_over_;                  // to other shards
    TimerId expiry_ = 0, trunk_review_ = 0;
    sip::SipHash128 tag_hash_, unknown_names_;  // of the nonces' secret
    std::string overload_mark_;                 // how the To tags of brief refusals begin
    policy::RefusalLimit emergencies_;
    std::set<std::string, std::less<>> emergency_numbers_;  // of all dial plans, as they are dialled
    std::int64_t complaint_second_ = 0;
    std::map<std::string, std::uint32_t, std::less<>> complaints_;  // in that second, by event: names of ours, a few
};

}  // namespace sallyport::stack
