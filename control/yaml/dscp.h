// A Differentiated Services code point (RFC 2474) as operators write it, the same in every daemon's file.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "control/yaml/fields.h"

namespace sallyport::yaml {

// "0" to "63", or a name: CS0 to CS7 (RFC 2474), AF11 to AF43 (RFC 2597), EF (RFC 3246), in either case.
std::optional<std::uint8_t> parse_dscp(std::string_view text);

// `example` is shown when it is wrong.
std::uint8_t read_dscp(Fields& fields, std::string_view key, std::uint8_t otherwise, const std::string& example);

}  // namespace sallyport::yaml
