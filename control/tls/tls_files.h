// PEM files of one side of mutual TLS between daemons.
#pragma once

#include <string>

namespace sallyport::tls {

struct TlsFiles {
    std::string certificate;  // ours, then its chain
    std::string key;
    std::string ca;  // who may vouch for the other side
};

}  // namespace sallyport::tls
