// The methods this node takes, as its Allow says.
#pragma once

#include <string_view>

namespace sallyport::b2bua {

inline constexpr std::string_view methods_in_dialog = "INVITE, ACK, CANCEL, BYE, OPTIONS, UPDATE, PRACK";

}  // namespace sallyport::b2bua
