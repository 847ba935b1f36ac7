#include "control/base/service_address.h"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <system_error>

#include "control/base/endpoint.h"

namespace sallyport {

bool is_host(std::string_view text) {
    constexpr std::size_t longest = 253;
    if (IpAddress::parse(text)) return true;
    if (text.empty() || text.size() > longest || text.front() == '.' || text.front() == '-') return false;
    return std::all_of(text.begin(), text.end(), [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '.';
    });
}

bool is_host_and_port(std::string_view text) {
    const auto colon = text.rfind(':');
    if (colon == text.npos) return false;
    const std::string_view host = text.substr(0, colon);
    if (!is_host(host) || (host.find(':') != host.npos && !host.starts_with('['))) return false;
    std::uint16_t port = 0;
    const auto [end, error] = std::from_chars(text.data() + colon + 1, text.data() + text.size(), port);
    return error == std::errc{} && end == text.data() + text.size() && port > 0;
}

bool stays_on_host(std::string_view service_address) {
    if (service_address.starts_with("unix:")) return true;
    std::string_view host = service_address.substr(0, service_address.rfind(':'));
    if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
    const auto literal = IpAddress::parse(host);
    return host == "localhost" || (literal && literal->is_loopback());
}

}  // namespace sallyport
