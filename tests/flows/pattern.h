// Patterns of expected values: "*" is any text; "{name}" is any text too, remembered the first time and the same ever
// after.
#pragma once

#include <map>
#include <string>
#include <string_view>

namespace sallyport::test {

using Variables = std::map<std::string, std::string>;

// On success `known` has gained what the pattern named.
bool match_pattern(std::string_view pattern, std::string_view text, Variables& known);
std::string substitute(const std::string& text, const Variables& known);

}  // namespace sallyport::test
