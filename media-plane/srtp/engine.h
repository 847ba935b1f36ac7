// One interface, two engines: libsrtp2 packet by packet (the reference, every suite), and whole bursts on the
// multi-buffer library where the processor has the instructions. Contexts belong to the engine that made them and to
// one lcore.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "control/base/bytes.h"
#include "control/base/result.h"
#include "media-plane/srtp/crypto_context.h"
#include "media-plane/srtp/suite.h"

namespace sallyport::srtp {

// failed: no room for the tag, the key's lifetime is over, out of memory.
enum class Status : std::uint8_t { ok, auth_failed, replayed, malformed, failed };

struct Job {  // in place: data grows by the tag (protect) or shrinks (unprotect)
    CryptoContext* context = nullptr;
    std::uint8_t* data = nullptr;
    std::uint16_t length = 0;
    std::uint16_t capacity = 0;
    bool rtcp = false;
    Status status = Status::ok;
    bool news = false;  // out: by this packet the key's use has become worth telling, see CryptoContext::has_news()
};

enum class EngineErrc : std::uint8_t { unsupported_suite, bad_key_length, failed };

inline constexpr std::string_view burst_engine = "burst";

class Engine {
public:
    virtual ~Engine() = default;
    virtual bool supports(Suite suite) const = 0;
    // burst_engine or "libsrtp": who does this suite, of those that it supports.
    virtual std::string_view name(Suite suite) const = 0;
    // `key`: master key followed by master salt. `inbound`: for unprotect, else for protect.
    virtual Result<std::unique_ptr<CryptoContext>, EngineErrc> create(Suite suite, ByteView key, bool inbound) = 0;
    // Re-keying: `fresh` goes on with the rollover counters of `previous`, which "MUST NOT be reset to zero" (RFC 3711
    // 3.3.1). Inbound, a sender that starts again at zero is understood as well (RFC 4568 7.1.4 has it so after a
    // change of address, and some do it with every key). Both of the same suite and direction; `previous` is used up.
    virtual void continue_from(CryptoContext& fresh, std::unique_ptr<CryptoContext> previous) = 0;
    // After a restart: `fresh`, not used yet, goes on behind what its key was used for by an engine that is gone. As
    // long as it lives, no index up to the reported one, nor one below its own first packet's, is protected with or
    // accepted; nor an SRTCP index up to the reported one of its SSRC. False: out of memory, or `used` is beyond the
    // limits; then `fresh` must not be used at all.
    virtual bool resume(CryptoContext& fresh, const KeyUse& used) = 0;
    // All of SRTCP that `previous` has received, of which KeyUse has the highest indices alone, `fresh` refuses as
    // repeated. Both inbound and of one key; `previous` knows nothing of it any more.
    virtual void take_srtcp(CryptoContext& fresh, CryptoContext& previous) = 0;
    // Whole bursts: a job with status != ok is skipped; contexts may repeat within a burst, in order.
    virtual void unprotect(std::span<Job> burst) = 0;
    virtual void protect(std::span<Job> burst) = 0;
};

std::unique_ptr<Engine> make_libsrtp_engine();
std::unique_ptr<Engine> make_burst_engine();
// Each suite by the burst engine where this processor has what that takes, by libsrtp where not.
std::unique_ptr<Engine> make_fastest_engine();

enum class EngineChoice : std::uint8_t { fastest, libsrtp };
inline std::unique_ptr<Engine> make_engine(EngineChoice choice) {
    return choice == EngineChoice::fastest ? make_fastest_engine() : make_libsrtp_engine();
}
// SDES names of those suites that it does packet by packet, at a fraction of the speed. Not a matter of taste: somebody
// has to be told.
std::vector<std::string_view> slow_suites(const Engine& engine);
// The instructions that carry bursts on this processor: "AVX-512", "AVX2", "AVX" or "SSE".
std::string_view burst_instructions();

}  // namespace sallyport::srtp
