// Reads a mapping field by field and says what is wrong, all of it, with places: unknown keys with the nearest known
// one, missing fields, wrong kinds, values out of range. Knows no file and prints nothing.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "control/yaml/node.h"

namespace sallyport::yaml {

using Problems = std::vector<Problem>;

// Usage: construct over a mapping, ask for each field, and call finish(); then look at the problems.
//     Fields root(document, "", problems);
//     auto listen = root.text("listen", Required::yes, "127.0.0.1:7443");
//     Fields log = root.section("log");
//     log.choice("level", {"debug", "info", "warning", "error"}, "info"); log.finish();
//     root.finish();
class Fields {
public:
    enum class Required : bool { no, yes };

    Fields(const Node& mapping, std::string path, Problems& problems)
        : Fields(mapping, mapping.place, std::move(path), problems) {}

    bool has(std::string_view key) const;
    // `example` is shown when the field is missing or wrong; it is not a default.
    std::string text(std::string_view key, Required required, std::string_view example);
    std::int64_t integer(std::string_view key, std::int64_t low, std::int64_t high, std::int64_t otherwise);
    double number(std::string_view key, double low, double high, double otherwise);
    bool boolean(std::string_view key, bool otherwise);
    std::string choice(std::string_view key, const std::vector<std::string>& values, std::string_view otherwise);
    std::vector<std::string> texts(std::string_view key, std::string_view example);  // a sequence of scalars
    Fields section(std::string_view key);                                            // absent: every field of it is
    std::vector<Fields> list(std::string_view key, Required required);               // a sequence of mappings

    // For what only the caller can judge: "192.0.2.1:99999" is text, but no endpoint.
    void wrong(std::string_view key, std::string text);
    // Reports keys that nobody asked for.
    void finish();

    const std::string& path() const { return path_; }

private:
    Fields(const Node& mapping, Place place, std::string path, Problems& problems);
    const Node* take(std::string_view key);
    const Node* scalar(std::string_view key, std::string_view expected);
    std::string name(std::string_view key) const;

    const Node* node_;
    Place place_;  // where something missing is reported
    std::string path_;
    Problems* problems_;
    std::set<std::string, std::less<>> known_;
};

// The candidate that a typing mistake most likely meant, or nothing.
std::optional<std::string> nearest(std::string_view word, const std::vector<std::string>& candidates);

// YAML 1.2's two truth values, and no other spelling.
std::optional<bool> parse_boolean(const Node& node);

}  // namespace sallyport::yaml
