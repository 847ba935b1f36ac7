// The reference engine: libsrtp2, packet by packet, every suite that this libsrtp was built with.
#include <array>

#include "control/base/check.h"
#include "media-plane/srtp/engine.h"
#include "media-plane/srtp/libsrtp_algorithms.h"
#include "media-plane/srtp/libsrtp_context.h"

namespace sallyport::srtp {
namespace {

// libsrtp keeps its table of algorithms in the process, and must be initialised before a second thread uses it: once,
// by the first engine, for the life of the process. With the multi-buffer manager of each thread the only statics here.
bool library_ready() {
    static const bool ready = srtp_init() == srtp_err_status_ok && replace_libsrtp_algorithms();
    return ready;
}

class LibsrtpEngine final : public Engine {
public:
    LibsrtpEngine() {
        if (!library_ready()) return;
        for (std::size_t i = 1; i < suite_facts.size(); ++i) {  // a build without GCM says so only when asked to do it
            const auto suite = static_cast<Suite>(i);
            supported_[i] = LibsrtpContext::create(suite, Bytes(key_material_bytes(suite)), true) != nullptr;
        }
    }

    bool supports(Suite suite) const override { return supported_[static_cast<std::size_t>(suite)]; }

    std::string_view name(Suite) const override { return "libsrtp"; }

    Result<std::unique_ptr<CryptoContext>, EngineErrc> create(Suite suite, ByteView key, bool inbound) override {
        if (!supports(suite)) return EngineErrc::unsupported_suite;
        if (key.size() != key_material_bytes(suite)) return EngineErrc::bad_key_length;
        std::unique_ptr<CryptoContext> context = LibsrtpContext::create(suite, key, inbound);
        if (!context) return EngineErrc::failed;
        return context;
    }

    void continue_from(CryptoContext& fresh, std::unique_ptr<CryptoContext> previous) override {
        SALLYPORT_CHECK(fresh.key().suite() == previous->key().suite() && fresh.inbound() == previous->inbound());
        own(fresh).continue_from(own(*previous));
    }

    bool resume(CryptoContext& fresh, const KeyUse& used) override { return own(fresh).resume(used); }
    void take_srtcp(CryptoContext& fresh, CryptoContext& previous) override {
        SALLYPORT_CHECK(fresh.inbound() && fresh.key().equals(previous.key().suite(), previous.key().bytes()));
        own(fresh).take_srtcp(own(previous));
    }

    void unprotect(std::span<Job> burst) override {
        for (Job& job : burst) {
            if (job.status != Status::ok) continue;
            own(*job.context).unprotect(job, scratch_);
            job.news = own(*job.context).take_news();
        }
    }

    void protect(std::span<Job> burst) override {
        for (Job& job : burst) {
            if (job.status != Status::ok) continue;
            own(*job.context).protect(job);
            job.news = own(*job.context).take_news();
        }
    }

private:
    static LibsrtpContext& own(CryptoContext& context) { return static_cast<LibsrtpContext&>(context); }

    std::array<bool, suite_facts.size()> supported_{};
    Bytes scratch_ = Bytes(65'536);
};

}  // namespace

std::unique_ptr<Engine> make_libsrtp_engine() { return std::make_unique<LibsrtpEngine>(); }

}  // namespace sallyport::srtp
