// The fast engine: what a burst holds of counter mode is enciphered together and authenticated together, by the
// multi-buffer library. GCM, which that library does a packet at a time, and SRTCP, of which there is little, go
// through one by one. The verdicts are those of doing all of it in order.
#include <algorithm>
#include <array>

#include "control/base/check.h"
#include "media-plane/srtp/burst_context.h"
#include "media-plane/srtp/multi_buffer_burst.h"

namespace sallyport::srtp {
namespace {

constexpr std::size_t roc_bytes = 4;

BurstContext& own(const Job& job) { return static_cast<BurstContext&>(*job.context); }

class BurstEngine final : public Engine {
public:
    bool supports(Suite suite) const override {
        if (suite == Suite::none) return false;
        return is_aead(suite) ? MultiBuffer::has_gcm() : MultiBuffer::has_counter_mode();
    }

    std::string_view name(Suite) const override { return burst_engine; }

    Result<std::unique_ptr<CryptoContext>, EngineErrc> create(Suite suite, ByteView key, bool inbound) override {
        if (!supports(suite)) return EngineErrc::unsupported_suite;
        if (key.size() != key_material_bytes(suite)) return EngineErrc::bad_key_length;
        return std::unique_ptr<CryptoContext>(std::make_unique<BurstContext>(suite, key, inbound));
    }

    void continue_from(CryptoContext& fresh, std::unique_ptr<CryptoContext> previous) override {
        SALLYPORT_CHECK(fresh.key().suite() == previous->key().suite() && fresh.inbound() == previous->inbound());
        static_cast<BurstContext&>(fresh).continue_from(static_cast<BurstContext&>(*previous));
    }
    bool resume(CryptoContext& fresh, const KeyUse& used) override {
        return static_cast<BurstContext&>(fresh).resume(used);
    }
    void take_srtcp(CryptoContext& fresh, CryptoContext& previous) override {
        SALLYPORT_CHECK(fresh.inbound() && fresh.key().equals(previous.key().suite(), previous.key().bytes()));
        static_cast<BurstContext&>(fresh).take_srtcp(static_cast<BurstContext&>(previous));
    }

    void unprotect(std::span<Job> burst) override {
        for (; burst.size() > burst_lanes; burst = burst.subspan(burst_lanes))
            unprotect_lanes(burst.first(burst_lanes));
        unprotect_lanes(burst);
    }
    void protect(std::span<Job> burst) override {
        for (; burst.size() > burst_lanes; burst = burst.subspan(burst_lanes)) protect_lanes(burst.first(burst_lanes));
        protect_lanes(burst);
    }

private:
    static void fetch(std::span<const Job> burst) {
        for (const Job& job : burst)
            if (job.status == Status::ok) own(job).fetch();
        for (const Job& job : burst)
            if (job.status == Status::ok && !own(job).in_pieces()) own(job).fetch_gcm();
    }

    CounterBurst& ciphers(const BurstContext& context) { return context.aes_128() ? cipher_128_ : cipher_256_; }
    void run_ciphers() {
        cipher_128_.run();
        cipher_256_.run();
    }

    void unprotect_lanes(std::span<Job> burst);
    void verify(Job& job, std::size_t lane);
    void protect_lanes(std::span<Job> burst);

    struct Lane {
        std::uint64_t index = 0;
        std::size_t digest = 0;
        std::array<std::uint8_t, roc_bytes> tag_start;  // the octets of the tag that the rollover counter overwrites
        bool hashed = false;
    };
    std::array<Lane, burst_lanes> lanes_;
    CounterBurst cipher_128_{16}, cipher_256_{32};
    HmacSha1Burst hmac_;
};

// The tags of all are computed first, each with the index that the packet has as things stand before the burst; then
// each is judged in its turn. Where a packet before it has changed what it depends on, it is done again by itself.
void BurstEngine::unprotect_lanes(std::span<Job> burst) {
    fetch(burst);
    for (std::size_t i = 0; i < burst.size(); ++i) {
        Job& job = burst[i];
        Lane& lane = lanes_[i];
        lane.hashed = false;
        if (job.status != Status::ok || job.rtcp || !own(job).in_pieces()) continue;
        BurstContext& context = own(job);
        const std::size_t tag = context.tag_bytes();
        if (job.length < rtp_header_bytes + tag) continue;
        const auto index = context.expected(ssrc_of(job.data, false), sequence_of(job.data));
        if (!index) continue;
        std::uint8_t* end = job.data + job.length - tag;
        std::copy_n(end, roc_bytes, lane.tag_start.begin());
        store_be32(end, static_cast<std::uint32_t>(*index >> 16));
        lane.digest = hmac_.add(context.hmac(), {job.data, job.length - tag + roc_bytes});
        lane.index = *index;
        lane.hashed = true;
    }
    hmac_.run();
    for (std::size_t i = 0; i < burst.size(); ++i) {
        Job& job = burst[i];
        if (job.status != Status::ok) continue;
        if (lanes_[i].hashed)
            verify(job, i);
        else
            own(job).unprotect(job);
        job.news = own(job).take_news();
    }
    run_ciphers();
}

void BurstEngine::verify(Job& job, std::size_t i) {
    BurstContext& context = own(job);
    const Lane& lane = lanes_[i];
    const std::size_t end = job.length - context.tag_bytes();
    std::copy_n(lane.tag_start.begin(), roc_bytes, job.data + end);
    const std::uint32_t ssrc = ssrc_of(job.data, false);
    const auto payload = payload_offset({job.data, end});
    if (!payload || context.expected(ssrc, sequence_of(job.data)) != lane.index) return context.unprotect(job);
    const ByteView digest = ByteView(hmac_.digest(lane.digest)).first(context.tag_bytes());
    if (!equal_constant_time(as_text(digest), as_text({job.data + end, context.tag_bytes()})))
        return context.look_further(job);
    context.accept(ssrc, lane.index);
    ciphers(context).add(context.cipher(), context.counter(ssrc, lane.index), {job.data + *payload, end - *payload});
    job.length = static_cast<std::uint16_t>(end);
}

void BurstEngine::protect_lanes(std::span<Job> burst) {
    fetch(burst);
    for (std::size_t i = 0; i < burst.size(); ++i) {
        Job& job = burst[i];
        Lane& lane = lanes_[i];
        lane.hashed = false;
        if (job.status != Status::ok) continue;
        BurstContext& context = own(job);
        const auto payload = payload_offset({job.data, job.length});
        if (job.rtcp || !context.in_pieces() || !payload ||
            std::size_t{job.length} + context.tag_bytes() > job.capacity) {
            context.protect(job);
            job.news = context.take_news();
            continue;
        }
        const auto index = context.admit(job);
        job.news = context.take_news();
        if (!index) continue;
        ciphers(context).add(context.cipher(), context.counter(ssrc_of(job.data, false), *index),
                             {job.data + *payload, job.length - *payload});
        store_be32(job.data + job.length, static_cast<std::uint32_t>(*index >> 16));  // RFC 3711 4.2: authenticated too
        lane.digest = hmac_.add(context.hmac(), {job.data, job.length + roc_bytes});
        lane.hashed = true;
    }
    run_ciphers();
    hmac_.run();
    for (std::size_t i = 0; i < burst.size(); ++i) {
        if (!lanes_[i].hashed) continue;
        Job& job = burst[i];
        const std::size_t tag = own(job).tag_bytes();
        std::copy_n(hmac_.digest(lanes_[i].digest).begin(), tag, job.data + job.length);
        job.length = static_cast<std::uint16_t>(job.length + tag);
    }
}

}  // namespace

std::string_view burst_instructions() { return MultiBuffer::instructions(); }

std::unique_ptr<Engine> make_burst_engine() { return std::make_unique<BurstEngine>(); }

}  // namespace sallyport::srtp
