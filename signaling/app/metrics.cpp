#include "signaling/app/metrics.h"

#include "control/observe/log.h"
#include "signaling/app/shard_sums.h"
#include "signaling/app/transport_metrics.h"

namespace sallyport::app {
namespace {

using observe::counter;
using observe::gauge;
using observe::histogram;
using observe::Metric;
using observe::Sample;

void add_calls(const Sums& sums, std::vector<Metric>& out) {
    using S = stack::StackStatistics;
    out.push_back(gauge("sallyport_calls", "Calls alive.", static_cast<double>(sums.stack(&S::calls))));
    out.push_back(counter("sallyport_call_attempts_total", "INVITEs of known parties, whatever became of them.",
                          sums.stack(&S::invites)));
    out.push_back(counter("sallyport_calls_total", "Call attempts by how they were decided.",
                          {labelled("outcome", "answered", sums.stack(&S::calls_answered)),
                           labelled("outcome", "failed", sums.stack(&S::calls_failed)),
                           labelled("outcome", "refused_media_away", sums.stack(&S::calls_refused_media_away)),
                           labelled("outcome", "refused_limit", sums.stack(&S::calls_refused_limit)),
                           labelled("outcome", "refused_barred", sums.stack(&S::calls_refused_barred)),
                           labelled("outcome", "refused_hours", sums.stack(&S::calls_refused_hours)),
                           labelled("outcome", "refused_budget", sums.stack(&S::calls_refused_budget)),
                           labelled("outcome", "refused_full", sums.stack(&S::calls_refused_full))}));
    std::vector<Sample> locations;
    for (std::size_t i = 1; i < policy::location_use_count; ++i)
        locations.push_back(labelled("use", to_string(static_cast<policy::LocationUse>(i)), sums.locations(i)));
    out.push_back(counter("sallyport_emergency_locations_total",
                          "Calls for help whose route goes by locations, by what became of the one that they have.",
                          std::move(locations)));
    out.push_back(
        histogram("sallyport_call_setup_seconds", "From INVITE to its final answer.", {sums.setup_seconds()}));
    out.push_back(counter("sallyport_carrier_failovers_total", "Calls that went on to a further target.",
                          sums.stack(&S::carrier_failovers)));
    out.push_back(counter("sallyport_requests_elsewhere_total",
                          "Requests within dialogs that went on to a further place of their peer.",
                          sums.stack(&S::requests_elsewhere)));
    out.push_back(counter("sallyport_calls_forwarded_total", "Redirections of a PBX that were followed in its place.",
                          sums.stack(&S::calls_forwarded)));
    out.push_back(counter("sallyport_forwards_refused_total", "Targets that a PBX has named and no call was sent to.",
                          sums.stack(&S::forwards_refused)));
    out.push_back(counter("sallyport_parties_replaced_total", "Parties whose place another one took by Replaces.",
                          sums.stack(&S::parties_replaced)));
    out.push_back(counter("sallyport_replaces_refused_total", "INVITEs with Replaces that could replace nobody.",
                          sums.stack(&S::replaces_refused)));
}

constexpr std::size_t most_customer_series = 10'000;

// A series for each customer who has limits or calls, within reason. Trunks have none: there may be very many, and
// `sallyport trunk show` tells of one.
void add_limits(const MetricSources& from, std::vector<Metric>& out) {
    if (from.gauges == nullptr || !from.snapshot) return;
    std::vector<Sample> calls, kbps;
    std::size_t left_out = 0;
    for (const auto& [id, customer] : from.snapshot->customers) {
        const auto use = from.gauges->use(policy::customer_gauge(id));
        if (customer.limits == config::CustomerLimits{} && use.calls == 0) continue;
        if (calls.size() >= most_customer_series) {
            ++left_out;
            continue;
        }
        calls.push_back(labelled("customer", id, use.calls));
        kbps.push_back(labelled("customer", id, use.kbps));
    }
    if (calls.empty()) return;
    out.push_back(gauge("sallyport_customers_without_series", "Customers with limits or calls beyond the 10000 shown.",
                        static_cast<double>(left_out)));
    out.push_back(gauge("sallyport_customer_calls", "Calls alive of a customer's trunks.", std::move(calls)));
    out.push_back(gauge("sallyport_customer_media_kbps",
                        "Media of those that a limit of bandwidth measures, kbit/s towards its PBXs.",
                        std::move(kbps)));
}

void add_registrations(const Sums& sums, const MetricSources& from, std::vector<Metric>& out) {
    using S = stack::StackStatistics;
    out.push_back(gauge("sallyport_registrations", "Bindings alive.", static_cast<double>(from.locations.size())));
    out.push_back(counter("sallyport_registration_requests_total", "REGISTER requests answered, after authentication.",
                          {labelled("result", "ok", sums.stack(&S::registrations_ok)),
                           labelled("result", "refused", sums.stack(&S::registrations_refused))}));
    out.push_back(
        counter("sallyport_refreshes_unparsed_total",
                "REGISTERs over UDP that said what the last one over their flow had said, their challenges too.",
                sums.stack(&S::refreshes_unparsed)));
    out.push_back(counter("sallyport_auth_challenges_total", "401 and 407 sent.", sums.stack(&S::challenges)));
    out.push_back(counter("sallyport_auth_failures_total", "Credentials that were wrong.",
                          sums.stack(&S::authentication_failures)));
    out.push_back(counter("sallyport_auth_lockouts_total", "Sources that failed to prove themselves too often.",
                          sums.stack(&S::lockouts)));
    out.push_back(counter("sallyport_auth_locked_out_requests_total", "Requests of those that are locked out.",
                          {labelled("action", "refused", sums.stack(&S::refused_locked_out)),
                           labelled("action", "dropped", sums.stack(&S::dropped_locked_out))}));
    out.push_back(gauge("sallyport_auth_watched_sources", "Sources with failures that are remembered, or locked out.",
                        static_cast<double>(from.lockouts.size())));
    out.push_back(gauge("sallyport_reg_subscriptions", "Subscriptions to what is registered (RFC 3680).",
                        static_cast<double>(sums.stack(&S::subscriptions))));
    out.push_back(counter("sallyport_registrations_restored_total", "Bindings read back at the start.",
                          {labelled("flow", "alive", from.keeper.restored.read() - from.keeper.restored_lost.read()),
                           labelled("flow", "lost", from.keeper.restored_lost.read())}));
    out.push_back(counter("sallyport_registration_commits_total", "Batches of bindings by what became of them.",
                          {labelled("result", "written", from.keeper.commits.read()),
                           labelled("result", "error", from.keeper.commit_errors.read())}));
}

void add_media(const std::vector<std::unique_ptr<rpc::MediaClient>>& clients, std::vector<Metric>& out) {
    using M = rpc::MediaClientStatistics;
    const auto sum = [&](Counter M::*member) {
        std::uint64_t total = 0;
        for (const auto& client : clients) total += (client->statistics().*member).read();
        return total;
    };
    const bool up = sum(&M::up) == clients.size();
    out.push_back(gauge("sallyport_media_up", "1 while every shard has its line to the media plane.", up ? 1 : 0));
    out.push_back(counter("sallyport_media_connections_lost_total", "Lines to the media plane that broke.",
                          sum(&M::connections_lost)));
    out.push_back(counter("sallyport_media_commands_total", "Commands by what became of them.",
                          {labelled("result", "sent", sum(&M::commands)), labelled("result", "error", sum(&M::errors)),
                           labelled("result", "refused_away", sum(&M::refused_away)),
                           labelled("result", "refused_full", sum(&M::refused_full))}));
    out.push_back(counter("sallyport_media_events_total", "Events of the media plane.",
                          {labelled("result", "ok", sum(&M::events)), labelled("result", "bad", sum(&M::bad_events))}));
    auto seconds = observe::histogram_sample(clients.front()->statistics().round_trip_seconds);
    for (std::size_t i = 1; i < clients.size(); ++i) Sums::add(seconds, clients[i]->statistics().round_trip_seconds);
    out.push_back(histogram("sallyport_media_command_seconds", "From a command to its reply.", {std::move(seconds)}));
}

void add_control(const rpc::ConfigWatchStatistics& config, std::vector<Metric>& out) {
    out.push_back(gauge("sallyport_control_up", "1 while control is there.", static_cast<double>(config.up.read())));
    out.push_back(gauge("sallyport_config_revision", "Revision that every shard works with.",
                        static_cast<double>(config.revision.read())));
    out.push_back(counter(
        "sallyport_config_snapshots_total", "Snapshots by what became of them.",
        {labelled("result", "received", config.received.read()), labelled("result", "refused", config.refused.read()),
         labelled("result", "not_cached", config.cache_failures.read())}));
}

// One sample per trunk, of the state it is in: an alert is `sallyport_trunk_state{state=~"down|degraded"}`.
void add_trunks(const policy::TrunkStates& trunks, std::vector<Metric>& out) {
    std::vector<Sample> states, since, counts;
    std::array<std::uint64_t, policy::trunk_state_count> numbers{};
    for (const auto& [trunk, entry] : trunks.all()) {
        ++numbers[static_cast<std::size_t>(entry.state)];
        states.push_back({{{"trunk", trunk}, {"state", std::string(to_string(entry.state))}}, 1});
        since.push_back({{{"trunk", trunk}}, static_cast<double>(unix_seconds(entry.since))});
    }
    for (std::size_t i = 0; i < numbers.size(); ++i)
        counts.push_back(labelled("state", to_string(static_cast<policy::TrunkState>(i)), numbers[i]));
    out.push_back(gauge("sallyport_trunk_state", "1 for the state that the trunk is in.", std::move(states)));
    out.push_back(gauge("sallyport_trunk_state_since_timestamp_seconds",
                        "Since when it is in it, in seconds since 1970.", std::move(since)));
    out.push_back(gauge("sallyport_trunks", "Provisioned trunks by state.", std::move(counts)));
}

// An alert is any sample: it goes when the trunk is provisioned with TLS alone.
void add_digest_in_clear(const registrar::DigestInClear& trunks, std::vector<Metric>& out) {
    std::vector<Sample> samples;
    for (auto& trunk : trunks.all()) samples.push_back({{{"trunk", std::move(trunk)}}, 1});
    out.push_back(gauge("sallyport_trunk_digest_in_clear",
                        "1 for a trunk that has proved itself by Digest without TLS.", std::move(samples)));
}

void add_load(const Sums& sums, bool draining, std::vector<Metric>& out) {
    using S = stack::StackStatistics;
    out.push_back(
        gauge("sallyport_draining", "1 while an operator has the node refuse new work.", draining ? 1.0 : 0.0));
    out.push_back(counter("sallyport_refused_draining_total", "Requests refused because the node drains.",
                          sums.stack(&S::refused_draining)));
    out.push_back(
        gauge("sallyport_overload_level",
              "0: everything is taken; 1: of what may be refused for load, nearly all is. Highest of the shards.",
              static_cast<double>(sums.highest(&S::overload_permille)) / 1'000));
    std::vector<Sample> refused;
    for (std::size_t i = 0; i < policy::work_class_count; ++i)
        refused.push_back(labelled("class", to_string(static_cast<policy::WorkClass>(i)), sums.refused_overload(i)));
    out.push_back(counter("sallyport_overload_refused_total",
                          "Messages refused unparsed for load, by what they were worth.", std::move(refused)));
    out.push_back(counter("sallyport_source_share_refused_total",
                          "Requests refused unparsed because their source address has as many open as one may have.",
                          sums.stack(&S::refused_share)));
    out.push_back(
        counter("sallyport_overload_acks_total", "ACKs to such refusals, passed over.", sums.stack(&S::overload_acks)));
}

void add_records(const MetricSources& from, std::vector<Metric>& out) {
    std::uint64_t checkpoints = 0;
    for (const auto& hook : from.hooks) checkpoints += hook.checkpoints.read();
    const auto& spool = from.spool;
    out.push_back(counter(
        "sallyport_call_records_total", "Call records by what became of them.",
        {labelled("result", "written", spool.written.read()), labelled("result", "refused", spool.refused.read())}));
    out.push_back(counter("sallyport_call_record_write_errors_total", "Attempts that the disk refused; the lines wait.",
                          spool.write_errors.read()));
    out.push_back(
        gauge("sallyport_call_record_spool_bytes", "Size of the spool.", static_cast<double>(spool.bytes.read())));
    out.push_back(gauge("sallyport_call_record_queue", "Records that wait for the disk.",
                        static_cast<double>(spool.queued.load(std::memory_order_relaxed))));
    out.push_back(histogram("sallyport_call_record_commit_seconds", "Time of one group commit.",
                            {observe::histogram_sample(spool.commit_seconds)}));
    out.push_back(counter("sallyport_call_checkpoints_total", "Checkpoints of confirmed calls that the core gave out.",
                          checkpoints));
    out.push_back(counter("sallyport_log_lines_dropped_total", "Log lines overwritten before they were written.",
                          observe::lines_dropped()));
}

}  // namespace

std::vector<Metric> collect(const MetricSources& sources) {
    std::vector<Metric> out;
    const Sums sums(sources.shards);
    add_calls(sums, out);
    add_limits(sources, out);
    add_registrations(sums, sources, out);
    add_transport(sums, sources, out);
    add_media(sources.media, out);
    add_control(sources.config, out);
    add_records(sources, out);
    add_trunks(sources.trunks, out);
    add_digest_in_clear(sources.digest_in_clear, out);
    add_load(sums, sources.draining, out);
    return out;
}

}  // namespace sallyport::app
