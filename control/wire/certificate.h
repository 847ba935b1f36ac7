// Whether a text is an X.509 certificate in PEM (RFC 7468): so that an operator hears of it when it is provisioned, not
// when a peer connects. Verifies no signature and no date.
#pragma once

#include <string_view>

namespace sallyport::wire {

// One certificate and nothing after it but line ends.
bool is_certificate(std::string_view pem);

}  // namespace sallyport::wire
