// One target after the other: where a call may go, what is turned to when a place cannot be reached or has failed, and
// when nothing is left (RFC 3263 4.3).
#include <algorithm>
#include <array>
#include <utility>

#include "signaling/b2bua/call.h"
#include "signaling/b2bua/cause.h"
#include "signaling/policy/engine.h"

namespace sallyport::b2bua {

namespace {

constexpr std::uint16_t out_of_order = 27;  // Q.850: destination out of order
constexpr std::size_t most_past_forks = 16;

}  // namespace

Targets Call::find_targets(Context& cx) const {
    if (!is_pbx(Side::b))
        return Targets::to_carriers(*config_, admitted_.carriers, admitted_.called, admitted_.emergency, around(cx));
    return Targets::to_trunk(trunk(), cx.locations.usable(admitted_.trunk, cx.now), admitted_.called, around(cx));
}

// The PBX cannot be reached: its trunk may name a number that is called in place of the one that was, or another trunk
// that takes its calls, which is turned to once. Then the call is that trunk's, with its limits, its media policy and
// its name in the record.
bool Call::overflow(Context& cx) {
    if (overflow_to_number(cx)) return true;
    if (!is_pbx(Side::b) || overflowed_) return false;
    const auto other = config_->trunks.find(trunk().overflow.trunk);
    if (other == config_->trunks.end() || other->second.disabled) return false;
    overflowed_ = true;
    const policy::CallFacts facts{.config = *config_,
                                  .locations = cx.locations,
                                  .now = cx.now,
                                  .party = {policy::PartyKind::carrier, end_id(Side::a), policy::Proof::none},
                                  .request_uri = {},
                                  .invite = &*invite_,
                                  .holding = &admitted_.holding};
    auto verdict = policy::decide_overflow(facts, admitted_, other->first, cx.gauges);
    cx.remember(verdict);
    if (verdict.reject) return false;
    ladder_.note(cx.now, "trunk " + admitted_.trunk + " cannot be reached: overflow to trunk " + other->first);
    admitted_ = std::move(verdict.admitted);
    set_ends();
    targets_ = find_targets(cx);
    return true;
}

// As if the PBX had sent its caller there, by 302.
bool Call::overflow_to_number(Context& cx) {
    constexpr std::uint16_t unavailable = 480;
    if (!is_pbx(Side::b)) return false;
    const auto* to = trunk_of(end_id(Side::b)).overflow.number_for(admitted_.called);
    auto uri = sip::parse_uri("tel:" + (to != nullptr ? *to : std::string()));
    if (!uri.has_value()) return false;
    NamedTarget target{{admitted_.called, {}, end_id(Side::b), unavailable, 0}, std::move(*uri)};
    return admit_forward(std::move(target), cx);
}

Targets::Surroundings Call::around(Context& cx) const {
    return {cx.settings.realms, cx.health, cx.now, cx.random, despite_health_};
}

// Who calls for help is not refused for what a probe has found some seconds ago. Whom it was sent to already is not
// asked again: a silent one would keep the caller for another 64*T1 from a place that answers.
bool Call::despite_health() {
    if (!admitted_.emergency || !targets_.turn_to_passed_over()) return false;
    despite_health_ = true;
    return true;
}

void Call::take_hop(Targets::Step step, Context& cx) {
    if (auto* hop = std::get_if<Hop>(&step)) {
        hop_ = std::move(*hop);
        if (last_failure_ != 0 && !hop_->carrier.empty()) cx.counters.failovers.add();
        return try_calling(cx);
    }
    if (const auto* questions = std::get_if<std::vector<locate::Question>>(&step)) {
        for (const auto& question : *questions) cx.out.emplace_back(Resolve{id_.number(), question});
        return;
    }
    if (overflow(cx) || despite_health()) return take_hop(targets_.next(around(cx)), cx);
    if (go_on_forwarding(last_failure_, cx)) return;
    const auto* exhausted = std::get_if<Targets::Exhausted>(&step);
    if (last_failure_ == 0 && exhausted != nullptr && exhausted->all_down)
        return fail_setup("node", is_pbx(Side::a) && !is_pbx(Side::b) ? 503 : 480, 38, "all targets are down", cx,
                          true);
    const bool towards_pbx = is_pbx(Side::a);
    // A PBX that is not there is not this node's fault: the core's 503 would take the node out of its rotation.
    if (is_pbx(Side::b) && unreached_)
        return fail_setup("node", 480, out_of_order, "the PBX cannot be reached at any of its places", cx);
    const std::uint16_t status =
        last_failure_ != 0 ? relayed_status(last_failure_, towards_pbx) : (towards_pbx ? 503 : 480);
    fail_setup(
        "node", status, last_failure_ != 0 ? last_cause_ : q850_of_status(503),
        last_failure_ != 0 ? "the last target answered " + std::to_string(last_failure_) : "no target could be located",
        cx);
}

bool Call::reroutes(std::uint16_t status, std::uint16_t q850) const {
    static constexpr std::array<std::uint16_t, 6> of_bindings{408, 430, 500, 502, 503, 504};
    if (admitted_.emergency) return status < 600;  // whoever answers first
    const auto carrier = config_->carriers.find(hop_->carrier);
    if (carrier == config_->carriers.end())
        return std::find(of_bindings.begin(), of_bindings.end(), status) != of_bindings.end();
    const auto has = [](const std::vector<std::uint16_t>& table, std::uint16_t one) {
        return std::find(table.begin(), table.end(), one) != table.end();
    };
    return has(carrier->second.reroute_statuses, status) || has(carrier->second.reroute_causes, q850);
}

void Call::forget_forks(Context& cx) {
    stop_provisionals(cx);
    const bool over = phase_ == Phase::ended;
    for (auto& fork : forks_) {
        for (const auto& prack : fork.pracks) cx.index.remove(prack.client);
        if (!over && fork.said.waiting() != nullptr && past_forks_.size() < most_past_forks)
            past_forks_.push_back({std::move(fork.caller_tag), std::move(fork.said)});
        else
            forget_dialog_of(fork.caller_tag, cx);
    }
    forks_.clear();
    if (over) forget_past_forks(cx);
}

void Call::forget_past_forks(Context& cx) {
    for (const auto& past : past_forks_) forget_dialog_of(past.caller_tag, cx);
    past_forks_.clear();
}

void Call::forget_dialog_of(const std::string& caller_tag, Context& cx) const {
    if (caller_tag != leg(Side::a).local_tag) cx.index.remove_dialog(leg(Side::a).call_id, caller_tag);
}

// The dialog that has been made is the leg's by now; who asks for another one hears 481.
void Call::settle_forks(Context& cx) {
    std::erase_if(forks_, [&](const Fork& fork) {
        if (fork.caller_tag != leg(Side::a).dialog.id.local_tag) return false;
        for (const auto& prack : fork.pracks) cx.index.remove(prack.client);
        return true;
    });
    forget_forks(cx);
    forks_.shrink_to_fit();
}

// The INVITE came to nothing without an answer. Whether the target is to blame is for a probe to find out.
void Call::on_attempt_failed(transaction::Failure failure, Context& cx) {
    if (failure == transaction::Failure::too_large) {
        // What no stream takes fits nowhere: the other places need not be tried.
        if (is_reliable(hop_->flow.transport))
            return fail_setup("node", 513, q850_of_status(513), "the INVITE is too large to be sent", cx);
        return fail_over(513, cx);
    }
    if (failure == transaction::Failure::transport && hop_->datagram_flow) return move_to_datagrams(cx);
    if (!hop_->health_key.empty()) cx.health.suspect(hop_->health_key);
    unreached_ = true;
    fail_over(failure == transaction::Failure::timeout ? 408 : 503, cx);
}

// RFC 3263 4.3: the same request with a new branch to the next place.
void Call::fail_over(std::uint16_t status, Context& cx, std::uint16_t q850) {
    last_failure_ = status;
    last_cause_ = q850 != 0 ? q850 : q850_of_status(status);
    seek_hop(cx);
}

void Call::seek_hop(Context& cx) {
    stop_timer(CallTimer::no_answer, cx);
    end_early_media(cx);
    leg(Side::b).takes_update = false;
    leg(Side::b).session = {};
    leg(Side::b).outdated = false;
    session_.forget_callee();
    forget_forks(cx);
    phase_ = Phase::routing;
    hop_.reset();
    start_timer(CallTimer::setup, setup_patience, cx);
    take_hop(targets_.next(around(cx)), cx);
}

}  // namespace sallyport::b2bua
