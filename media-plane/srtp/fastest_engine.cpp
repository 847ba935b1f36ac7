// Suite by suite the faster engine that this processor allows. On one that has AES and PCLMULQDQ, as all of the last
// ten years have, nothing but the burst engine is ever used.
#include <algorithm>

#include "control/base/check.h"
#include "media-plane/srtp/engine.h"

namespace sallyport::srtp {
namespace {

class FastestEngine final : public Engine {
public:
    bool supports(Suite suite) const override { return burst_->supports(suite) || reference_->supports(suite); }
    std::string_view name(Suite suite) const override { return of(suite).name(suite); }

    Result<std::unique_ptr<CryptoContext>, EngineErrc> create(Suite suite, ByteView key, bool inbound) override {
        return of(suite).create(suite, key, inbound);
    }
    void continue_from(CryptoContext& fresh, std::unique_ptr<CryptoContext> previous) override {
        SALLYPORT_CHECK(fresh.of_burst_engine() == previous->of_burst_engine());
        of(fresh).continue_from(fresh, std::move(previous));
    }
    bool resume(CryptoContext& fresh, const KeyUse& used) override { return of(fresh).resume(fresh, used); }
    void take_srtcp(CryptoContext& fresh, CryptoContext& previous) override {
        SALLYPORT_CHECK(fresh.of_burst_engine() == previous.of_burst_engine());
        of(fresh).take_srtcp(fresh, previous);
    }
    void unprotect(std::span<Job> burst) override {
        if (!mixed_) return burst_->unprotect(burst);
        for_each_run(burst, [](Engine& engine, std::span<Job> run) { engine.unprotect(run); });
    }
    void protect(std::span<Job> burst) override {
        if (!mixed_) return burst_->protect(burst);
        for_each_run(burst, [](Engine& engine, std::span<Job> run) { engine.protect(run); });
    }

private:
    Engine& of(Suite suite) const { return burst_->supports(suite) ? *burst_ : *reference_; }
    bool all_burst() const {
        for (std::size_t i = 1; i < suite_facts.size(); ++i)
            if (!burst_->supports(static_cast<Suite>(i))) return false;
        return true;
    }
    Engine& of(const CryptoContext& context) const { return context.of_burst_engine() ? *burst_ : *reference_; }

    // Neighbours of one engine go to it together, so that the order within a context stays.
    template <class Work>
    void for_each_run(std::span<Job> burst, Work work) {
        while (!burst.empty()) {
            const bool burst_engine = burst.front().context->of_burst_engine();
            const auto end = std::find_if(burst.begin(), burst.end(), [burst_engine](const Job& job) {
                return job.context->of_burst_engine() != burst_engine;
            });
            const auto count = static_cast<std::size_t>(end - burst.begin());
            work(burst_engine ? *burst_ : *reference_, burst.first(count));
            burst = burst.subspan(count);
        }
    }

    std::unique_ptr<Engine> burst_ = make_burst_engine();
    std::unique_ptr<Engine> reference_ = make_libsrtp_engine();
    const bool mixed_ = !all_burst();  // else no context need be asked whose it is, which would fetch each from memory
};

}  // namespace

std::unique_ptr<Engine> make_fastest_engine() { return std::make_unique<FastestEngine>(); }

std::vector<std::string_view> slow_suites(const Engine& engine) {
    std::vector<std::string_view> slow;
    for (std::size_t i = 1; i < suite_facts.size(); ++i) {
        const auto suite = static_cast<Suite>(i);
        if (engine.supports(suite) && engine.name(suite) != burst_engine) slow.push_back(facts(suite).sdes_name);
    }
    return slow;
}

}  // namespace sallyport::srtp
