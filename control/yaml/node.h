// A YAML document as a plain tree that knows where everything stood. Refuses what YAML lets pass in silence: a key
// given twice, text too deep or too large. Knows no field names; those are fields.h.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "control/base/result.h"

namespace sallyport::yaml {

namespace limits {
inline constexpr std::size_t text_bytes = 64u << 20;  // a hundred thousand trunks in one file
inline constexpr std::size_t nodes = 4'000'000;       // after aliases are expanded: no billion laughs
inline constexpr std::size_t depth = 32;
}  // namespace limits

struct Place {
    int line = 1, column = 1;  // as editors count
    friend bool operator==(const Place&, const Place&) = default;
};

enum class Kind : std::uint8_t { null, scalar, sequence, mapping };

struct Entry;
struct Node {
    Kind kind = Kind::null;
    std::string text;     // scalar
    bool quoted = false;  // "on" in quotes is text, on without is what YAML makes of it
    Place place;
    std::vector<Node> items;     // sequence
    std::vector<Entry> entries;  // mapping, in the order of the file

    const Node* find(std::string_view key) const;
};
struct Entry {
    std::string key;
    Place place;
    Node value;
};

struct Problem {
    Place place;
    std::string field;  // "media.ports[1].address"; empty: the document
    std::string text;   // what is wrong and an example of right
};
// "FILE:12:3: media.ports[1].address: ..."
std::string to_string(const Problem& problem, std::string_view file);

// Every document of the text ("---" between them).
Result<std::vector<Node>, Problem> parse(std::string_view text);

}  // namespace sallyport::yaml
