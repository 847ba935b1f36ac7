// The scanner of URIs. What it leaves behind after an error is not meant to be read. Private to the room.
#pragma once

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
    while (!text.empty()) {
        text.remove_prefix(1);  // the ";"
        const std::size_t end = text.find(';');
        const std::string_view one = text.substr(0, end);
        text = end == std::string_view::npos ? std::string_view() : text.substr(end);
        const std::size_t equals = one.find('=');
        const bool has_value = equals != std::string_view::npos;
        const std::string_view name = one.substr(0, equals);
        const std::string_view value = has_value ? one.substr(equals + 1) : std::string_view();
        if (name.empty() || !scan::is_uri_text(one, "@?")) return UriErrc::bad_parameter;
        if (!sink(name, value, has_value)) return UriErrc::bad_parameter;
    }
    return std::nullopt;
}

}  // namespace sallyport::sip
