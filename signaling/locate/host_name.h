// Host names as DNS asks for them: RFC 1035 2.3.1 with the underscore of RFC 2782. Resolves nothing.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace sallyport::locate {

// Lower case, without the trailing dot; nothing when it is no name that may be asked for (too long, an empty label,
// another character, or an address in disguise).
std::optional<std::string> host_name(std::string_view text);

}  // namespace sallyport::locate
