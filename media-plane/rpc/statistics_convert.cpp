// What was counted of sessions and ports, as sallyport.media.v1 has it. Copies; judges nothing.
#include <algorithm>

#include "media-plane/rpc/media_convert.h"

namespace sallyport::media::rpc {
namespace {

double seconds(Duration d) { return std::chrono::duration<double>(d).count(); }

void fill_quality(pb::LegStatistics& out, const LegStatistics& leg) {
    out.set_reordered(leg.reordered);
    if (leg.round_trip) out.set_round_trip_seconds(seconds(*leg.round_trip));
    out.set_mos(leg.mos);
    out.set_worst_mos(leg.worst_mos);
    out.set_silences(leg.silences);
    out.set_silent_seconds(seconds(leg.silent));
    out.set_one_way_seconds(seconds(leg.one_way));
    out.set_silent(leg.is_silent);
    out.set_codec(leg.codec);
    out.set_packets_per_second(leg.packets_per_second);
    out.set_recent_loss(leg.recent_loss);
    out.set_recent_mos(leg.recent_mos);
    out.set_drops_per_second(leg.drops_per_second);
    out.set_telephone_events(leg.telephone_events);
}

void fill(pb::LegStatistics& out, const LegStatistics& leg) {
    out.set_stream(leg.stream);
    out.set_side(static_cast<pb::Side>(leg.side));
    out.set_packets_received(leg.packets_received);
    out.set_bytes_received(leg.bytes_received);
    out.set_packets_sent(leg.packets_sent);
    out.set_bytes_sent(leg.bytes_sent);
    out.set_rtcp_received(leg.rtcp_received);
    out.set_rtcp_sent(leg.rtcp_sent);
    out.set_lost(leg.lost);
    out.set_jitter_seconds(leg.jitter_seconds);
    out.set_srtp_auth_failures(leg.srtp_auth_failures);
    out.set_srtp_replays(leg.srtp_replays);
    std::uint64_t dropped = 0;
    for (const auto& [reason, count] : leg.drops) {
        dropped += count;
        if (count != 0) (*out.mutable_drops())[std::string(to_string(reason))] = count;
    }
    out.set_dropped(dropped);
    fill_endpoint(out.mutable_local(), leg.local);
    if (!leg.remote.empty()) fill_endpoint(out.mutable_remote(), leg.remote);
    out.set_latched(leg.latched);
    out.set_suite(static_cast<pb::Srtp>(leg.suite));
    out.set_transport(leg.udptl ? pb::TRANSPORT_UDPTL : pb::TRANSPORT_RTP);
    if (leg.last_packet_age)
        out.set_last_packet_age_ms(static_cast<std::uint64_t>(
            std::max<std::int64_t>(1, std::chrono::floor<std::chrono::milliseconds>(*leg.last_packet_age).count())));
    fill_quality(out, leg);
}

}  // namespace

void fill_endpoint(pb::Endpoint* out, const Endpoint& endpoint) {
    if (endpoint.empty()) return;
    out->set_address(endpoint.address.to_string());
    out->set_port(endpoint.port);
}

pb::SessionStatistics to_proto(const SessionStatistics& statistics) {
    pb::SessionStatistics out;
    out.set_session(statistics.key.session);
    out.set_client(statistics.key.client);
    out.set_call(statistics.call);
    out.set_trunk(statistics.trunk);
    out.set_age_seconds(std::chrono::duration<double>(statistics.age).count());
    for (const auto& leg : statistics.legs) fill(*out.add_legs(), leg);
    return out;
}

pb::PortStatistics to_proto(const PortStatus& port) {
    pb::PortStatistics out;
    out.set_name(port.name);
    out.set_rx_packets(port.rx_packets);
    out.set_tx_packets(port.tx_packets);
    out.set_rx_missed(port.rx_missed);
    out.set_tx_dropped(port.tx_dropped);
    out.set_mac(port.link_address);
    for (const auto& address : port.addresses) out.add_addresses(address);
    out.set_udp_ports_free(port.udp_ports_free);
    out.set_udp_ports_total(port.udp_ports_total);
    out.set_link_up(port.link_up);
    out.set_link_losses(port.link_losses);
    out.set_steering(port.steering);
    out.set_udp_ports_resting(port.udp_ports_resting);
    out.set_address_conflicts(port.address_conflicts);
    out.set_address_conflict(port.address_conflict);
    return out;
}

}  // namespace sallyport::media::rpc
