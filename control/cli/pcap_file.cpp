#include "control/cli/pcap_file.h"

#include <cstdint>
#include <optional>

#include "control/base/bytes.h"
#include "control/base/endpoint.h"

namespace sallyport::cli {
namespace {

constexpr std::uint32_t section_header = 0x0a0d0d0a, interface_description = 1, enhanced_packet = 6;
constexpr std::uint16_t option_end = 0, option_comment = 1, option_application = 4;
constexpr std::uint16_t option_flags = 2, option_resolution = 9;
constexpr std::uint16_t link_type_raw = 101;  // an IP packet, of the version that its first octet says
constexpr std::uint8_t protocol_udp = 17, hop_limit = 64;
constexpr std::size_t udp_header = 8, ipv4_header = 20, ipv6_header = 40;

void put16(std::string& out, std::uint16_t value) {  // of the file, in this host's order as its magic says
    out.append(reinterpret_cast<const char*>(&value), sizeof value);
}
void put32(std::string& out, std::uint32_t value) { out.append(reinterpret_cast<const char*>(&value), sizeof value); }
void pad(std::string& out) { out.append((4 - out.size() % 4) % 4, '\0'); }
void put_option(std::string& out, std::uint16_t code, std::string_view value) {
    put16(out, code);
    put16(out, static_cast<std::uint16_t>(value.size()));
    out += value;
    pad(out);
}

std::uint32_t sum_of(const Bytes& bytes, std::size_t from, std::uint32_t sum) {
    for (std::size_t i = from; i + 1 < bytes.size(); i += 2) sum += load_be16(&bytes[i]);
    if ((bytes.size() - from) % 2 != 0) sum += static_cast<std::uint32_t>(bytes.back()) << 8;
    while (sum >> 16 != 0) sum = (sum & 0xffff) + (sum >> 16);
    return sum;
}

std::optional<Endpoint> endpoint_of(const media::v1::Endpoint& endpoint) {
    const auto address = IpAddress::parse(endpoint.address());
    if (!address || endpoint.port() > 65'535) return std::nullopt;
    return Endpoint{*address, static_cast<std::uint16_t>(endpoint.port())};
}

// RFC 768, 791, 8200; `length` is the datagram's, of which the payload may be a part.
Bytes ip_packet(const Endpoint& from, const Endpoint& to, const std::string& payload, std::size_t length) {
    const bool v4 = from.address.family == Family::v4;
    const std::size_t header = v4 ? ipv4_header : ipv6_header, address = v4 ? 4 : 16;
    const auto udp_length = static_cast<std::uint16_t>(udp_header + length);
    Bytes out(header + udp_header, 0);
    if (v4) {
        out[0] = 0x45;
        store_be16(&out[2], static_cast<std::uint16_t>(header + udp_length));
        out[8] = hop_limit;
        out[9] = protocol_udp;
    } else {
        out[0] = 0x60;
        store_be16(&out[4], udp_length);
        out[6] = protocol_udp;
        out[7] = hop_limit;
    }
    const std::size_t addresses = header - 2 * address;
    std::copy_n(from.address.bytes.begin(), address, out.begin() + static_cast<std::ptrdiff_t>(addresses));
    std::copy_n(to.address.bytes.begin(), address, out.begin() + static_cast<std::ptrdiff_t>(addresses + address));
    if (v4) store_be16(&out[10], static_cast<std::uint16_t>(~sum_of(out, 0, 0)));
    store_be16(&out[header], from.port);
    store_be16(&out[header + 2], to.port);
    store_be16(&out[header + 4], udp_length);
    out.insert(out.end(), payload.begin(), payload.end());
    if (payload.size() == length) {
        const auto sum = static_cast<std::uint16_t>(~sum_of(out, addresses, std::uint32_t{protocol_udp} + udp_length));
        store_be16(&out[header + 6], sum == 0 ? 0xffff : sum);
    }
    return out;
}

std::string comment_of(const media::v1::CapturedPacket& packet) {
    std::string text = "leg ";
    text += packet.side() == media::v1::SIDE_A ? "a" : "b";
    text += ", stream " + std::to_string(packet.stream()) + (packet.sent() ? ", sent" : ", received");
    if (packet.decrypted()) text += ", decrypted";
    if (packet.withheld()) text += ", its header alone: the other side has SRTP";
    if (!packet.drop().empty()) text += ", dropped: " + packet.drop();
    return text;
}

}  // namespace

PcapFile::PcapFile(std::ostream& out, const std::string& application) : out_(out) {
    std::string section;
    put32(section, 0x1a2b3c4d);
    put16(section, 1);
    put16(section, 0);
    put32(section, 0xffffffff);  // of a length that is not known
    put32(section, 0xffffffff);
    put_option(section, option_application, application);
    put_option(section, option_end, "");
    block(section_header, section);
    std::string interface;
    put16(interface, link_type_raw);
    put16(interface, 0);
    put32(interface, 0);  // no limit
    put_option(interface, option_resolution, std::string(1, '\x09'));
    put_option(interface, option_end, "");
    block(interface_description, interface);
}

bool PcapFile::add(const media::v1::CapturedPacket& packet) {
    const auto from = endpoint_of(packet.from()), to = endpoint_of(packet.to());
    if (!from || !to || from->address.family != to->address.family || packet.length() > 65'507 ||
        packet.payload().size() > packet.length())
        return false;
    const Bytes ip = ip_packet(*from, *to, packet.payload(), packet.length());
    std::string body;
    put32(body, 0);
    put32(body, static_cast<std::uint32_t>(packet.time_ns() >> 32));
    put32(body, static_cast<std::uint32_t>(packet.time_ns()));
    put32(body, static_cast<std::uint32_t>(ip.size()));
    put32(body, static_cast<std::uint32_t>(ip.size() + packet.length() - packet.payload().size()));
    body.append(ip.begin(), ip.end());
    pad(body);
    put_option(body, option_comment, comment_of(packet));
    std::string flags;
    put32(flags, packet.sent() ? 2 : 1);
    put_option(body, option_flags, flags);
    put_option(body, option_end, "");
    block(enhanced_packet, body);
    return true;
}

void PcapFile::block(std::uint32_t type, const std::string& body) {
    const auto length = static_cast<std::uint32_t>(body.size() + 12);
    std::string whole;
    put32(whole, type);
    put32(whole, length);
    whole += body;
    put32(whole, length);
    out_ << whole;
}

}  // namespace sallyport::cli
