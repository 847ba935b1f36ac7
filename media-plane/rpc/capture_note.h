// What is to be on record of captures: who had packets of which session, since when, for how long, and who was refused.
// Facts only; the daemon writes them down. Knows no gRPC.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "control/base/time.h"

namespace sallyport::media::rpc {

// Who asks, and whether he may have what SRTP hides: see ServerConfig.
struct CaptureAsker {
    std::string peer;       // the certificate's name, or the address
    std::string on_behalf;  // whom a client that is asked itself says it asks for; empty: it says nothing
    bool may_decrypt = false;
};
// No packet, no key.
struct CaptureNote {
    enum class What : std::uint8_t { refused, begun, ended };
    What what = What::begun;
    CaptureAsker asker;
    bool decrypted = false;
    std::string asked_for;                     // refused: the session as it was asked for
    std::string session, client, call, trunk;  // else
    Duration time{};                           // begun: how long it may last; ended: how long it did
    std::uint64_t packets = 0, missed = 0, withheld = 0;
    std::string why;  // refused, ended
};
using CaptureLog = std::function<void(const CaptureNote&)>;  // any thread; empty: nobody keeps it

}  // namespace sallyport::media::rpc
