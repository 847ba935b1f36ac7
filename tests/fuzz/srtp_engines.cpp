// rooms: srtp
// Bytes as the course of events between two SRTP engines: libsrtp and the burst engine agree on every octet and
// verdict.
#include <algorithm>
#include <cstdio>

#include "control/base/check.h"
#include "tests/support/fuzz_seeds.h"
#include "tests/support/srtp_duel.h"

using namespace sallyport;

namespace {

// The input in its order, then as a generator seeded with its length: long events need few bytes.
class InputRandom final : public RandomSource {
public:
    explicit InputRandom(ByteView input) : left_(input), after_(input.size()) {}
    void fill(ByteSpan out) override {
        const std::size_t given = std::min(out.size(), left_.size());
        std::copy_n(left_.begin(), given, out.begin());
        left_ = left_.subspan(given);
        after_.fill(out.subspan(given));
    }
    bool exhausted() const { return left_.empty(); }

private:
    ByteView left_;
    SeededRandom after_;
};

}  // namespace

std::vector<std::string> test::fuzz_seeds() {
    SeededRandom random(1);
    std::vector<std::string> seeds;
    for (const std::size_t length : {0, 200, 5'000}) {
        Bytes bytes(length);
        random.fill(bytes);
        seeds.emplace_back(as_text(bytes));
    }
    return seeds;
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    InputRandom random({data, size});
    srtp::test::Duel duel(random, srtp::make_libsrtp_engine(), srtp::make_burst_engine());
    for (int beyond = 0; beyond < 3; beyond += random.exhausted()) {
        const std::string difference = duel.step();
        if (!difference.empty()) std::fprintf(stderr, "%s\n", difference.c_str());
        SALLYPORT_CHECK(difference.empty());
    }
    return 0;
}
