// Which work goes first when there is too much of it: emergency, in-dialog, new calls, REGISTER, OPTIONS. Decides the
// class of a message only; who sheds what is the business of the rooms that shed.
#pragma once

#include <cstdint>
#include <string_view>

#include "signaling/sip/message.h"

namespace sallyport::policy {

enum class Priority : std::uint8_t { emergency, in_dialog, new_call, registration, options, other };

Priority priority_of(const sip::Message& message);
std::string_view to_string(Priority priority);

}  // namespace sallyport::policy
