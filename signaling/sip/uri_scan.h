// The scanner of URIs. What it leaves behind after an error is not meant to be read. Private to the room.
#pragma once

#include <algorithm>

#include "signaling/sip/scan.h"
#include "signaling/sip/uri.h"

namespace sallyport::sip {

std::optional<UriErrc> read_uri(std::string_view text, UriView& out);

// Reads "host[:port]" up to ";", "?" or the end and returns where it stopped; npos if it is none (then a host that was
// understood remains, so that the caller can tell a bad port from a bad host).
std::size_t scan_host_port(std::string_view text, std::string_view& host, std::uint16_t& port);

// ";a=b;c" -> sink(name, value, has_value), which may refuse by returning false.
template <class Sink>
std::optional<UriErrc> each_uri_parameter(std::string_view text, Sink&& sink) {
    const char* at = text.data();
    const char* const end = at + text.size();
    while (at != end) {
        const char* const from = ++at;  // behind the ";"
        at = scan::skip(at, end, scan::key);
        std::string_view name(from, static_cast<std::size_t>(at - from)), value;
        bool has_value = at != end && *at == '=';
        if (has_value) {
            const char* const begin = ++at;
            at = scan::skip(at, end, scan::plain);
            value = {begin, static_cast<std::size_t>(at - begin)};
        }
        if (at != end && *at != ';') {  // an escape, or what may not stand here
            at = std::find(at, end, ';');
            const std::string_view one(from, static_cast<std::size_t>(at - from));
            if (!scan::is_uri_text(one, "@?")) return UriErrc::bad_parameter;
            const std::size_t equals = one.find('=');
            has_value = equals != std::string_view::npos;
            name = one.substr(0, equals);
            value = has_value ? one.substr(equals + 1) : std::string_view();
        }
        if (name.empty() || !sink(name, value, has_value)) return UriErrc::bad_parameter;
    }
    return std::nullopt;
}

}  // namespace sallyport::sip
