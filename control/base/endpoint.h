// IP addresses and endpoints as plain values, both families. No name is ever resolved here.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace sallyport {

enum class Family : std::uint8_t { none, v4, v6 };

struct IpAddress {
    Family family = Family::none;
    std::array<std::uint8_t, 16> bytes{};  // v4 in the first four, the rest zero

    static IpAddress v4(std::uint8_t a, std::uint8_t b, std::uint8_t c, std::uint8_t d) {
        return {Family::v4, {a, b, c, d}};
    }
    // "192.0.2.1", "2001:db8::1" or "[2001:db8::1]". A scope id, a name, leading zeros: nothing.
    static std::optional<IpAddress> parse(std::string_view text);

    bool empty() const { return family == Family::none; }
    bool is_unspecified() const;  // 0.0.0.0 or ::
    bool is_loopback() const;
    bool is_multicast() const;
    bool is_link_local() const;
    std::string to_string() const;  // without brackets

    friend bool operator==(const IpAddress&, const IpAddress&) = default;
    friend auto operator<=>(const IpAddress&, const IpAddress&) = default;
};

struct Endpoint {
    IpAddress address;
    std::uint16_t port = 0;

    // "192.0.2.1:5060" or "[2001:db8::1]:5060"; the port is required.
    static std::optional<Endpoint> parse(std::string_view text);
    bool empty() const { return address.empty(); }
    std::string to_string() const;  // IPv6 in brackets

    friend bool operator==(const Endpoint&, const Endpoint&) = default;
    friend auto operator<=>(const Endpoint&, const Endpoint&) = default;
};

// "192.0.2.1" as it is, "[2001:db8::1]" in brackets: the form of a SIP host.
std::string host_text(const IpAddress& address);

}  // namespace sallyport

template <>
struct std::hash<sallyport::IpAddress> {
    std::size_t operator()(const sallyport::IpAddress& a) const noexcept {
        return std::hash<std::string_view>{}({reinterpret_cast<const char*>(a.bytes.data()), a.bytes.size()});
    }
};
template <>
struct std::hash<sallyport::Endpoint> {
    std::size_t operator()(const sallyport::Endpoint& e) const noexcept {
        return std::hash<sallyport::IpAddress>{}(e.address) * 1099511628211ull ^ e.port;
    }
};
