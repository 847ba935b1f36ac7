#include "signaling/io/call_id_hash.h"

#include <algorithm>
#include <bit>

namespace sallyport::io {
namespace {

std::uint64_t load_le64(const std::uint8_t* p, std::size_t n) {
    std::uint64_t word = 0;
    for (std::size_t i = 0; i < n; ++i) word |= std::uint64_t{p[i]} << (8 * i);
    return word;
}

struct SipState {
    std::uint64_t v0, v1, v2, v3;

    void round() {
        v0 += v1;
        v1 = std::rotl(v1, 13) ^ v0;
        v0 = std::rotl(v0, 32);
        v2 += v3;
        v3 = std::rotl(v3, 16) ^ v2;
        v0 += v3;
        v3 = std::rotl(v3, 21) ^ v0;
        v2 += v1;
        v1 = std::rotl(v1, 17) ^ v2;
        v2 = std::rotl(v2, 32);
    }
    void take(std::uint64_t word) {
        v3 ^= word;
        round();
        round();
        v0 ^= word;
    }
};

constexpr std::string_view white = " \t";

bool is_name(std::string_view name, std::string_view canonical) {
    if (name.size() != canonical.size()) return false;
    for (std::size_t i = 0; i < name.size(); ++i) {
        const char c = name[i] >= 'A' && name[i] <= 'Z' ? static_cast<char>(name[i] | 0x20) : name[i];
        if (c != canonical[i]) return false;
    }
    return true;
}
bool is_call_id(std::string_view name) { return name.size() == 1 ? (name[0] | 0x20) == 'i' : is_name(name, "call-id"); }
bool is_from(std::string_view name) { return name.size() == 1 ? (name[0] | 0x20) == 'f' : is_name(name, "from"); }
bool is_to(std::string_view name) { return name.size() == 1 ? (name[0] | 0x20) == 't' : is_name(name, "to"); }

std::string_view trim(std::string_view text) {
    constexpr std::string_view folds = " \t\r\n";
    const auto begin = text.find_first_not_of(folds);
    return begin == text.npos ? std::string_view() : text.substr(begin, text.find_last_not_of(folds) + 1 - begin);
}

// `rest` begins behind the colon. The value may stand on continuation lines, all or in part (RFC 3261 7.3.1).
std::string_view value_at(std::string_view rest) {
    for (;;) {
        const auto begin = rest.find_first_not_of(white);
        if (begin == rest.npos) return {};
        rest.remove_prefix(begin);
        const std::size_t line_end = rest.starts_with("\r\n") ? 2 : rest.starts_with('\n') ? 1 : 0;
        if (line_end == 0) break;
        if (rest.size() <= line_end || white.find(rest[line_end]) == white.npos) return {};
        rest.remove_prefix(line_end);
    }
    auto end = std::min(rest.find('\n'), rest.size());
    while (end + 1 < rest.size() && white.find(rest[end + 1]) != white.npos)
        end = std::min(rest.find('\n', end + 1), rest.size());
    return trim(rest.substr(0, end));
}

// Of the first field whose name is one: `firsts` are its first letters.
template <class IsName>
std::string_view peek(std::string_view message, std::string_view firsts, IsName&& is) {
    const auto start = message.find_first_not_of("\r\n");  // line ends before the start line: RFC 3261 7.5
    if (start == message.npos) return {};
    for (auto line = message.find('\n', start); line != message.npos; line = message.find('\n', line)) {
        ++line;
        if (line == message.size() || message[line] == '\r' || message[line] == '\n') return {};  // end of the header
        const char first = static_cast<char>(message[line] | 0x20);
        if (firsts.find(first) == firsts.npos) continue;
        const auto rest = message.substr(line);
        const auto name_end = rest.find_first_of(": \t\r\n");
        if (name_end == rest.npos || !is(rest.substr(0, name_end))) continue;
        const auto colon = rest.find_first_not_of(white, name_end);
        if (colon == rest.npos || rest[colon] != ':') continue;
        return value_at(rest.substr(colon + 1));
    }
    return {};
}

// Of a From or To field: in its parameters, which are behind the brackets of its URI if it has them.
std::string_view tag_in(std::string_view field) {
    if (const auto bracket = field.rfind('>'); bracket != field.npos) field.remove_prefix(bracket + 1);
    for (auto semicolon = field.find(';'); semicolon != field.npos; semicolon = field.find(';')) {
        field.remove_prefix(semicolon + 1);
        const auto parameter = field.substr(0, field.find(';'));
        const auto equals = parameter.find('=');
        if (equals != parameter.npos && is_name(trim(parameter.substr(0, equals)), "tag"))
            return trim(parameter.substr(equals + 1));
    }
    return {};
}

}  // namespace

std::uint64_t siphash(const HashKey& key, ByteView data) {
    const std::uint64_t k0 = load_le64(key.data(), 8), k1 = load_le64(key.data() + 8, 8);
    SipState s{k0 ^ 0x736f6d6570736575ull, k1 ^ 0x646f72616e646f6dull, k0 ^ 0x6c7967656e657261ull,
               k1 ^ 0x7465646279746573ull};
    const std::size_t whole = data.size() / 8 * 8;
    for (std::size_t i = 0; i < whole; i += 8) s.take(load_le64(data.data() + i, 8));
    s.take(load_le64(data.data() + whole, data.size() - whole) | std::uint64_t{data.size()} << 56);
    s.v2 ^= 0xff;
    for (int i = 0; i < 4; ++i) s.round();
    return s.v0 ^ s.v1 ^ s.v2 ^ s.v3;
}

std::string_view peek_call_id(std::string_view message) { return peek(message, "ci", is_call_id); }

bool has_tag(std::string_view message, std::string_view tag) {
    return tag_in(peek(message, "f", is_from)) == tag || tag_in(peek(message, "t", is_to)) == tag;
}

}  // namespace sallyport::io
