// Header names through a hash table that the compiler builds: one probe or two for each field of each message.
#include "signaling/sip/header_name.h"

#include <array>
#include <cstddef>
#include <cstring>

#include "signaling/sip/scan.h"

namespace sallyport::sip {
namespace {

struct Entry {
    std::string_view text, compact;
    bool list;
};
constexpr std::array entries{
#define X(name, text, compact, list) Entry{text, compact, list},
    SALLYPORT_SIP_HEADERS(X)
#undef X
};
static_assert(entries.size() == static_cast<std::size_t>(HeaderName::other));
static_assert(entries.size() < 0xff);

constexpr std::size_t slots = 512;  // a power of two, sparse: most lookups end at the first probe
constexpr std::uint8_t vacant = 0xff;

constexpr std::size_t slot_of(std::string_view name) {  // `name` is not empty; case does not matter
    const auto at = [&](std::size_t i) {
        return static_cast<std::size_t>(static_cast<unsigned char>(name[i]) | 0x20u);
    };
    return (name.size() * 61 + at(0) * 7 + at(name.size() / 2) * 31 + at(name.size() - 1) * 131) % slots;
}

constexpr std::array<std::uint8_t, slots> make_table() {
    std::array<std::uint8_t, slots> table{};
    for (auto& slot : table) slot = vacant;
    for (std::size_t i = 0; i < entries.size(); ++i) {
        std::size_t slot = slot_of(entries[i].text);
        while (table[slot] != vacant) slot = (slot + 1) % slots;
        table[slot] = static_cast<std::uint8_t>(i);
    }
    return table;
}
constexpr auto table = make_table();

// Of one size, at least two. Two loads for each, for most of them: a call of memcmp costs more than that.
bool same(std::string_view a, std::string_view b) {
    const auto ends_are = [&](auto word) {
        decltype(word) x, y, u, v;
        std::memcpy(&x, a.data(), sizeof word), std::memcpy(&y, b.data(), sizeof word);
        std::memcpy(&u, a.data() + a.size() - sizeof word, sizeof word);
        std::memcpy(&v, b.data() + b.size() - sizeof word, sizeof word);
        return x == y && u == v;
    };
    if (a.size() > 16) return a == b;
    if (a.size() >= 8) return ends_are(std::uint64_t{});
    if (a.size() >= 4) return ends_are(std::uint32_t{});
    return ends_are(std::uint16_t{});
}

constexpr std::array<std::uint8_t, 26> make_compact() {
    std::array<std::uint8_t, 26> letters{};
    for (auto& letter : letters) letter = vacant;
    for (std::size_t i = 0; i < entries.size(); ++i)
        if (!entries[i].compact.empty())
            letters[static_cast<std::size_t>(entries[i].compact[0] - 'a')] = static_cast<std::uint8_t>(i);
    return letters;
}
constexpr auto compact_forms = make_compact();

}  // namespace

HeaderName header_name_from(std::string_view name) {
    if (name.empty()) return HeaderName::other;
    if (name.size() == 1) {
        const char letter = scan::lower(name[0]);
        if (letter < 'a' || letter > 'z') return HeaderName::other;
        const std::uint8_t found = compact_forms[static_cast<std::size_t>(letter - 'a')];
        return found == vacant ? HeaderName::other : static_cast<HeaderName>(found);
    }
    for (std::size_t slot = slot_of(name); table[slot] != vacant; slot = (slot + 1) % slots) {
        const std::string_view candidate = entries[table[slot]].text;
        if (candidate.size() != name.size()) continue;
        if (same(candidate, name)) return static_cast<HeaderName>(table[slot]);
        std::size_t i = 0;
        while (i < name.size() && scan::lower(name[i]) == scan::lower(candidate[i])) ++i;
        if (i == name.size()) return static_cast<HeaderName>(table[slot]);
    }
    return HeaderName::other;
}

std::string_view to_string(HeaderName name) {
    return name == HeaderName::other ? std::string_view() : entries[static_cast<std::size_t>(name)].text;
}

bool is_list(HeaderName name) { return name != HeaderName::other && entries[static_cast<std::size_t>(name)].list; }

}  // namespace sallyport::sip
