// Consumers: what is not on the disk yet is not there for them, and a place they acknowledge is one.
#include "control/records/consumer.h"

#include <signal.h>
#include <sys/resource.h>
#include <catch2/catch.hpp>

#include <thread>

#include "control/records/durable_end.h"
#include "control/records/newest_lines.h"
#include "spool_bench.h"
#include "tests/support/eventually.h"

using namespace sallyport::records;
using sallyport::test::eventually;
using namespace std::chrono_literals;

namespace {

Consumer billing(const Bench& b) {
    auto consumer = Consumer::open(b.directory, "billing");
    if (!consumer) FAIL(consumer.error());
    return std::move(*consumer);
}

Lines texts(const std::vector<SpooledLine>& lines) {
    Lines out;
    for (const auto& line : lines) out.push_back(line.text);
    return out;
}

}  // namespace

TEST_CASE("a consumer gets lines in order, again until it acknowledges, and remembers over restarts") {
    Bench b;
    b.options.segment_bytes = 20;
    {
        auto spool = b.open();
        for (int i = 0; i < 10; ++i) append_and_wait(*spool, "line " + std::to_string(i));
    }
    auto consumer = Consumer::open(b.directory, "billing");
    REQUIRE(consumer.has_value());
    CHECK(consumer->next(4)[3].text == "line 3");
    CHECK(consumer->next(4)[0].text == "line 0");
    REQUIRE(consumer->acknowledge(consumer->next(4)[3].next).has_value());
    auto again = Consumer::open(b.directory, "billing");
    const auto rest = again->next(100);
    REQUIRE(rest.size() == 6);
    CHECK(rest[0].text == "line 4");
    CHECK(rest[5].text == "line 9");
    REQUIRE(again->acknowledge(rest[5].next).has_value());
    CHECK(again->next(100).empty());
    CHECK(Consumer::open(b.directory, "../etc").has_error());
}

TEST_CASE(
    "a line that is written but not durable is not there: not for a consumer, not in a list, not to acknowledge") {
    Bench b;
    auto spool = b.open();
    append_and_wait(*spool, "durable");
    b.add_tail("written, not synced\n");
    CHECK(b.lines() == Lines{"durable"});
    Lines newest;
    CHECK(visit_newest(b.directory, {}, 1u << 20, [&](std::string_view line, Position) {
        newest.emplace_back(line);
        return true;
    }));
    CHECK(newest == Lines{"durable"});
    auto consumer = billing(b);
    const auto refused = consumer.acknowledge({1, 28});
    REQUIRE(refused.has_error());
    CHECK(refused.error().code == AckErrc::no_place);
    CHECK(refused.error().sentence == "\"1:28\" is behind the last durable record, 1:8");
    REQUIRE(consumer.acknowledge({1, 8}).has_value());
    CHECK(backlogs(b.directory).at(0).bytes == 0);
}

TEST_CASE(
    "after a power failure took what was not durable, a consumer that had everything gets each later line whole") {
    Bench b;
    auto consumer = billing(b);
    {
        auto spool = b.open();
        for (int i = 0; i < 8; ++i) append_and_wait(*spool, "call-" + std::to_string(i));
        b.add_tail("call-8\ncall-9\n");  // in the page cache only
        const auto fetched = consumer.next(100);
        CHECK(fetched.size() == 8);
        REQUIRE(consumer.acknowledge(fetched.back().next).has_value());
    }
    std::filesystem::resize_file(segment_path(b.directory, 1), 8 * 7);
    auto spool = b.open();
    for (const auto* line : {"{\"call-10\"}", "{\"call-11\"}", "{\"call-12\"}"}) append_and_wait(*spool, line);
    CHECK(texts(consumer.next(100)) == Lines{"{\"call-10\"}", "{\"call-11\"}", "{\"call-12\"}"});
}

TEST_CASE("a start of the writer begins a segment, and what an earlier one left whole becomes durable") {
    Bench b;
    append_and_wait(*b.open(), "one");
    b.add_tail("whole, its writer was killed\nhalf");
    CHECK(b.lines() == Lines{"one"});
    auto spool = b.open();
    CHECK(b.lines() == Lines{"one", "whole, its writer was killed"});
    append_and_wait(*spool, "two");
    CHECK(list_segments(b.directory).size() == 2);
    CHECK(b.lines() == Lines{"one", "whole, its writer was killed", "two"});
}

TEST_CASE("lines of a write that failed in the middle are never shown before they are durable elsewhere") {
    Bench b;
    Lines seen;
    std::atomic<bool> failed{false};
    b.options.on_trouble = [&](std::string_view) {  // before the segment is cut back
        for (const auto& line : b.lines()) seen.push_back(line);
        failed = true;
    };
    signal(SIGXFSZ, SIG_IGN);
    rlimit old{};
    getrlimit(RLIMIT_FSIZE, &old);
    auto spool = b.open();
    std::promise<void> gate, blocked;
    auto opened = gate.get_future().share();
    spool->append("before", [&blocked, opened](bool) {
        blocked.set_value();
        opened.wait();
    });
    blocked.get_future().wait();
    spool->append("first of the batch");
    std::promise<bool> answer;
    auto future = answer.get_future();
    spool->append(std::string(200, 'x'), [&](bool durable) { answer.set_value(durable); });
    const rlimit tight{100, old.rlim_max};  // the first line fits, the second does not
    setrlimit(RLIMIT_FSIZE, &tight);
    gate.set_value();
    REQUIRE(eventually([&] { return failed.load(); }));
    setrlimit(RLIMIT_FSIZE, &old);
    REQUIRE(future.wait_for(10s) == std::future_status::ready);
    spool.reset();
    REQUIRE(!seen.empty());
    for (const auto& line : seen) CHECK(line == "before");
    CHECK(b.lines() == Lines{"before", "first of the batch", std::string(200, 'x')});
}

TEST_CASE("without a readable durable end the newest segment waits, those before it do not") {
    Bench b;
    append_and_wait(*b.open(), "one");
    append_and_wait(*b.open(), "two");
    REQUIRE(b.lines() == Lines{"one", "two"});
    const auto file = b.directory / "durable.end";
    SECTION("it is gone") { std::filesystem::remove(file); }
    SECTION("it was torn") { std::filesystem::resize_file(file, 20); }
    SECTION("a digit is another") {
        std::fstream out(file, std::ios::in | std::ios::out);
        out.seekp(30);
        out << '9';
    }
    CHECK(published_end(b.directory) == std::nullopt);
    CHECK(b.lines() == Lines{"one"});
    auto spool = b.open();
    CHECK(b.lines() == Lines{"one", "two"});
}

TEST_CASE("segments whose files were taken away keep their numbers") {
    Bench b;
    append_and_wait(*b.open(), "one");
    auto consumer = billing(b);
    REQUIRE(consumer.acknowledge(consumer.next(1)[0].next).has_value());
    std::filesystem::remove(segment_path(b.directory, 1));
    append_and_wait(*b.open(), "two");
    CHECK(texts(consumer.next(10)) == Lines{"two"});
}

TEST_CASE("only a place between two records is acknowledged, and only forward") {
    Bench b;
    auto spool = b.open();
    for (const auto* line : {"one", "two", "three"}) append_and_wait(*spool, line);
    auto consumer = billing(b);
    const auto code = [&](Position p) {
        const auto done = consumer.acknowledge(p);
        return done ? std::nullopt : std::optional(done.error().code);
    };
    CHECK(code({0, 0}) == std::nullopt);
    CHECK(code({999'999, 0}) == AckErrc::no_place);
    CHECK(code({0, 1}) == AckErrc::no_place);
    CHECK(code({1, 3}) == AckErrc::no_place);
    CHECK(code({1, 15}) == AckErrc::no_place);
    CHECK(code({1, ~std::uint64_t{0}}) == AckErrc::no_place);
    CHECK(consumer.next(10).size() == 3);
    CHECK(code({1, 8}) == std::nullopt);
    CHECK(code({1, 8}) == std::nullopt);
    CHECK(code({1, 4}) == AckErrc::behind);
    CHECK(consumer.acknowledge({1, 4}).error().sentence ==
          "\"1:4\" is behind what was acknowledged, \"1:8\": nothing was changed");
    CHECK(texts(billing(b).next(10)) == Lines{"three"});
}

TEST_CASE("acknowledgements of one consumer at the same time leave the farthest") {
    Bench b;
    constexpr std::uint64_t lines = 200;
    {
        auto spool = b.open();
        for (std::uint64_t i = 0; i < lines; ++i) spool->append("123");
    }
    std::atomic<int> unavailable{0};
    std::vector<std::thread> threads;
    for (std::uint64_t t = 0; t < 4; ++t)
        threads.emplace_back([&, t] {
            for (std::uint64_t line = t; line <= lines; line += 4) {
                auto consumer = Consumer::open(b.directory, "billing");
                if (!consumer) {
                    ++unavailable;
                    continue;
                }
                const auto done = consumer->acknowledge({1, line * 4});
                if (!done && done.error().code != AckErrc::behind) ++unavailable;
            }
        });
    for (auto& thread : threads) thread.join();
    CHECK(unavailable == 0);
    CHECK(billing(b).acknowledged() == Position{1, lines * 4});
}
