#include "signaling/dialog/route_set.h"

#include "signaling/sip/uri.h"

namespace sallyport::dialog {

std::string_view addr_spec(std::string_view route) {
    bool quoted = false;
    std::size_t open = std::string_view::npos;
    for (std::size_t i = 0; i < route.size(); ++i) {
        const char c = route[i];
        if (quoted && c == '\\') {
            ++i;
        } else if (c == '"' && open == route.npos) {
            quoted = !quoted;
        } else if (!quoted && c == '<' && open == route.npos) {
            open = i + 1;
        } else if (c == '>' && open != route.npos) {
            return route.substr(open, i - open);
        }
    }
    return route.substr(0, route.find(';'));  // without < > every parameter is the header's
}

bool is_loose(std::string_view route) {
    const auto uri = sip::parse_uri(addr_spec(route));
    // What does not parse is nobody's old strict router: it stays a Route, and the target keeps the request line.
    return !uri.has_value() || uri->parameters.has("lr");
}

std::string strict_request_uri(std::string_view route) {
    auto uri = sip::parse_uri(addr_spec(route));
    if (!uri.has_value()) return std::string(addr_spec(route));
    uri->parameters.erase("method");
    uri->headers.clear();
    return uri->text();
}

}  // namespace sallyport::dialog
