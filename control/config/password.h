// Whether a password that somebody thought up may protect a trunk (SIPconnect 16.6.1: no dictionary words, and 64 bits
// of randomness are asked for). Judges what can be seen of one; a hash shows nothing.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace sallyport::config {

inline constexpr std::size_t password_min_length = 10;

// What is wrong with it, as a sentence without subject; nothing: it will do.
std::optional<std::string> weakness_of(std::string_view password, std::string_view username);

}  // namespace sallyport::config
