// What the generators of load share: how they fail, where they send, how they read an answer.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>

#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string_view>

namespace generator {

[[noreturn]] inline void fail(const char* what) {
    std::fprintf(stderr, "%s: %s\n", program_invocation_short_name, what);
    std::exit(1);
}

inline sockaddr_in address(const char* host, unsigned long port) {
    sockaddr_in out{};
    out.sin_family = AF_INET;
    out.sin_port = htons(static_cast<std::uint16_t>(port));
    if (inet_pton(AF_INET, host, &out.sin_addr) != 1) fail("no IPv4 address");
    return out;
}

// What stands behind `begin`, up to the first character of `ends`; empty where it is not there.
inline std::string_view between(std::string_view text, std::string_view begin, std::string_view ends) {
    const auto at = text.find(begin);
    if (at == text.npos) return {};
    text.remove_prefix(at + begin.size());
    return text.substr(0, text.find_first_of(ends));
}

}  // namespace generator
