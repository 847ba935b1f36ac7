// Everything one shard owns, and how an input finds its way through it: parser, transaction layer, then whoever the
// message is for. The parts answer through the effects buffer; nobody calls back up.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "signaling/b2bua/call_table.h"
#include "signaling/b2bua/target_health.h"
#include "signaling/policy/identify.h"
#include "signaling/policy/refusal_limit.h"
#include "signaling/policy/verdict.h"
#include "signaling/registrar/authenticator.h"
#include "signaling/registrar/registrar.h"
#include "signaling/sip/parser.h"
#include "signaling/stack/health.h"
#include "signaling/stack/inspect.h"
#include "signaling/stack/shared.h"
#include "signaling/stack/stack.h"

namespace sallyport::stack {

class Core {
public:
    Core(StackConfig config, Shared& shared, RandomSource& random);

    void handle(const Input& input, TimePoint now, Outputs& out);

    TimePoint last_input() const { return now_; }
    std::size_t housekeeping_timers() const { return health.timers() + (expiry_ != 0 ? 1 : 0); }

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
    policy::RefusalLimit refusals;
    registrar::Authenticator authenticator;
    registrar::Registrar registrar;
    config::SnapshotPtr snapshot;  // nothing before the first ConfigChanged
    bool media_up = false, draining = false;
    std::uint64_t media_incarnation = 0;

private:
    // core.cpp: inputs and effects
    void on(const Datagram& input);
    void on(const StreamMessage& input);
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
    void receive(const Flow& flow, std::string_view bytes, sip::Framing framing);
    void answer_parse_error(const Flow& flow, std::string_view bytes, const sip::ParseError& error);
    void run_effects();
    void take(transaction::Transmit&& effect) { out_->emplace_back(std::move(effect)); }
    void take(transaction::CloseFlow&& effect) { out_->emplace_back(std::move(effect)); }
    void take(transaction::Request&& effect);
    void take(transaction::Cancelled&& effect);
    void take(transaction::Response&& effect);
    void take(transaction::StrayResponse&& effect);
    void take(transaction::ClientFailed&& effect);
    void take(transaction::ServerEnded&&) {}  // calls have their own end
    void take_within_dialog(const transaction::Request& request);
    b2bua::Context context();
    void log(b2bua::Severity severity, std::string event, std::string trunk, std::string text);
    void complain(std::string event, std::string trunk, std::string text);
    void keep_expiring();

    // requests.cpp: requests outside of dialogs
    void on_options(const transaction::Request& request);
    void on_register(const transaction::Request& request);
    void register_trunk(const transaction::Request& request, const config::Trunk& trunk);
    void on_invite(transaction::Request request);
    policy::Party identify(const transaction::Request& request) const;
    std::optional<registrar::Authentication> authenticate(const transaction::Request& request, bool proxy,
                                                          const std::string& digest_realm,
                                                          registrar::DigestOffer offer);
    void admit(transaction::Request request, policy::Party party);
    void count(policy::Refusal refusal);
    void refuse_briefly(const transaction::Request& request, const policy::Party& party,
                        const policy::Verdict& verdict);
    // To a peer nobody knows: one answer without a transaction, and on UDP at most three times what it sent.
    void refuse(const transaction::Request& request, const Refusal& refusal);
    void answer_once(const transaction::Request& request, sip::Composer composer);
    std::string retry_after();

    transaction::Effects effects_;
    Outputs* out_ = nullptr;  // of the input that is being handled
    TimePoint now_{};
    TimerId expiry_ = 0;
    std::int64_t complaint_second_ = 0;
    std::uint32_t complaints_ = 0;  // in that second
};

}  // namespace sallyport::stack
