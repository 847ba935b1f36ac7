// How lines share an fsync: they wait for one another, but neither for ever nor beyond the room there is.
#include <catch2/catch.hpp>

#include "control/records/spool.h"
#include "spool_bench.h"
#include "tests/support/eventually.h"

using namespace sallyport::records;
using sallyport::test::eventually;
using namespace std::chrono_literals;

namespace {

std::uint64_t commits_of(const SpoolStats& stats) {
    std::uint64_t n = 0;
    for (std::size_t i = 0; i <= stats.commit_seconds.bounds().size(); ++i) n += stats.commit_seconds.bucket(i);
    return n;
}

}  // namespace

TEST_CASE("lines that come within the time share one fsync; the end of the spool waits for nobody") {
    Bench b;
    b.options.gather = 1h;
    std::uint64_t commits = 0;
    int durable = 0;
    {
        const auto spool = b.open();
        const SpoolStats& stats = spool->stats();
        const auto done = [&](bool ok) {
            durable += ok;
            commits = commits_of(stats);
        };
        for (int i = 0; i < 5; ++i) spool->append(std::to_string(i), done);
        CHECK(stats.written.read() == 0);
    }
    CHECK(durable == 5);
    CHECK(commits == 1);
    CHECK(b.lines() == Lines{"0", "1", "2", "3", "4"});
}

TEST_CASE("a queue that is half full is written at once") {
    Bench b;
    b.options.gather = 1h;
    b.options.queued_lines = 4;
    auto spool = b.open();
    spool->append("one");
    spool->append("two");
    CHECK(eventually([&] { return spool->stats().written.read() == 2; }));
}

TEST_CASE("a line alone does not wait for ever") {
    Bench b;
    auto spool = b.open();
    spool->append("one");
    CHECK(eventually([&] { return spool->stats().written.read() == 1; }));
}
