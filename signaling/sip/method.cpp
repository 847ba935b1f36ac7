// SIP methods by name (RFC 3261 7.1, 3262, 3265, 3311, 3428, 3515, 3903, 6086).
#include "signaling/sip/method.h"

#include <array>

namespace sallyport::sip {
namespace {

constexpr std::array<std::string_view, 14> names{"INVITE",   "ACK",   "BYE",     "CANCEL", "OPTIONS",
                                                 "REGISTER", "PRACK", "UPDATE",  "INFO",   "SUBSCRIBE",
                                                 "NOTIFY",   "REFER", "MESSAGE", "PUBLISH"};
static_assert(names.size() == static_cast<std::size_t>(Method::other));

}  // namespace

Method method_from(std::string_view token) {
    for (std::size_t i = 0; i < names.size(); ++i)
        if (names[i] == token) return static_cast<Method>(i);
    return Method::other;
}

std::string_view to_string(Method method) {
    return method == Method::other ? std::string_view() : names[static_cast<std::size_t>(method)];
}

}  // namespace sallyport::sip
