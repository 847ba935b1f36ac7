// SIP methods. Names are case-sensitive tokens (RFC 3261 7.1); what is not known is `other` and keeps its text.
#pragma once

#include <cstdint>
#include <string_view>

namespace sallyport::sip {

enum class Method : std::uint8_t {
    invite,
    ack,
    bye,
    cancel,
    options,
    register_,
    prack,
    update,
    info,
    subscribe,
    notify,
    refer,
    message,
    publish,
    other
};

Method method_from(std::string_view token);  // "INVITE" -> invite; unknown -> other
std::string_view to_string(Method method);   // other -> ""

}  // namespace sallyport::sip
