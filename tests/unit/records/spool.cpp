// The spool: durable before the callback, once, whole after any crash, and never lost to a consumer that is away.
#include "control/records/spool.h"

#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>
#include <catch2/catch.hpp>

#include "control/records/newest_lines.h"
#include "spool_bench.h"
#include "tests/support/eventually.h"

using namespace sallyport::records;
using sallyport::test::eventually;
using namespace std::chrono_literals;

TEST_CASE("a line is in the file when its callback says so, and the file goes on after a restart") {
    Bench b;
    for (const auto* line : {"one", "two"}) {
        auto spool = b.open();
        CHECK(append_and_wait(*spool, line));
        CHECK(b.lines().back() == line);
    }
    CHECK(b.lines() == Lines{"one", "two"});
}

TEST_CASE("what is queued when the spool closes is written") {
    Bench b;
    int durable = 0;
    {
        auto spool = b.open();
        for (int i = 0; i < 1'000; ++i) spool->append(std::to_string(i), [&](bool ok) { durable += ok; });
    }
    CHECK(durable == 1'000);
    const auto lines = b.lines();
    REQUIRE(lines.size() == 1'000);
    CHECK(lines[999] == "999");
}

TEST_CASE("a line that a crash tore is cut off, those before it stay") {
    Bench b;
    append_and_wait(*b.open(), "whole");
    b.add_tail("{\"torn\":");
    CHECK(b.lines() == Lines{"whole"});
    auto spool = b.open();
    CHECK(spool->stats().repaired.read() == 1);
    append_and_wait(*spool, "next");
    CHECK(b.lines() == Lines{"whole", "next"});
}

TEST_CASE("a segment that holds nothing but a torn line is repaired to nothing") {
    Bench b;
    { std::ofstream(segment_path(b.directory, 7)) << std::string(200'000, 'x'); }
    auto spool = b.open();
    append_and_wait(*spool, "first");
    CHECK(b.lines() == Lines{"first"});
}

TEST_CASE("after kill -9 in the middle of writing, every acknowledged line is there once and all lines are whole") {
    Bench b;
    int acknowledged[2];
    REQUIRE(pipe(acknowledged) == 0);
    const pid_t child = fork();
    if (child == 0) {
        auto spool = Spool::open(b.options);
        if (!spool) _exit(1);
        for (std::uint32_t i = 0;; ++i) {
            if (!eventually([&] { return (*spool)->stats().queued <= 1'000; })) _exit(3);
            (*spool)->append(std::to_string(i) + std::string(i % 3'000, '.') + "$", [i, &acknowledged](bool ok) {
                if (ok && write(acknowledged[1], &i, sizeof i) != sizeof i) _exit(2);
            });
        }
    }
    close(acknowledged[1]);
    std::uint32_t last = 0;
    while (last < 3'000) REQUIRE(read(acknowledged[0], &last, sizeof last) == sizeof last);
    kill(child, SIGKILL);
    waitpid(child, nullptr, 0);
    for (std::uint32_t more = 0; read(acknowledged[0], &more, sizeof more) == sizeof more;) last = more;
    close(acknowledged[0]);

    b.open();
    const auto lines = b.lines();
    REQUIRE(lines.size() > last);
    for (std::uint32_t i = 0; i < lines.size(); ++i)
        if (lines[i] != std::to_string(i) + std::string(i % 3'000, '.') + "$") FAIL("line " << i << ": " << lines[i]);
}

TEST_CASE("segments rotate by size and no line is lost between them") {
    Bench b;
    b.options.segment_bytes = 1'000;
    {
        auto spool = b.open();
        for (int i = 0; i < 50; ++i) append_and_wait(*spool, std::string(99, static_cast<char>('a' + i % 26)));
    }
    CHECK(list_segments(b.directory).size() == 5);
    CHECK(b.lines().size() == 50);
}

TEST_CASE("without consumers the oldest segments go when the directory is full; acknowledged ones go, others stay") {
    Bench b;
    b.options.segment_bytes = 100;
    b.options.total_bytes = 500;
    const auto fill = [&] {
        auto spool = b.open();
        for (int i = 0; i < 20; ++i) append_and_wait(*spool, std::string(99, 'x'));
        return spool->stats().segments_removed.read();
    };
    SECTION("nobody consumes") {
        CHECK(fill() > 0);
        CHECK(list_segments(b.directory).size() <= 7);
    }
    SECTION("a consumer has acknowledged nothing but the beginning, then some") {
        auto consumer = Consumer::open(b.directory, "billing");
        REQUIRE(consumer.has_value());
        REQUIRE(consumer->acknowledge({0, 0}).has_value());
        CHECK(fill() == 0);
        CHECK(b.lines().size() == 20);
        REQUIRE(consumer->acknowledge({4, 0}).has_value());
        CHECK(b.open()->stats().segments_removed.read() == 3);
        CHECK(list_segments(b.directory).front().number == 4);
    }
}

TEST_CASE("a disk that refuses is asked again and nothing is lost or written twice") {
    Bench b;
    std::atomic<int> troubles{0};
    b.options.on_trouble = [&](std::string_view) { ++troubles; };
    auto spool = b.open();
    CHECK(append_and_wait(*spool, "before"));
    // RLIMIT_FSIZE stands for the full disk: writes beyond it fail with EFBIG.
    signal(SIGXFSZ, SIG_IGN);
    rlimit old{};
    getrlimit(RLIMIT_FSIZE, &old);
    const rlimit tight{10, old.rlim_max};
    setrlimit(RLIMIT_FSIZE, &tight);
    std::promise<bool> answer;
    auto future = answer.get_future();
    spool->append("this line does not fit", [&](bool durable) { answer.set_value(durable); });
    CHECK(eventually([&] { return troubles >= 3; }));
    CHECK(future.wait_for(0s) == std::future_status::timeout);
    setrlimit(RLIMIT_FSIZE, &old);
    REQUIRE(future.wait_for(10s) == std::future_status::ready);
    CHECK(future.get());
    spool.reset();
    CHECK(b.lines() == Lines{"before", "this line does not fit"});
}

TEST_CASE("a full queue refuses at once, counted, and holds no more memory") {
    Bench b;
    b.options.queued_lines = 10;
    auto spool = b.open();
    std::promise<void> gate;
    auto opened = gate.get_future().share();
    spool->append("blocks the writer", [opened](bool) { opened.wait(); });
    REQUIRE(eventually([&] { return spool->stats().written.read() != 0; }));
    int refused = 0;
    for (int i = 0; i < 100; ++i) spool->append("x", [&](bool ok) { refused += !ok; });
    CHECK(refused == 91);  // the blocked line still counts
    CHECK(spool->stats().refused.read() == 91);
    gate.set_value();
}

TEST_CASE("one process writes a spool; the second is told") {
    Bench b;
    auto first = b.open();
    const auto second = Spool::open(b.options);
    REQUIRE(second.has_error());
    CHECK(second.error().find("another process writes records to") == 0);
}

TEST_CASE("the newest lines come first, over segments and chunks, page by page") {
    Bench b;
    b.options.segment_bytes = 300'000;
    {
        auto spool = b.open();
        for (int i = 0; i < 2'000; ++i) spool->append(std::to_string(i) + ' ' + std::string(i % 700, 'x'));
    }
    b.add_tail("half a li");
    std::vector<int> seen;
    std::optional<Position> before;
    for (bool oldest = false; !oldest;) {
        int page = 0;
        oldest = visit_newest(b.directory, before, 1u << 30, [&](std::string_view line, Position start) {
            if (page++ == 7) return false;
            seen.push_back(std::stoi(std::string(line.substr(0, line.find(' ')))));
            before = start;
            return true;
        });
    }
    REQUIRE(seen.size() == 2'000);
    for (int i = 0; i < 2'000; ++i)
        if (seen[static_cast<std::size_t>(i)] != 1'999 - i) FAIL("place " << i);
}

TEST_CASE("a search through the spool ends at its budget") {
    Bench b;
    {
        auto spool = b.open();
        for (int i = 0; i < 10'000; ++i) spool->append(std::string(100, 'x'));
    }
    std::size_t seen = 0;
    CHECK(!visit_newest(b.directory, {}, 300'000, [&](std::string_view, Position) { return ++seen, true; }));
    CHECK(seen > 2'000);
    CHECK(seen < 3'100);
}
