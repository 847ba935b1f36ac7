#include "signaling/app/metrics.h"

#include <algorithm>

#include "control/observe/log.h"

namespace sallyport::app {
namespace {

using observe::counter;
using observe::gauge;
using observe::histogram;
using observe::Metric;
using observe::Sample;

Sample labelled(const char* label, std::string_view value, std::uint64_t count) {
    return {{{label, std::string(value)}}, static_cast<double>(count)};
}

// One value per shard, added up.
class Sums {
public:
    explicit Sums(const io::Shards& shards) : shards_(shards) {}

    std::uint64_t stack(Counter stack::StackStatistics::*member) const {
        return over([&](const io::Shard& s) { return (s.stack().statistics().*member).read(); });
    }
    std::uint64_t highest(Counter stack::StackStatistics::*member) const {
        std::uint64_t most = 0;
        for (std::uint32_t i = 0; i < shards_.size(); ++i)
            most = std::max(most, (shards_.at(i).stack().statistics().*member).read());
        return most;
    }
    std::uint64_t locations(std::size_t use) const {
        return over([&](const io::Shard& s) { return s.stack().statistics().locations[use].read(); });
    }
    std::uint64_t refused_overload(std::size_t work) const {
        return over([&](const io::Shard& s) { return s.stack().statistics().refused_overload[work].read(); });
    }
    std::uint64_t transactions(Counter transaction::LayerStatistics::*member) const {
        return over([&](const io::Shard& s) { return (s.stack().transaction_statistics().*member).read(); });
    }
    std::uint64_t io(Counter io::IoStatistics::*member) const {
        return over([&](const io::Shard& s) { return (s.statistics().*member).read(); });
    }
    template <class Enum>
    std::uint64_t io(io::CounterPer<Enum> io::IoStatistics::*member, Enum which) const {
        return over([&](const io::Shard& s) { return (s.statistics().*member)[which].read(); });
    }
    observe::HistogramSample setup_seconds() const {
        auto sum = observe::histogram_sample(shards_.at(0).stack().statistics().setup_seconds);
        for (std::uint32_t i = 1; i < shards_.size(); ++i) add(sum, shards_.at(i).stack().statistics().setup_seconds);
        return sum;
    }
    static void add(observe::HistogramSample& sum, const SecondsHistogram& more) {
        for (std::size_t i = 0; i < sum.buckets.size(); ++i) sum.buckets[i] += more.bucket(i);
        sum.sum += more.sum();
    }

private:
    template <class Read>
    std::uint64_t over(Read&& read) const {
        std::uint64_t sum = 0;
        for (std::uint32_t i = 0; i < shards_.size(); ++i) sum += read(shards_.at(i));
        return sum;
    }
    const io::Shards& shards_;
};

template <class Enum, std::size_t N>
std::vector<Sample> per_reason(const Sums& sums, io::CounterPer<Enum> io::IoStatistics::*member, const char* label,
                               const std::array<std::string_view, N>& names) {
    std::vector<Sample> samples;
    for (std::size_t i = 0; i < N; ++i)
        samples.push_back(labelled(label, names[i], sums.io(member, static_cast<Enum>(i))));
    return samples;
}

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

void add_sip(const Sums& sums, std::vector<Metric>& out) {
    using S = stack::StackStatistics;
    using T = transaction::LayerStatistics;
    out.push_back(counter("sallyport_sip_messages_received_total", "Messages that reached a parser.",
                          sums.stack(&S::messages_received)));
    out.push_back(counter("sallyport_sip_parse_errors_total", "Messages that are not right.",
                          {labelled("reason", "malformed", sums.stack(&S::parse_errors)),
                           labelled("reason", "not_sip", sums.stack(&S::dropped_not_sip))}));
    out.push_back(counter("sallyport_sip_requests_total", "Requests by what became of them in the transaction layer.",
                          {labelled("result", "received", sums.transactions(&T::requests_received)),
                           labelled("result", "refused", sums.stack(&S::requests_refused)),
                           labelled("result", "refused_full", sums.transactions(&T::limit_refusals))}));
    out.push_back(
        counter("sallyport_sip_responses_total", "Responses received.", sums.transactions(&T::responses_received)));
    out.push_back(counter("sallyport_sip_retransmissions_total", "Messages that came or went again.",
                          {labelled("direction", "received", sums.transactions(&T::retransmissions_received)),
                           labelled("direction", "sent", sums.transactions(&T::retransmissions_sent))}));
    out.push_back(counter("sallyport_sip_transaction_failures_total", "Transactions that ended without an answer.",
                          {labelled("reason", "timeout", sums.transactions(&T::timeouts)),
                           labelled("reason", "transport", sums.transactions(&T::transport_failures))}));
    out.push_back(counter("sallyport_sip_stray_messages_total", "Messages that belong to no transaction.",
                          {labelled("kind", "response", sums.transactions(&T::stray_responses)),
                           labelled("kind", "ack", sums.transactions(&T::stray_acks))}));
    out.push_back(
        gauge("sallyport_sip_transactions", "Transactions alive.", static_cast<double>(sums.stack(&S::transactions))));
    out.push_back(counter("sallyport_sip_options_total", "OPTIONS: asked by peers and answered, or sent as probes.",
                          {labelled("direction", "answered", sums.stack(&S::options_answered)),
                           labelled("direction", "sent", sums.stack(&S::options_sent))}));
}

void add_datagrams(const Sums& sums, std::vector<Metric>& out) {
    using I = io::IoStatistics;
    out.push_back(counter("sallyport_udp_datagrams_total", "Datagrams on the SIP ports.",
                          {labelled("direction", "received", sums.io(&I::datagrams_received)),
                           labelled("direction", "sent", sums.io(&I::datagrams_sent))}));
    out.push_back(counter("sallyport_udp_bytes_total", "Their payload.",
                          {labelled("direction", "received", sums.io(&I::datagram_bytes_received)),
                           labelled("direction", "sent", sums.io(&I::datagram_bytes_sent))}));
    out.push_back(counter("sallyport_udp_gatherings_total",
                          "Times that a socket which is read often was left alone for a millisecond, to be read once.",
                          sums.io(&I::gatherings)));
    out.push_back(counter("sallyport_udp_unreachable_total", "ICMP said that a peer cannot be reached.",
                          sums.io(&I::unreachable)));
    std::string help = "Messages dropped before they reached a parser or a wire, by reason:";
    for (std::size_t i = 0; i < io::io_drop_names.size(); ++i)
        help +=
            (i == 0 ? " " : "; ") + std::string(io::io_drop_names[i]) + ": " + std::string(io::io_drop_sentences[i]);
    out.push_back(
        counter("sallyport_sip_drops_total", help + ".", per_reason(sums, &I::drops, "reason", io::io_drop_names)));
    out.push_back(counter("sallyport_sip_handed_over_total", "Messages that came in on another shard's socket.",
                          sums.io(&I::handed_over)));
}

void add_streams(const Sums& sums, const io::AcceptStatistics& accepts, std::vector<Metric>& out) {
    using I = io::IoStatistics;
    out.push_back(gauge("sallyport_sip_transport_connections", "Connections open.",
                        {labelled("transport", "tcp", sums.io(&I::tcp_connections)),
                         labelled("transport", "tls", sums.io(&I::tls_connections))}));
    out.push_back(counter("sallyport_sip_connections_total", "Connections by who opened them.",
                          {labelled("direction", "accepted", sums.io(&I::connections_accepted)),
                           labelled("direction", "opened", sums.io(&I::connections_opened))}));
    out.push_back(counter("sallyport_sip_connections_refused_total", "Connections closed before a byte was read.",
                          {labelled("reason", "too_many", accepts.refused_too_many.read()),
                           labelled("reason", "too_many_of_source", accepts.refused_of_source.read()),
                           labelled("reason", "too_fast", accepts.refused_too_fast.read()),
                           labelled("reason", "accept_error", accepts.errors.read())}));
    out.push_back(counter("sallyport_sip_connections_reserved_total",
                          "Connections beyond a limit that were let in to see whether they bring a call for help.",
                          {labelled("state", "tried", accepts.on_trial.read()),
                           labelled("state", "kept", sums.io(&I::connections_for_help))}));
    out.push_back(counter("sallyport_sip_connections_closed_total", "Connections that ended, by reason.",
                          per_reason(sums, &I::closes, "reason", io::close_reason_names)));
    out.push_back(counter("sallyport_tls_handshakes_total", "TLS handshakes, both roles.",
                          per_reason(sums, &I::handshakes, "result", io::handshake_names)));
    out.push_back(counter("sallyport_sip_stream_messages_total", "Messages on TCP and TLS.",
                          {labelled("direction", "received", sums.io(&I::stream_messages_received)),
                           labelled("direction", "sent", sums.io(&I::stream_messages_sent))}));
    out.push_back(counter("sallyport_sip_stream_bytes_total", "Bytes on TCP and TLS, without TLS' own.",
                          {labelled("direction", "received", sums.io(&I::stream_bytes_received)),
                           labelled("direction", "sent", sums.io(&I::stream_bytes_sent))}));
    out.push_back(
        counter("sallyport_sip_pings_total", "Keep-alives of RFC 5626 answered.", sums.io(&I::pings_answered)));
}

void add_certificates(const MetricSources& from, std::vector<Metric>& out) {
    std::vector<Sample> ends, staples;
    for (std::size_t i = 0; i < from.realms.size(); ++i) {
        const auto context = from.shards.tls().of(i);
        if (!context) continue;
        for (const auto& life : context->lives()) {
            const auto sample = [&](long long when) -> Sample {
                return {{{"realm", from.realms[i].name}, {"certificate", life.certificate}}, static_cast<double>(when)};
            };
            ends.push_back(sample(life.not_after));
            if (life.staple_until != 0) staples.push_back(sample(life.staple_until));
        }
    }
    out.push_back(gauge("sallyport_tls_certificate_expiry_timestamp_seconds",
                        "When a certificate of the realm ends, in seconds since 1970.", std::move(ends)));
    out.push_back(gauge("sallyport_tls_staple_expiry_timestamp_seconds",
                        "When the OCSP response stapled to a certificate ends, in seconds since 1970.",
                        std::move(staples)));
}

void add_ocsp(const io::OcspStatistics& ocsp, std::vector<Metric>& out) {
    out.push_back(counter(
        "sallyport_tls_ocsp_answers_total", "Questions about the status of peers' certificates, by answer.",
        {labelled("result", "good", ocsp.good.read()), labelled("result", "revoked", ocsp.revoked.read()),
         labelled("result", "unknown", ocsp.unknown.read()), labelled("result", "unreachable", ocsp.unreachable.read()),
         labelled("result", "cached", ocsp.cached.read()),
         labelled("result", "refused_too_many", ocsp.refused_too_many.read())}));
}

void add_dns(const io::ResolverStatistics& dns, std::vector<Metric>& out) {
    out.push_back(
        counter("sallyport_dns_queries_total", "Questions by where they went.",
                {labelled("to", "resolver", dns.queries.read()), labelled("to", "cache", dns.cache_hits.read()),
                 labelled("to", "nobody_too_many", dns.refused_too_many.read())}));
    out.push_back(counter(
        "sallyport_dns_answers_total", "Answers of the resolver.",
        {labelled("result", "ok", dns.answers_ok.read()), labelled("result", "negative", dns.answers_negative.read()),
         labelled("result", "failure", dns.failures.read()), labelled("result", "timeout", dns.timeouts.read())}));
    out.push_back(
        counter("sallyport_dns_bad_records_total", "Records that could not be decoded.", dns.bad_records.read()));
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
    add_sip(sums, out);
    add_datagrams(sums, out);
    add_streams(sums, sources.shards.accept_statistics(), out);
    add_certificates(sources, out);
    add_ocsp(sources.shards.ocsp().statistics(), out);
    add_dns(sources.dns, out);
    add_media(sources.media, out);
    add_control(sources.config, out);
    add_records(sources, out);
    add_trunks(sources.trunks, out);
    add_digest_in_clear(sources.digest_in_clear, out);
    add_load(sums, sources.draining, out);
    return out;
}

}  // namespace sallyport::app
