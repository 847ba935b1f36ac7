// Scheme and auth-params of Authorization, Proxy-Authorization and the challenges, where they stand: RFC 7616 3.3, 3.4
// and RFC 3261 25.1. Private to the room.
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

#include "signaling/sip/fields.h"
#include "signaling/sip/limits.h"
#include "signaling/sip/parameters.h"
#include "signaling/sip/scan.h"

namespace sallyport::sip {

struct CredentialsView {
    std::string_view scheme, auth_params;
};
FieldResult<CredentialsView> split_credentials(std::string_view value);

// A list of name=value between commas; empty elements are legal (RFC 9110 5.6.1). Each goes to `sink`, which may refuse
// it. Names may repeat here: whether that is an attack is decided by whoever knows the scheme.
template <class Sink>
std::optional<FieldErrc> each_auth_param(std::string_view text, Sink&& sink) {
    scan::Cursor cursor(text);
    for (std::size_t count = 0;;) {
        cursor.skip_lws();
        if (cursor.take(',')) continue;
        if (cursor.at_end()) return std::nullopt;
        ParameterView one;
        one.name = cursor.take_while(scan::token);
        one.has_value = true;
        cursor.skip_lws();
        if (one.name.empty() || !cursor.take('=')) return FieldErrc::bad_parameter;
        if (count++ == limits::parameters) return FieldErrc::out_of_range;
        cursor.skip_lws();
        if (cursor.next_is('"')) {
            const auto quoted = cursor.take_quoted();
            if (!quoted) return FieldErrc::bad_quoting;
            one.value = *quoted;
            one.quoted = true;
        } else {
            one.value = cursor.take_while(scan::value);
            if (one.value.empty()) return FieldErrc::bad_parameter;
        }
        cursor.skip_lws();
        if (!cursor.at_end() && !cursor.next_is(',')) return FieldErrc::bad_parameter;
        if (const std::optional<FieldErrc> error = sink(one)) return error;
    }
}

}  // namespace sallyport::sip
