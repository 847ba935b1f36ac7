// What SRTP costs a packet, and how much of that is the multi-buffer library's own work: the burst engine, the library
// called directly for the same packets under the same keys, with nothing around it, and the libsrtp engine, in turn;
// or, with
// --stock, libsrtp2 as the distribution built it. Bursts of 32, each of as many sessions, 172-byte RTP packets (G.711,
// 20 ms) in buffers of their own.
//
// Prints one JSON object. Usage: srtp_rates [--suite SUITE] [--sessions N] [--bursts N] [--runs N] [--stock 1]
#include <intel-ipsec-mb.h>
#include <srtp2/srtp.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <numeric>
#include <vector>

#include "control/base/check.h"
#include "control/base/fetch_lines.h"
#include "control/base/random.h"
#include "media-plane/srtp/engine.h"
#include "media-plane/srtp/key_material.h"
#include "media-plane/srtp/multi_buffer_burst.h"
#include "media-plane/srtp/rtp_header.h"

namespace {

using namespace sallyport;
using namespace sallyport::srtp;

constexpr std::size_t burst_size = burst_lanes;
constexpr std::size_t rtp_bytes = 172, buffer_bytes = 256, buffers = 512;

struct Options {
    Suite suite = Suite::aes_cm_128_hmac_sha1_80;
    std::size_t sessions = 10'000, bursts = 4'000;
    unsigned runs = 5;
    bool stock = false;  // libsrtp2 alone, before anything of it is replaced
};

bool uses_gcm(Suite suite) { return suite == Suite::aead_aes_128_gcm; }

// The keys that the library wants of a session, side by side; what they are does not matter for the time.
struct RawKeys {
    alignas(64) HmacSha1 hmac;
    alignas(64) AesCounter cipher{16};
    std::unique_ptr<AesGcm> gcm;
};

// As a program that links libsrtp2 has it, one session a key and direction.
class Stock {
public:
    Stock(Suite suite, ByteView key, bool inbound) : key_(key.begin(), key.end()) {
        srtp_policy_t policy{};
        if (uses_gcm(suite)) {
            srtp_crypto_policy_set_aes_gcm_128_16_auth(&policy.rtp);
            srtp_crypto_policy_set_aes_gcm_128_16_auth(&policy.rtcp);
        } else {
            srtp_crypto_policy_set_rtp_default(&policy.rtp);
            srtp_crypto_policy_set_rtcp_default(&policy.rtcp);
        }
        policy.ssrc.type = inbound ? ssrc_any_inbound : ssrc_any_outbound;
        policy.key = key_.data();
        policy.window_size = 128;
        SALLYPORT_CHECK(srtp_create(&session_, &policy) == srtp_err_status_ok);
    }
    ~Stock() { srtp_dealloc(session_); }
    Stock(const Stock&) = delete;
    Stock& operator=(const Stock&) = delete;
    void run(Job& job, bool protecting) {
        int length = job.length;
        const auto status =
            protecting ? srtp_protect(session_, job.data, &length) : srtp_unprotect(session_, job.data, &length);
        SALLYPORT_CHECK(status == srtp_err_status_ok);
        job.length = static_cast<std::uint16_t>(length);
    }

private:
    srtp_t session_ = nullptr;
    Bytes key_;
};

struct Session {
    std::unique_ptr<Stock> stock_out, stock_in;
    std::array<std::unique_ptr<CryptoContext>, 2> out, in;  // by engine: burst, libsrtp
    std::uint16_t sequence = 0;
};

enum Way : std::size_t { burst_way, libsrtp_way, raw_way, stock_way, ways };

class Bench {
public:
    explicit Bench(const Options& o) : options_(o), sessions_(o.sessions), raw_(o.sessions), order_(o.sessions) {
        if (o.stock)
            SALLYPORT_CHECK(srtp_init() == srtp_err_status_ok);
        else
            engines_ = {make_burst_engine(), make_libsrtp_engine()};
        for (std::size_t i = 0; i < o.sessions; ++i) {
            Bytes key(key_material_bytes(o.suite));
            random_.fill(key);
            if (o.stock) {
                sessions_[i].stock_out = std::make_unique<Stock>(o.suite, key, false);
                sessions_[i].stock_in = std::make_unique<Stock>(o.suite, key, true);
                continue;
            }
            for (std::size_t e = 0; e < engines_.size(); ++e) {
                sessions_[i].out[e] = std::move(*engines_[e]->create(o.suite, key, false));
                sessions_[i].in[e] = std::move(*engines_[e]->create(o.suite, key, true));
            }
            raw_[i].hmac.set_key(ByteView(key).first(20));
            raw_[i].cipher.set_key(key.data());
            if (!uses_gcm(o.suite)) continue;
            raw_[i].gcm = std::make_unique<AesGcm>(16);
            raw_[i].gcm->set_key(key.data());
        }
        std::iota(order_.begin(), order_.end(), 0);
        for (std::size_t i = o.sessions; i > 1; --i)
            std::swap(order_[i - 1], order_[random_.below(static_cast<std::uint32_t>(i))]);
        memory_.resize(buffers * buffer_bytes);
    }

    // Nanoseconds a packet, the median over all bursts: whoever else had the processor meanwhile is not in it.
    double protect(Way way) {
        return measure(way, [&](std::span<Job> jobs) { work(way, jobs, true); });
    }
    double unprotect(Way way) {
        return measure(
            way, [&](std::span<Job> jobs) { work(way, jobs, false); }, true);
    }

private:
    template <class Work>
    double measure(Way way, Work&& work, bool protected_before = false) {
        std::vector<double> times;
        times.reserve(options_.bursts);
        for (std::size_t n = 0; n < options_.bursts; ++n) {
            fill(way, protected_before);
            const auto start = std::chrono::steady_clock::now();
            work(jobs_);
            const auto end = std::chrono::steady_clock::now();
            times.push_back(std::chrono::duration<double, std::nano>(end - start).count() / burst_size);
            for (const Job& job : jobs_) SALLYPORT_CHECK(job.status == Status::ok);
        }
        std::nth_element(times.begin(), times.begin() + static_cast<std::ptrdiff_t>(times.size() / 2), times.end());
        return times[times.size() / 2];
    }

    // The next packets of the next sessions.
    void fill(Way way, bool to_unprotect) {
        const std::size_t engine = way == libsrtp_way ? 1 : 0;
        for (std::size_t i = 0; i < burst_size; ++i) {
            const std::size_t number = order_[next_];
            next_ = (next_ + 1) % order_.size();
            Session& session = sessions_[number];
            std::uint8_t* data = memory_.data() + buffer_ * buffer_bytes;
            buffer_ = (buffer_ + 1) % buffers;
            std::memset(data, 0xd5, rtp_bytes);
            data[0] = 0x80;
            data[1] = 8;
            store_be16(data + 2, ++session.sequence);
            store_be32(data + 8, 0x1234);
            numbers_[i] = number;
            jobs_[i] = {session.out[engine].get(), data, rtp_bytes, buffer_bytes, false, Status::ok};
        }
        if (!to_unprotect) return;
        if (way == stock_way) {
            for (std::size_t i = 0; i < burst_size; ++i) sessions_[numbers_[i]].stock_out->run(jobs_[i], true);
            return;
        }
        engines_[engine]->protect(jobs_);
        for (std::size_t i = 0; i < burst_size; ++i) {
            jobs_[i].context = sessions_[numbers_[i]].in[engine].get();
            jobs_[i].capacity = buffer_bytes;
        }
    }

    void work(Way way, std::span<Job> jobs, bool protecting) {
        if (way == raw_way) return uses_gcm(options_.suite) ? raw_gcm(jobs, protecting) : raw_pieces(jobs, protecting);
        if (way == stock_way) {
            for (std::size_t i = 0; i < burst_size; ++i) {
                Session& session = sessions_[numbers_[i]];
                (protecting ? session.stock_out : session.stock_in)->run(jobs[i], protecting);
            }
            return;
        }
        protecting ? engines_[way]->protect(jobs) : engines_[way]->unprotect(jobs);
    }

    // Its keys' lines are fetched together, as the engine does: without that the library waits for each.
    void raw_pieces(std::span<Job> jobs, bool protecting) {
        for (const std::size_t number : numbers_) fetch_lines(&raw_[number], 4);
        const std::array<std::uint8_t, 16> counter{};
        const auto cipher = [&] {
            for (std::size_t i = 0; i < jobs.size(); ++i)
                cipher_.add(raw_[numbers_[i]].cipher, counter,
                            {jobs[i].data + rtp_header_bytes, rtp_bytes - rtp_header_bytes});
            cipher_.run();
        };
        const auto hash = [&] {
            for (std::size_t i = 0; i < jobs.size(); ++i)
                hmac_.add(raw_[numbers_[i]].hmac, {jobs[i].data, rtp_bytes + 4});
            hmac_.run();
        };
        if (protecting) cipher();
        hash();
        if (!protecting) cipher();
    }
    void raw_gcm(std::span<Job> jobs, bool protecting) {
        for (const std::size_t number : numbers_) raw_[number].gcm->fetch();
        const AesGcm::Iv iv{};
        for (std::size_t i = 0; i < jobs.size(); ++i) {
            AesGcm& gcm = *raw_[numbers_[i]].gcm;
            const ByteView aad(jobs[i].data, rtp_header_bytes);
            const ByteSpan data(jobs[i].data + rtp_header_bytes, rtp_bytes - rtp_header_bytes);
            protecting ? gcm.encrypt(iv, aad, data) : gcm.decrypt(iv, aad, data);
        }
    }

    Options options_;
    SeededRandom random_{1};
    std::array<std::unique_ptr<Engine>, 2> engines_;
    std::vector<Session> sessions_;
    std::vector<RawKeys> raw_;
    std::vector<std::size_t> order_;
    std::size_t next_ = 0, buffer_ = 0;
    Bytes memory_;
    std::array<Job, burst_size> jobs_;
    std::array<std::size_t, burst_size> numbers_{};
    CounterBurst cipher_{16};
    HmacSha1Burst hmac_;
};

[[noreturn]] void usage() {
    std::fprintf(stderr,
                 "usage: srtp_rates [--suite AES_CM_128_HMAC_SHA1_80|AEAD_AES_128_GCM] [--sessions N] "
                 "[--bursts N] [--runs N] [--stock 1]\n");
    std::exit(2);
}

Options parse(int argc, char** argv) {
    Options o;
    for (int i = 1; i + 1 < argc; i += 2) {
        const std::string_view option = argv[i];
        const std::size_t number = std::strtoul(argv[i + 1], nullptr, 10);
        if (option == "--suite") {
            const auto suite = suite_by_name(argv[i + 1]);
            if (!suite) usage();
            o.suite = *suite;
        } else if (option == "--sessions") {
            o.sessions = number;
        } else if (option == "--bursts") {
            o.bursts = number;
        } else if (option == "--stock") {
            o.stock = number != 0;
        } else if (option == "--runs") {
            o.runs = static_cast<unsigned>(number);
        } else {
            usage();
        }
    }
    const bool known = o.suite == Suite::aes_cm_128_hmac_sha1_80 || o.suite == Suite::aead_aes_128_gcm;
    if (argc % 2 == 0 || !known || o.sessions < burst_size || o.bursts == 0 || o.runs == 0) usage();
    return o;
}

void print(const char* name, const std::vector<double>& values) {
    std::printf("\"%s\": [", name);
    for (std::size_t i = 0; i < values.size(); ++i) std::printf("%s%.1f", i == 0 ? "" : ", ", values[i]);
    std::printf("]");
}

}  // namespace

int main(int argc, char** argv) {
    const Options options = parse(argc, argv);
    Bench bench(options);
    std::array<std::array<std::vector<double>, ways>, 2> times;
    using Ways = std::vector<Way>;
    const Ways measured = options.stock ? Ways{stock_way} : Ways{burst_way, raw_way, libsrtp_way};
    for (unsigned run = 0; run < options.runs; ++run)
        for (const Way way : measured) {
            times[0][way].push_back(bench.protect(way));
            times[1][way].push_back(bench.unprotect(way));
        }
    std::printf("{\"suite\": \"%s\", \"sessions\": %zu, \"instructions\": \"%s\"",
                std::string(facts(options.suite).sdes_name).c_str(), options.sessions,
                std::string(burst_instructions()).c_str());
    for (std::size_t i = 0; i < times.size(); ++i) {
        std::printf(", \"%s\": {", i == 0 ? "protect" : "unprotect");
        constexpr std::array<const char*, ways> names{"burst", "libsrtp_engine", "raw", "libsrtp2"};
        for (const Way way : measured) {
            if (way != measured.front()) std::printf(", ");
            print(names[way], times[i][way]);
        }
        std::printf("}");
    }
    std::printf("}\n");
    return 0;
}
