// The OPTIONS (RFC 3261 11) that asks whether somebody is there.
#pragma once

#include <string>
#include <string_view>

#include "signaling/b2bua/context.h"

namespace sallyport::stack {

// The shard that sends it is the one that its answer comes to.
std::string options_request(b2bua::Context& cx, const Flow& flow, std::string_view uri);

}  // namespace sallyport::stack
