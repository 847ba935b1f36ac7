// What an operator changes of the header fields that cross: values, and which fields he may name. What the rules do to
// a message is signaling/policy/header_rules.h.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace sallyport::config {

enum class HeaderAction : std::uint8_t { add, remove, rewrite };
struct HeaderRule {
    HeaderAction action = HeaderAction::add;
    std::string header;  // a field's name as it is sent; compared without case
    std::string match;   // remove, rewrite: of the whole value; "*" stands for any characters; empty: every value
    std::string value;   // add, rewrite; in rewrite "$1" is what the first "*" stood for
    friend bool operator==(const HeaderRule&, const HeaderRule&) = default;
};
struct HeaderRules {
    std::vector<HeaderRule> in, out;  // of what the peer sends, of what it is sent
    bool empty() const { return in.empty() && out.empty(); }
    friend bool operator==(const HeaderRules&, const HeaderRules&) = default;
};

// Why no rule may touch the field, as a sentence's end; empty: it may.
std::string_view reserved_header(std::string_view name);

}  // namespace sallyport::config
