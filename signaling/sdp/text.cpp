// Words and numbers of SDP lines, RFC 8866 9.
#include "signaling/sdp/text.h"

#include <algorithm>

namespace sallyport::sdp {
namespace {

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c; }
bool is_space(char c) { return c == ' ' || c == '\t'; }

}  // namespace

std::vector<std::string_view> words(std::string_view text, std::size_t limit) {
    std::vector<std::string_view> out;
    out.reserve(std::min<std::size_t>(limit, 12));  // as many as lines have, but for long lists of formats
    std::size_t at = 0;
    for (;;) {
        while (at < text.size() && is_space(text[at])) ++at;
        if (at == text.size()) return out;
        const std::size_t from = at;
        if (out.size() + 1 == limit) at = text.size();
        while (at < text.size() && !is_space(text[at])) ++at;
        out.push_back(text.substr(from, at - from));
    }
}

std::optional<std::uint32_t> number(std::string_view digits, std::uint32_t bound) {
    if (digits.empty()) return std::nullopt;
    std::uint64_t n = 0;
    for (const char c : digits) {
        if (c < '0' || c > '9') return std::nullopt;
        n = n * 10 + static_cast<unsigned>(c - '0');
        if (n > bound) return std::nullopt;
    }
    return static_cast<std::uint32_t>(n);
}

bool same_name(std::string_view a, std::string_view b) {
    return a.size() == b.size() &&
           std::equal(a.begin(), a.end(), b.begin(), [](char x, char y) { return lower(x) == lower(y); });
}

bool is_token(std::string_view text) {
    constexpr std::string_view marks = "!#$%&'*+-.^_`{|}~";
    return !text.empty() && std::all_of(text.begin(), text.end(), [&](char c) {
        return (lower(c) >= 'a' && lower(c) <= 'z') || (c >= '0' && c <= '9') ||
               marks.find(c) != std::string_view::npos;
    });
}

}  // namespace sallyport::sdp
