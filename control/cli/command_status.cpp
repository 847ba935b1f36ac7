#include <cmath>
#include <ostream>

#include "control/cli/commands.h"
#include "control/cli/table.h"

namespace sallyport::cli {
namespace {

std::string counted(std::uint64_t n, const std::string& noun) {
    return std::to_string(n) + ' ' + noun + (n == 1 ? "" : "s");
}

void print_daemons(std::ostream& out, const ov1::Status& status) {
    Table table({"DAEMON", "STATE", "SINCE", "VERSION OR REASON"});
    for (const auto& daemon : status.daemons())
        table.add({daemon.name(), daemon.reachable() ? "up" : "DOWN", duration_text(daemon.since_seconds()),
                   daemon.detail()});
    table.print(out);
}

void print_planes(std::ostream& out, const ov1::Status& status) {
    Table table({"PLANE", "APPLIED", "STATE"});
    for (const auto& plane : status.applied()) {
        const auto state = !plane.error().empty()                  ? plane.error()
                           : plane.revision() == status.revision() ? std::string("current")
                                                                   : "behind " + std::to_string(status.revision());
        table.add({plane.node(), std::to_string(plane.revision()), state});
    }
    if (table.empty()) return;
    out << '\n';
    table.print(out);
}

void print_signaling(std::ostream& out, const ov1::SignalingStatus& signaling) {
    out << "\nsignaling: " << counted(signaling.calls(), "call") << ", "
        << counted(signaling.registrations(), "registration") << ", "
        << counted(signaling.transactions(), "transaction") << "; media plane "
        << (signaling.media_up() ? "connected" : "AWAY") << '\n';
    const auto& trunks = signaling.trunk_states();
    out << "trunks: " << trunks.registered() << " registered, " << trunks.reachable() << " reachable, "
        << trunks.degraded() << " degraded, " << trunks.down() << " down, " << trunks.disabled() << " disabled\n";
    if (signaling.drain().on())
        out << "DRAINING for " << duration_text(signaling.drain().since_seconds()) << ": new work is refused, "
            << counted(signaling.drain().calls(), "call") << " left\n";
    if (signaling.overload_level() > 0)
        out << "OVERLOADED: level " << std::lround(signaling.overload_level() * 100) << " of 100\n";
    Table listeners({"REALM", "TRANSPORT", "LISTENS ON"});
    for (const auto& listener : signaling.listeners())
        listeners.add({listener.realm(), listener.transport(), listener.endpoint()});
    if (!listeners.empty()) listeners.print(out);
    Table targets({"CARRIER OR TRUNK", "TARGET", "STATE", "DETAIL"});
    for (const auto& target : signaling.carrier_targets()) {
        targets.add({target.trunk().empty() ? target.carrier() : "trunk " + target.trunk(), target.target(),
                     target.up() ? "up" : "DOWN", target.detail()});
        for (const auto& address : target.addresses())
            targets.add({"", "  " + address.address(), address.up() ? "up" : "DOWN", address.detail()});
    }
    if (targets.empty()) return;
    out << '\n';
    targets.print(out);
}

void print_media(std::ostream& out, const sallyport::media::v1::Statistics& media) {
    out << "\nmedia: " << counted(media.sessions(), "session") << ", " << counted(media.mbufs_in_use(), "packet buffer")
        << " in use\n";
    if (media.drain().on())
        out << "DRAINING for " << duration_text(media.drain().since_seconds()) << ": new media sessions are refused, "
            << counted(media.drain().sessions(), "media session") << " left\n";
    Table ports({"PORT", "LINK", "ADDRESSES", "RX PACKETS", "TX PACKETS", "MISSED", "UDP PORTS FREE"});
    for (const auto& port : media.ports()) {
        std::string addresses;
        for (const auto& address : port.addresses()) addresses += (addresses.empty() ? "" : ", ") + address;
        ports.add({port.name(), port.link_up() ? "up" : "DOWN", addresses, std::to_string(port.rx_packets()),
                   std::to_string(port.tx_packets()), std::to_string(port.rx_missed()),
                   std::to_string(port.udp_ports_free()) + " of " + std::to_string(port.udp_ports_total()) +
                       (port.udp_ports_resting() > 0 ? " (" + std::to_string(port.udp_ports_resting()) + " resting)"
                                                     : std::string())});
    }
    if (!ports.empty()) ports.print(out);
    for (const auto& port : media.ports())
        if (!port.steering().empty())
            out << printable(port.name()) << " steering: " << printable(port.steering()) << '\n';
    for (const auto& port : media.ports())
        if (!port.address_conflict().empty())
            out << "CONFLICT on " << printable(port.name()) << ": " << printable(port.address_conflict()) << " ("
                << counted(port.address_conflicts(), "frame") << " since the start)\n";
    for (const auto& [reason, packets] : media.drops())
        if (packets > 0) out << "dropped: " << packets << ' ' << printable(reason) << '\n';
}

}  // namespace

int status(Session& session) {
    ov1::Status status;
    session.client.call(session.client.operations(), &ov1::Operations::Stub::GetStatus, ov1::GetStatusRequest(),
                        status);
    if (session.json) {
        print_json(session.out, status);
        return Exit::done;
    }
    auto& out = session.out;
    out << "node " << printable(status.node()) << ", version " << printable(status.version())
        << ", configuration revision " << status.revision() << ": " << counted(status.trunks(), "trunk") << ", "
        << counted(status.carriers(), "carrier") << ", " << counted(status.routes(), "route") << ", "
        << counted(status.customers(), "customer") << "; call records " << bytes_text(status.record_spool_bytes())
        << "\n\n";
    print_daemons(out, status);
    print_planes(out, status);
    if (status.has_signaling()) print_signaling(out, status.signaling());
    if (status.has_media()) print_media(out, status.media());
    if (status.warnings_size() > 0) out << '\n';
    for (const auto& warning : status.warnings()) out << "warning: " << printable(warning) << '\n';
    return Exit::done;
}

}  // namespace sallyport::cli
