#include "media-plane/app/port_fields.h"

#include <algorithm>
#include <array>
#include <charconv>

#include "control/yaml/dscp.h"

namespace sallyport::media::app {
namespace {

using yaml::Fields;

constexpr const char* addresses_example = "\"192.0.2.2/24\", \"2001:db8::2/64\"";

template <class T>
bool whole_number(std::string_view text, T& value) {
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    return error == std::errc{} && end == text.data() + text.size();
}

std::string element(const char* list, std::size_t index) {
    return std::string(list) + '[' + std::to_string(index) + ']';
}

std::optional<dpdk::InterfaceAddress> parse_interface_address(const std::string& text, std::string& why) {
    const auto slash = text.find('/');
    const auto address = IpAddress::parse(std::string_view(text).substr(0, slash));
    if (!address || text.starts_with('[')) {
        why = "is not an IP address";
        return std::nullopt;
    }
    const unsigned longest = address->family == Family::v4 ? 32 : 128;
    unsigned prefix = 0;
    if (slash == text.npos || !whole_number(std::string_view(text).substr(slash + 1), prefix) || prefix < 1 ||
        prefix > longest) {
        why = "has no prefix length from 1 to " + std::to_string(longest);
        return std::nullopt;
    }
    if (address->is_unspecified() || address->is_multicast() || address->is_loopback()) {
        why = "is not a unicast address of a link";
        return std::nullopt;
    }
    return dpdk::InterfaceAddress{*address, static_cast<std::uint8_t>(prefix)};
}

// True when all of them could be read: then gateways can be judged by them.
bool read_addresses(Fields& fields, dpdk::PortConfig& port) {
    const auto texts = fields.texts("addresses", addresses_example);
    if (texts.empty())
        fields.wrong("addresses", "at least one is needed; example: [" + std::string(addresses_example) + "]");
    for (std::size_t i = 0; i < texts.size(); ++i) {
        std::string why;
        const auto address = parse_interface_address(texts[i], why);
        if (!address) {
            fields.wrong(element("addresses", i), "'" + texts[i] + "' " + why + "; example: 192.0.2.2/24");
            continue;
        }
        const bool second = std::any_of(port.addresses.begin(), port.addresses.end(),
                                        [&](const auto& a) { return a.address.family == address->address.family; });
        if (second)
            fields.wrong(element("addresses", i),
                         "is the port's second of its family; a port has one IPv4 and one IPv6 address");
        else
            port.addresses.push_back(*address);
    }
    return !texts.empty() && port.addresses.size() == texts.size();
}

void read_gateways(Fields& fields, dpdk::PortConfig& port, bool addresses_known) {
    const auto texts = fields.texts("gateways", "192.0.2.1");
    for (std::size_t i = 0; i < texts.size(); ++i) {
        const auto field = element("gateways", i);
        const auto gateway = IpAddress::parse(texts[i]);
        if (!gateway) {
            fields.wrong(field, "'" + texts[i] + "' is not an IP address; example: 192.0.2.1");
            continue;
        }
        auto& place = gateway->family == Family::v4 ? port.gateway_v4 : port.gateway_v6;
        const bool on_link = (gateway->family == Family::v6 && gateway->is_link_local()) ||
                             std::any_of(port.addresses.begin(), port.addresses.end(),
                                         [&](const auto& a) { return a.on_link(*gateway) && a.address != *gateway; });
        if (place)
            fields.wrong(field, "is the second of its family");
        else if (!on_link && addresses_known)
            fields.wrong(field, "'" + texts[i] + "' is not a neighbour in a subnet of this port's addresses");
        place = gateway;
    }
}

void read_udp_ports(Fields& fields, dpdk::PortConfig& port) {
    const auto text = fields.text("udp_ports", Fields::Required::no, "16384-32767");
    if (text.empty()) return;
    const auto dash = text.find('-');
    std::uint16_t first = 0, last = 0;
    const bool read = dash != text.npos && whole_number(std::string_view(text).substr(0, dash), first) &&
                      whole_number(std::string_view(text).substr(dash + 1), last);
    if (!read || first < 1024 || first % 2 != 0 || last % 2 != 1 || last < first)
        fields.wrong("udp_ports",
                     "'" + text + "' is not an even port from 1024 on and a higher odd one; example: 16384-32767");
    else
        port.first_udp_port = first, port.last_udp_port = last;
}

void read_device(Fields& fields, dpdk::PortConfig& port) {
    constexpr std::array virtual_devices{"net_af_packet", "net_af_xdp", "net_tap",  "net_ring",
                                         "net_pcap",      "net_null",   "net_memif"};
    constexpr const char* example = "\"net_af_packet0,iface=eth1\" or 0000:03:00.0";
    port.device = fields.text("device", Fields::Required::yes, example);
    if (port.device.empty() || dpdk::is_pci_device(port.device)) return;
    const bool known = std::any_of(virtual_devices.begin(), virtual_devices.end(),
                                   [&](const char* name) { return port.device.starts_with(name); });
    if (!known)
        fields.wrong("device",
                     "'" + port.device + "' is neither a PCI address nor a virtual device; example: " + example);
}

// One mark for all that is sent, or a class of it has one of its own.
void read_marks(Fields& fields, dpdk::PortConfig& port) {
    const auto at = [&](Service service) -> std::uint8_t& { return port.dscp[static_cast<std::size_t>(service)]; };
    port.dscp = all_marked(yaml::read_dscp(fields, "dscp", at(Service::voice), "EF"));
    at(Service::video) = yaml::read_dscp(fields, "dscp_video", at(Service::video), "AF41");
    at(Service::rtcp) = yaml::read_dscp(fields, "dscp_rtcp", at(Service::rtcp), "AF31");
    at(Service::emergency) = yaml::read_dscp(fields, "dscp_emergency", at(Service::emergency), "EF");
    const auto text = fields.text("vlan_priority", Fields::Required::no, "auto");
    if (text.empty() || text == "auto") return;
    std::uint8_t priority = 0;
    if (!whole_number(text, priority) || priority > 7)
        fields.wrong("vlan_priority", "'" + text + "' is neither auto nor a number from 0 to 7; example: auto");
    else if (port.vlan == 0)
        fields.wrong("vlan_priority", "is given without vlan: an untagged frame has no place for it");
    else
        port.vlan_priority = priority;
}

void read_link(Fields& fields, dpdk::PortConfig& port) {
    const bool v6 = std::any_of(port.addresses.begin(), port.addresses.end(),
                                [](const auto& a) { return a.address.family == Family::v6; });
    // RFC 8200 section 5: IPv6 needs 1280; 9000 is what jumbo frames carry everywhere.
    port.mtu = static_cast<std::uint16_t>(fields.integer("mtu", v6 ? 1280 : 576, 9000, 1500));
    port.vlan = static_cast<std::uint16_t>(fields.integer("vlan", 0, 4094, 0));
    read_marks(fields, port);
    const auto mac = fields.text("mac", Fields::Required::no, "\"02:00:00:00:00:01\"");
    if (!mac.empty()) {
        port.link_address = dpdk::LinkAddress::parse(mac);
        if (!port.link_address || port.link_address->is_group() || port.link_address->is_zero())
            fields.wrong("mac", "'" + mac + "' is not a unicast MAC address; example: \"02:00:00:00:00:01\"");
    }
    const auto verify = fields.choice("verify_checksums", {"auto", "true", "false"}, "auto");
    port.verify_checksums = verify == "true"    ? dpdk::VerifyChecksums::always
                            : verify == "false" ? dpdk::VerifyChecksums::never
                                                : dpdk::VerifyChecksums::automatic;
}

}  // namespace

dpdk::PortConfig read_port(Fields& fields) {
    dpdk::PortConfig port;
    port.name = fields.text("name", Fields::Required::yes, "access");
    const bool plain = std::all_of(port.name.begin(), port.name.end(), [](unsigned char c) {
        return std::isalnum(c) != 0 || c == '-' || c == '_' || c == '.';
    });
    if (!plain || port.name.size() > 64)
        fields.wrong("name", "'" + port.name + "' is not 1 to 64 letters, digits, '-', '_' or '.'; example: access");
    read_device(fields, port);
    const bool addresses_known = read_addresses(fields, port);
    read_gateways(fields, port, addresses_known);
    read_udp_ports(fields, port);
    read_link(fields, port);
    fields.finish();
    return port;
}

}  // namespace sallyport::media::app
