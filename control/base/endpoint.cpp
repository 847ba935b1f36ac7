#include "control/base/endpoint.h"

#include <arpa/inet.h>  // inet_pton, inet_ntop: text conversion only, nothing here opens a socket

#include <charconv>

namespace sallyport {

std::optional<IpAddress> IpAddress::parse(std::string_view text) {
    if (text.size() >= 2 && text.front() == '[' && text.back() == ']') {
        text = text.substr(1, text.size() - 2);
        if (text.find(':') == text.npos) return std::nullopt;
    }
    char terminated[INET6_ADDRSTRLEN + 1];
    if (text.empty() || text.size() >= sizeof terminated || text.find('\0') != text.npos) return std::nullopt;
    const bool v6 = text.find(':') != text.npos;
    if (!v6 && (text.front() < '0' || text.front() > '9')) return std::nullopt;  // a name: most that are asked about
    text.copy(terminated, text.size());
    terminated[text.size()] = '\0';
    IpAddress address;
    address.family = v6 ? Family::v6 : Family::v4;
    if (inet_pton(v6 ? AF_INET6 : AF_INET, terminated, address.bytes.data()) != 1) return std::nullopt;
    return address;
}

bool IpAddress::is_unspecified() const { return family != Family::none && bytes == std::array<std::uint8_t, 16>{}; }

bool IpAddress::is_loopback() const {
    if (family == Family::v4) return bytes[0] == 127;
    std::array<std::uint8_t, 16> one{};
    one[15] = 1;
    return family == Family::v6 && bytes == one;
}

bool IpAddress::is_multicast() const {
    if (family == Family::v4) return bytes[0] >= 224;  // 240/4 and the broadcast address are no unicast targets either
    return family == Family::v6 && bytes[0] == 0xff;
}

bool IpAddress::is_link_local() const {
    if (family == Family::v4) return bytes[0] == 169 && bytes[1] == 254;
    return family == Family::v6 && bytes[0] == 0xfe && (bytes[1] & 0xc0) == 0x80;
}

std::string IpAddress::to_string() const {
    if (family == Family::none) return "-";
    char text[INET6_ADDRSTRLEN] = "";
    if (family == Family::v4) {  // in every Via and most log lines; inet_ntop formats with sprintf
        char* end = text;
        for (int i = 0; i < 4; ++i) {
            if (i > 0) *end++ = '.';
            end = std::to_chars(end, text + sizeof text, unsigned{bytes[static_cast<std::size_t>(i)]}).ptr;
        }
        return {text, end};
    }
    inet_ntop(AF_INET6, bytes.data(), text, sizeof text);
    return text;
}

std::optional<Endpoint> Endpoint::parse(std::string_view text) {
    const auto colon = text.rfind(':');
    if (colon == text.npos) return std::nullopt;
    const auto host = text.substr(0, colon), port_text = text.substr(colon + 1);
    const bool bracketed = !host.empty() && host.front() == '[';
    if (!bracketed && host.find(':') != host.npos) return std::nullopt;  // an IPv6 address without brackets
    const auto address = IpAddress::parse(host);
    if (!address) return std::nullopt;
    std::uint16_t port = 0;
    const auto [end, error] = std::from_chars(port_text.data(), port_text.data() + port_text.size(), port);
    if (error != std::errc{} || end != port_text.data() + port_text.size()) return std::nullopt;
    return Endpoint{*address, port};
}

std::string Endpoint::to_string() const { return host_text(address) + ':' + std::to_string(port); }

std::string host_text(const IpAddress& address) {
    return address.family == Family::v6 ? '[' + address.to_string() + ']' : address.to_string();
}

}  // namespace sallyport
