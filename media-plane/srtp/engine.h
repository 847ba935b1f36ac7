// One interface, several engines: libsrtp2 packet by packet (the reference, every suite), later a burst engine on
// the multi-buffer library. Streams belong to the engine that made them and to one lcore.
#pragma once

#include <cstdint>
#include <memory>
#include <span>

#include "control/base/bytes.h"
#include "control/base/result.h"
#include "media-plane/srtp/suite.h"

namespace sallyport::srtp {

enum class Status : std::uint8_t { ok, auth_failed, replayed, malformed, no_context, failed };

// One direction of one leg: RTP and RTCP under one master key. Any SSRC is accepted on receive (late binding), each
// only after its first authentic packet; at most `max_ssrcs` of them.
class CryptoContext {
public:
    virtual ~CryptoContext() = default;
};

struct Job {  // in place: data grows by the tag (protect) or shrinks (unprotect)
    CryptoContext* context = nullptr;
    std::uint8_t* data = nullptr;
    std::uint16_t length = 0;
    std::uint16_t capacity = 0;
    bool rtcp = false;
    Status status = Status::ok;
};

enum class EngineErrc : std::uint8_t { unsupported_suite, bad_key_length, failed };

class Engine {
public:
    virtual ~Engine() = default;
    virtual bool supports(Suite suite) const = 0;
    // `key`: master key followed by master salt. `inbound`: for unprotect, else for protect.
    virtual Result<std::unique_ptr<CryptoContext>, EngineErrc> create(Suite suite, ByteView key, bool inbound) = 0;
    // Whole bursts: a job with status != ok is skipped; contexts may repeat within a burst, in order.
    virtual void unprotect(std::span<Job> burst) = 0;
    virtual void protect(std::span<Job> burst) = 0;
};

std::unique_ptr<Engine> make_libsrtp_engine();

}  // namespace sallyport::srtp
