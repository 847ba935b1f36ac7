// Explain: the question as the core takes it, its answer as an operator reads it. On a thread of gRPC: what the shards
// share is read, and they are asked whether they would take a call at all.
#include <algorithm>
#include <mutex>

#include "control/base/system_random.h"
#include "control/config/change.h"
#include "control/wire/change_convert.h"
#include "signaling/policy/limit_levels.h"
#include "signaling/rpc/ask_shards.h"
#include "signaling/rpc/state_convert.h"
#include "signaling/rpc/state_service.h"
#include "signaling/stack/explain.h"

namespace sallyport::rpc {
namespace {

constexpr std::size_t most_message_bytes = 65'535;
constexpr std::int64_t latest = 4'102'444'800;  // 2100-01-01T00:00:00Z

// Control takes the field from before the colon.
grpc::Status wrong(const std::string& field, const std::string& text) {
    return {grpc::StatusCode::INVALID_ARGUMENT, field + ": " + text};
}

// What is provisioned, with the candidate's changes; nothing: they break a rule, which control tells before it asks.
config::SnapshotPtr with_candidate(const config::SnapshotPtr& base,
                                   const sallyport::provisioning::v1::ApplyRequest& candidate) {
    if (candidate.changes_size() == 0 && !candidate.prune()) return base;
    const auto converted = wire::from_proto(candidate);
    auto outcome = config::apply(*base, converted.change);
    if (!outcome || !converted.violations.empty()) return nullptr;
    return std::make_shared<const config::Snapshot>(std::move(outcome->snapshot));
}

void add_verdict(const policy::Verdict& verdict, const config::Snapshot& config, operations_pb::ExplainResponse& out) {
    const auto& admitted = verdict.admitted;
    for (const auto& line : verdict.trace) {
        auto& rule = *out.add_rules();
        rule.set_rule(std::string(line.rule));
        rule.set_text(line.text);
    }
    out.set_admitted(!verdict.reject);
    if (verdict.reject) {
        out.set_refusal(std::string(to_string(verdict.reject->why)));
        out.set_q850(verdict.reject->q850);
        out.set_reason(verdict.trace.back().text);
    }
    out.set_direction(std::string(policy::direction_name(admitted)));
    out.set_trunk(admitted.trunk);
    if (const auto trunk = config.trunks.find(admitted.trunk); trunk != config.trunks.end())
        out.set_customer(trunk->second.customer);
    out.set_called(admitted.called);
    out.set_emergency(admitted.emergency);
    out.set_route(admitted.route);
    for (const auto& carrier : admitted.carriers) out.add_carriers(carrier);
    out.set_media_kbps(admitted.media_kbps);
}

void add_use(const stack::LimitUse& limit, operations_pb::ExplainResponse& out) {
    auto& use = *out.add_limits();
    use.set_scope(policy::limit_name(limit.limit.gauge));
    use.set_calls(limit.use.calls);
    use.set_concurrent_calls(limit.limit.concurrent_calls);
    use.set_media_kbps(limit.use.kbps);
    use.set_bandwidth_kbps(limit.limit.bandwidth_kbps);
    use.set_calls_per_second(limit.limit.calls_per_second);
    use.set_burst(limit.limit.burst);
}

void to_proto(const stack::Explanation& explained, const config::Snapshot& config,
              operations_pb::ExplainResponse& out) {
    out.set_reason(explained.reason);
    if (explained.verdict) add_verdict(*explained.verdict, config, out);
    out.set_status(explained.status);
    out.set_response(explained.response);
    out.set_invite(explained.invite);
    out.set_request_uri(explained.request_uri);
    out.set_target(explained.target);
    for (const auto& change : explained.headers) {
        auto& header = *out.add_headers();
        header.set_name(change.name);
        for (const auto& value : change.before) header.add_before(value);
        for (const auto& value : change.after) header.add_after(value);
    }
    for (const auto& limit : explained.limits) add_use(limit, out);
}

}  // namespace

grpc::Status StateService::Explain(grpc::ServerContext* context, const operations_pb::ExplainRequest* request,
                                   operations_pb::ExplainResponse* response) {
    // Each copies what the shards share, and a candidate the configuration beside it: as one, no more than its share.
    const std::unique_lock alone(explaining_, std::try_to_lock);
    if (!alone) return {grpc::StatusCode::RESOURCE_EXHAUSTED, "another INVITE is being explained; try again"};
    const auto base = sources_.snapshot();
    if (sources_.shared == nullptr || !base)
        return {grpc::StatusCode::FAILED_PRECONDITION, "sallyport-signaling has no configuration yet"};
    if (request->message().size() > most_message_bytes)
        return wrong("message", "the message has more than 65535 bytes");
    if (request->at() < 0 || request->at() > latest) return wrong("at", "is no time between 1970 and 2100");
    const auto shards = ask_shards(sources_.shards, [](const stack::Stack& stack) {
        return std::tuple(stack.media_up(), stack.alive().calls, stack.media_features());
    });
    if (!shards) return {grpc::StatusCode::UNAVAILABLE, "a shard is busy; try again"};
    const auto config = with_candidate(base, request->candidate());
    if (!config)
        return {grpc::StatusCode::FAILED_PRECONDITION,
                "sallyport-signaling has another configuration by now; try again"};
    const TimePoint now = sources_.clock.now();
    stack::Question question{.message = request->message(), .config = config, .now = now, .at = now};
    question.kind = request->trunk().empty() ? policy::PartyKind::carrier : policy::PartyKind::trunk;
    question.id = request->trunk().empty() ? id_in(request->carrier(), "carriers/") : trunk_id(request->trunk());
    question.node.node = sources_.node;
    question.node.realms = sources_.realms;
    question.cancelled = [context] { return context->IsCancelled(); };
    // Which shard a call comes to is chance: what all of them refuse is refused.
    const auto all = [&](auto is) { return std::all_of(shards->begin(), shards->end(), is); };
    question.media_up = !all([](const auto& shard) { return !std::get<0>(shard); });
    question.media_features = std::get<2>(shards->front());
    const auto calls = sources_.shard_calls, beside = sources_.shard_emergency_calls;
    if (all([&](const auto& shard) { return std::get<1>(shard) >= calls; })) question.node.max_calls = 0;
    if (all([&](const auto& shard) { return std::get<1>(shard) >= calls + beside; })) question.node.emergency_calls = 0;
    if (request->at() != 0) question.at = TimePoint(std::chrono::seconds(request->at()));
    if (sources_.drained) question.draining = sources_.drained().first;
    SystemRandom random;
    question.seed = random.u32();
    const auto explained = stack::explain(question, *sources_.shared);
    if (context->IsCancelled()) return grpc::Status::CANCELLED;
    if (!explained) return wrong(explained.error().field, explained.error().text);
    response->set_revision(base->revision);
    to_proto(*explained, *config, *response);
    return grpc::Status::OK;
}

}  // namespace sallyport::rpc
