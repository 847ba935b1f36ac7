// Cutting SDP lines into words and numbers (RFC 8866 9). Private to the room.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace sallyport::sdp {

// Words between runs of spaces, at most `limit`; the last one then holds the rest of the line.
std::vector<std::string_view> words(std::string_view text, std::size_t limit = static_cast<std::size_t>(-1));
std::optional<std::uint32_t> number(std::string_view digits, std::uint32_t bound = 0xffff'ffff);  // no sign, no space
bool same_name(std::string_view a, std::string_view b);                                           // any case
bool is_token(std::string_view text);

}  // namespace sallyport::sdp
