#include "media-plane/app/metrics.h"

namespace sallyport::media::app {
namespace {

using observe::counter;
using observe::gauge;
using observe::histogram;
using observe::Metric;
using observe::Sample;

template <class Items, class Labels, class Value>
std::vector<Sample> samples(const Items& items, Labels labels, Value value) {
    std::vector<Sample> all;
    all.reserve(items.size());
    for (const auto& item : items) all.push_back({labels(item), static_cast<double>(value(item))});
    return all;
}

observe::HistogramSample histogram_of(const HistogramStatus& status, observe::Labels labels = {}) {
    return {std::move(labels), status.bounds, status.buckets, status.sum};
}

void add_quality(const PlaneStatus& status, std::vector<Metric>& out) {
    const auto add = [&](const char* name, const char* help, const HistogramStatus& of) {
        out.push_back(histogram(name, help, {histogram_of(of)}));
    };
    add("sallyport_media_stream_mos",
        "Streams received, as their session ended: ITU-T G.107 estimate, of codecs that G.113 has values for.",
        status.mos);
    add("sallyport_media_stream_loss_ratio", "Likewise: packets lost of those that were to come.", status.loss_ratio);
    add("sallyport_media_stream_jitter_seconds", "Likewise: interarrival jitter (RFC 3550 A.8).",
        status.jitter_seconds);
    add("sallyport_media_stream_round_trip_seconds", "Likewise: to their sender and back, where its RTCP told.",
        status.round_trip_seconds);
}

void add_lcores(const PlaneStatus& status, std::vector<Metric>& out) {
    const auto label = [](const LcoreStatus& l) { return observe::Labels{{"lcore", std::to_string(l.lcore)}}; };
    const auto of = [&](auto member) {
        return samples(status.lcores, label, [member](const LcoreStatus& l) { return l.*member; });
    };
    out.push_back(gauge("sallyport_media_sessions", "Media sessions alive, by the lcore that owns them.",
                        of(&LcoreStatus::sessions)));
    out.push_back(gauge("sallyport_media_emergency_sessions", "Of them, those of emergency calls.",
                        of(&LcoreStatus::emergency_sessions)));
    out.push_back(counter(
        "sallyport_media_relayed_packets_total",
        "RTP packets and UDPTL datagrams relayed, without RTCP. What the device then did not take is in the drops too.",
        of(&LcoreStatus::packets)));
    out.push_back(
        counter("sallyport_media_relayed_bytes_total",
                "Bytes of the RTP packets and UDPTL datagrams relayed, with RTP's header, without SRTP's tag.",
                of(&LcoreStatus::bytes)));
    out.push_back(
        counter("sallyport_media_relayed_rtcp_packets_total", "RTCP packets relayed.", of(&LcoreStatus::rtcp_packets)));
    out.push_back(counter("sallyport_media_own_rtcp_packets_total",
                          "RTCP packets made here: reports to peers whose other side sends none, and BYE at the end.",
                          of(&LcoreStatus::own_rtcp_packets)));
    out.push_back(counter("sallyport_media_srtp_auth_failures_total", "SRTP and SRTCP packets whose tag was wrong.",
                          of(&LcoreStatus::auth_failures)));
    out.push_back(counter("sallyport_media_latches_total", "Legs that learnt their peer's real address.",
                          of(&LcoreStatus::latches)));
    out.push_back(counter("sallyport_media_lcore_polls_total", "Rounds of the lcore's loop.", of(&LcoreStatus::polls)));
    out.push_back(counter("sallyport_media_lcore_idle_polls_total",
                          "Rounds that found nothing to relay and no command.", of(&LcoreStatus::idle_polls)));
    out.push_back(counter("sallyport_media_lcore_commands_total", "Commands carried out.", of(&LcoreStatus::commands)));
    out.push_back(counter("sallyport_media_steered_packets_total",
                          "Packets handed to the lcore that owns their UDP port.", of(&LcoreStatus::steered)));
    out.push_back(counter("sallyport_media_hairpinned_packets_total",
                          "Packets relayed from one session to another of this node.", of(&LcoreStatus::hairpinned)));
    out.push_back(
        counter("sallyport_media_lcore_late_wakeups_total",
                "Rests of an idle lcore that the kernel ended more than 1 ms after the time asked for, which is "
                "1 ms at most.",
                of(&LcoreStatus::late_wakeups)));
    std::vector<observe::HistogramSample> residence;
    for (const auto& lcore : status.lcores) residence.push_back(histogram_of(lcore.residence, label(lcore)));
    out.push_back(
        histogram("sallyport_media_residence_seconds",
                  "Time of a packet inside the plane: from the round of the loop that received it to its hand-over "
                  "to the device. Without waits for a next hop's address, and for another lcore.",
                  std::move(residence)));
    std::vector<Sample> silences;
    for (const auto& lcore : status.lcores)
        for (const auto& [kind, count] : {std::pair{"one_way", lcore.one_way}, std::pair{"both", lcore.silences}})
            silences.push_back({{{"lcore", std::to_string(lcore.lcore)}, {"kind", kind}}, static_cast<double>(count)});
    out.push_back(counter("sallyport_media_silences_total",
                          "Streams of answered calls that fell silent though their peer was to send, without comfort "
                          "noise: while the other side's flowed (one_way), or not (both).",
                          std::move(silences)));
    out.push_back(counter("sallyport_media_not_sent_total",
                          "Legs that nothing was sent on for 2 s, because all that was to leave there was dropped on "
                          "its way out (see sallyport_media_dropped_packets_total for why).",
                          of(&LcoreStatus::not_sent)));
    out.push_back(counter("sallyport_media_telephone_events_total",
                          "Digits and other telephone events (RFC 4733) that were received, each counted once.",
                          of(&LcoreStatus::telephone_events)));
    out.push_back(counter("sallyport_media_lcore_events_lost_total", "Events lost because nobody fetched them in time.",
                          of(&LcoreStatus::events_lost)));
}

void add_ports(const PlaneStatus& status, std::vector<Metric>& out) {
    const auto label = [](const PortStatus& p) { return observe::Labels{{"port", p.name}}; };
    const auto of = [&](auto member) {
        return samples(status.ports, label, [member](const PortStatus& p) { return p.*member; });
    };
    out.push_back(counter("sallyport_media_port_link_losses_total", "How often the media port's link went down.",
                          of(&PortStatus::link_losses)));
    out.push_back(
        gauge("sallyport_media_port_flow_rules",
              "Rules in the device that bring packets to the lcore of their UDP port; with several lcores and "
              "0 the lcores hand them over.",
              of(&PortStatus::flow_rules)));
    out.push_back(gauge("sallyport_media_port_up", "1 while the media port's link is up.", of(&PortStatus::link_up)));
    out.push_back(
        counter("sallyport_media_port_receive_packets_total", "Frames received.", of(&PortStatus::rx_packets)));
    out.push_back(counter("sallyport_media_port_transmit_packets_total", "Frames sent.", of(&PortStatus::tx_packets)));
    out.push_back(
        counter("sallyport_media_port_receive_bytes_total", "Bytes of frames received.", of(&PortStatus::rx_bytes)));
    out.push_back(
        counter("sallyport_media_port_transmit_bytes_total", "Bytes of frames sent.", of(&PortStatus::tx_bytes)));
    out.push_back(counter("sallyport_media_port_receive_missed_total", "Frames the device lost before we saw them.",
                          of(&PortStatus::rx_missed)));
    out.push_back(counter("sallyport_media_port_transmit_errors_total", "Frames the device did not send.",
                          of(&PortStatus::tx_dropped)));
    out.push_back(gauge("sallyport_media_udp_port_pairs", "Pairs of UDP ports (RTP and RTCP) there are.",
                        of(&PortStatus::udp_ports_total)));
    out.push_back(gauge("sallyport_media_udp_port_pairs_free", "Pairs of UDP ports that no session has.",
                        of(&PortStatus::udp_ports_free)));
    out.push_back(gauge("sallyport_media_udp_port_pairs_resting",
                        "Of the free pairs those that a call has left in the last 5 s: taken last.",
                        of(&PortStatus::udp_ports_resting)));
    out.push_back(counter("sallyport_media_address_conflicts_total",
                          "ARP and neighbour discovery of other devices that have an address of the media port's.",
                          of(&PortStatus::address_conflicts)));
    out.push_back(gauge("sallyport_media_next_hops", "Neighbours on the link that are known or asked for.",
                        of(&PortStatus::next_hops)));
    std::vector<Sample> answers;
    for (const auto& p : status.ports)
        for (const auto& [kind, count] :
             {std::pair{"arp", p.arp_answers}, std::pair{"neighbour_advertisement", p.advertisements},
              std::pair{"echo", p.echo_replies}})
            answers.push_back({{{"port", p.name}, {"kind", kind}}, static_cast<double>(count)});
    out.push_back(counter("sallyport_media_link_answers_total",
                          "Answers given to ARP, neighbour solicitations and ping.", std::move(answers)));
    out.push_back(counter("sallyport_media_link_solicitations_total", "Questions sent for neighbours.",
                          of(&PortStatus::solicitations)));
}

}  // namespace

std::vector<Metric> plane_metrics(const PlaneStatus& status) {
    std::vector<Metric> out;
    add_lcores(status, out);
    add_ports(status, out);
    add_quality(status, out);
    std::vector<Sample> drops;
    std::string help = "Packets dropped, by reason:";
    for (std::size_t i = 1; i < drop_count; ++i) {
        drops.push_back({{{"reason", std::string(drop_texts[i].name)}}, static_cast<double>(status.drops[i])});
        help += std::string(i == 1 ? " " : "; ") + std::string(drop_texts[i].name) + " = " +
                std::string(drop_texts[i].sentence);
    }
    out.push_back(counter("sallyport_media_dropped_packets_total", help + ".", std::move(drops)));
    out.push_back(gauge("sallyport_media_mbufs_in_use",
                        "Packet buffers with packets under way, without those that devices hold ready.",
                        static_cast<double>(status.mbufs_in_use)));
    out.push_back(gauge("sallyport_media_mbufs", "Packet buffers there are.", static_cast<double>(status.mbufs_total)));
    out.push_back(
        gauge("sallyport_media_hugepages", "1 when packet buffers are in hugepages.", status.hugepages ? 1 : 0));
    return out;
}

std::vector<Metric> srtp_metrics(const srtp::Engine& engine) {
    std::vector<Sample> suites;
    for (std::size_t i = 1; i < srtp::suite_facts.size(); ++i) {
        const auto suite = static_cast<srtp::Suite>(i);
        if (!engine.supports(suite)) continue;
        const bool fast = engine.name(suite) == srtp::burst_engine;
        suites.push_back({{{"suite", std::string(srtp::facts(suite).sdes_name)},
                           {"engine", std::string(engine.name(suite))},
                           {"instructions", fast ? std::string(srtp::burst_instructions()) : "none"}},
                          1});
    }
    return {gauge("sallyport_media_srtp_engine",
                  "1 for each suite, with who does it: burst, many packets at a time, or libsrtp, one by one; and the "
                  "instructions that bursts are done with.",
                  std::move(suites)),
            gauge("sallyport_media_srtp_slow_suites",
                  "Suites that are done packet by packet, at a fraction of the speed: an alarm above 0.",
                  static_cast<double>(srtp::slow_suites(engine).size()))};
}

std::vector<Metric> command_metrics(const rpc::DispatcherStatistics& d, const rpc::ServerStatistics& s) {
    std::vector<Metric> out;
    out.push_back(gauge("sallyport_media_clients", "Clients known, with a stream or under a lease.",
                        static_cast<double>(d.clients.read())));
    out.push_back(gauge("sallyport_media_clients_connected", "Clients with an open stream.",
                        static_cast<double>(d.connected.read())));
    out.push_back(gauge("sallyport_media_lcores_stuck",
                        "Lcores whose loop stands still: their sessions are silent, and they get no new ones.",
                        static_cast<double>(d.lcores_stuck.read())));
    out.push_back(counter("sallyport_media_commands_total", "Session commands received.", d.commands.read()));
    out.push_back(counter("sallyport_media_commands_refused_total",
                          "Session commands refused before an lcore saw them, by reason.",
                          {{{{"reason", "stale_epoch"}}, static_cast<double>(d.refused_stale.read())},
                           {{{"reason", "overloaded"}}, static_cast<double>(d.refused_overloaded.read())},
                           {{{"reason", "draining"}}, static_cast<double>(d.refused_draining.read())},
                           {{{"reason", "invalid"}}, static_cast<double>(s.invalid_commands)}}));
    out.push_back(gauge("sallyport_media_draining", "1 while an operator has the media plane take no new sessions.",
                        static_cast<double>(d.draining.read())));
    out.push_back(counter("sallyport_media_events_total", "Events from sessions to clients, by what became of them.",
                          {{{{"outcome", "delivered"}}, static_cast<double>(d.events.read())},
                           {{{"outcome", "no_stream"}}, static_cast<double>(d.events_undelivered.read())},
                           {{{"outcome", "stream_full"}}, static_cast<double>(s.events_lost)}}));
    out.push_back(counter("sallyport_media_leases_ended_total", "Clients that did not come back within their lease.",
                          d.leases_ended.read()));
    out.push_back(counter("sallyport_media_sessions_released_by_lease_total",
                          "Sessions released because their client's lease ended.", d.released_by_lease.read()));
    out.push_back(gauge("sallyport_media_captures", "Captures under way.", static_cast<double>(s.captures_running)));
    out.push_back(counter("sallyport_media_captures_total", "Captures begun.", s.captures));
    out.push_back(counter("sallyport_media_captured_packets_total",
                          "Packets of captured sessions, by whether their asker took them in time.",
                          {{{{"outcome", "delivered"}}, static_cast<double>(s.captured_packets)},
                           {{{"outcome", "missed"}}, static_cast<double>(s.capture_misses)}}));
    out.push_back(counter("sallyport_media_streams_total", "Control streams, by how they began or ended.",
                          {{{{"event", "opened"}}, static_cast<double>(s.streams_opened)},
                           {{{"event", "refused"}}, static_cast<double>(s.streams_refused)},
                           {{{"event", "fenced"}}, static_cast<double>(s.streams_fenced)}}));
    return out;
}

}  // namespace sallyport::media::app
