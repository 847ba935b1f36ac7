#include "control/yaml/dscp.h"

#include <algorithm>
#include <charconv>

namespace sallyport::yaml {
namespace {

constexpr std::uint8_t expedited_forwarding = 46;
constexpr int highest = 63;  // six bits; the two below them are ECN's

std::string upper(std::string_view text) {
    std::string result(text);
    std::transform(result.begin(), result.end(), result.begin(),
                   [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c; });
    return result;
}

bool between(char c, char low, char high) { return c >= low && c <= high; }

}  // namespace

std::optional<std::uint8_t> parse_dscp(std::string_view text) {
    const std::string name = upper(text);
    if (name == "EF") return expedited_forwarding;
    if (name.size() == 3 && name.starts_with("CS") && between(name[2], '0', '7'))
        return static_cast<std::uint8_t>((name[2] - '0') * 8);
    if (name.size() == 4 && name.starts_with("AF") && between(name[2], '1', '4') && between(name[3], '1', '3'))
        return static_cast<std::uint8_t>((name[2] - '0') * 8 + (name[3] - '0') * 2);
    int value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || end != text.data() + text.size() || value < 0 || value > highest) return std::nullopt;
    return static_cast<std::uint8_t>(value);
}

std::uint8_t read_dscp(Fields& fields, std::string_view key, std::uint8_t otherwise, const std::string& example) {
    const auto text = fields.text(key, Fields::Required::no, example);
    if (text.empty()) return otherwise;
    const auto value = parse_dscp(text);
    if (!value)
        fields.wrong(key, "'" + text + "' is neither 0 to 63 nor one of CS0 to CS7, AF11 to AF43, EF; example: " +
                              std::string(key) + ": " + example);
    return value.value_or(otherwise);
}

}  // namespace sallyport::yaml
