// The entries of a route set: loose and strict routers, RFC 3261 12.2.1.1 and 19.1.1. Values are kept as received.
#pragma once

#include <string>
#include <string_view>

namespace sallyport::dialog {

// The URI between < and > of a Route or Record-Route value, a view into it.
std::string_view addr_spec(std::string_view route);
// Has the ;lr parameter.
bool is_loose(std::string_view route);
// The router's URI as a Request-URI: without what may not stand there (method parameter, headers).
std::string strict_request_uri(std::string_view route);

}  // namespace sallyport::dialog
