#include "signaling/app/transport_metrics.h"

#include <utility>

namespace sallyport::app {
namespace {

using observe::counter;
using observe::gauge;
using observe::Metric;
using observe::Sample;

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

}  // namespace

void add_transport(const Sums& sums, const MetricSources& from, std::vector<Metric>& out) {
    add_sip(sums, out);
    add_datagrams(sums, out);
    add_streams(sums, from.shards.accept_statistics(), out);
    add_certificates(from, out);
    add_ocsp(from.shards.ocsp().statistics(), out);
    add_dns(from.dns, out);
}

}  // namespace sallyport::app
