// What every store must do, asked of the one a node has; and what a file must survive: kill -9, damage, a later schema.
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <catch2/catch.hpp>

#include <fstream>
#include <stdexcept>
#include <thread>

#include "control/store/sqlite_store.h"

namespace sallyport::store {
// What Result::value() does with our error: fails the test with its sentence.
[[noreturn]] inline void throw_exception_from_error(const Error& error, const boost::source_location&) {
    throw std::runtime_error(error.sentence);
}
}  // namespace sallyport::store

using namespace sallyport::store;

namespace {

class Directory {
public:
    Directory() {
        char name[] = "/tmp/sallyport-store-XXXXXX";
        REQUIRE(mkdtemp(name) != nullptr);
        path = name;
    }
    ~Directory() { std::filesystem::remove_all(path); }
    std::filesystem::path path;
};

struct Bench {
    Directory directory;
    std::filesystem::path file = directory.path / "store.db";
    std::unique_ptr<Store> store = open();

    std::unique_ptr<Store> open(std::uint64_t history = 10'000) {
        auto opened = open_sqlite_store({file, history});
        if (!opened) FAIL(opened.error().sentence);
        return std::move(*opened);
    }
    Error refusal() {
        auto opened = open_sqlite_store({file});
        REQUIRE(opened.has_error());
        return opened.error();
    }
    void reopen(std::uint64_t history = 10'000) {
        store.reset();
        store = open(history);
    }
};

std::vector<std::string> keys(const std::vector<Entry>& entries) {
    std::vector<std::string> out;
    for (const auto& e : entries) out.push_back(e.key);
    return out;
}
using Keys = std::vector<std::string>;

}  // namespace

TEST_CASE("what is put is got, with the revision that put it, also after a restart") {
    Bench b;
    CHECK(b.store->revision() == 0);
    CHECK(b.store->put("a", "one").value() == 1);
    CHECK(b.store->put("b", std::string("\0\xff bytes", 8)).value() == 2);
    CHECK(b.store->put("a", "").value() == 3);
    for (int round = 0; round < 2; ++round) {
        CHECK(b.store->get("a").value() == Entry{"a", "", 3});
        CHECK(b.store->get("b").value() == Entry{"b", std::string("\0\xff bytes", 8), 2});
        CHECK(b.store->get("c").value() == std::nullopt);
        CHECK(b.store->revision() == 3);
        b.reopen();
    }
}

TEST_CASE("a transaction writes all or nothing, and only when its preconditions hold") {
    Bench b;
    REQUIRE(b.store->put("a", "1").has_value());
    CHECK(b.store->commit({{{"a", 1}, {"b", 0}}, {{"b", "2"}, {"a", std::nullopt}}}).value() == 2);
    const auto refused = b.store->commit({{{"b", 1}}, {{"c", "3"}, {"b", "4"}}});
    REQUIRE(refused.has_error());
    CHECK(refused.error().code == Errc::conflict);
    CHECK(refused.error().sentence == "b was changed by somebody else");
    CHECK(b.store->commit({{{"b", 0}}, {{"c", "3"}}}).has_error());
    CHECK(keys(b.store->range("", "", 10).value()) == Keys{"b"});
    CHECK(b.store->revision() == 2);
    CHECK(b.store->stats().conflicts.read() == 2);
}

TEST_CASE("a transaction without writes only asks") {
    Bench b;
    REQUIRE(b.store->put("a", "1").has_value());
    CHECK(b.store->commit({{{"a", 1}}, {}}).value() == 1);
    CHECK(b.store->commit({{{"a", 7}}, {}}).has_error());
}

TEST_CASE("a range is one prefix, in order, in pages") {
    Bench b;
    REQUIRE(b.store->commit({{}, {{"t/b", "2"}, {"t/a", "1"}, {"t/c", "3"}, {"t", "0"}, {"t0", "x"}, {"u/a", "4"}}})
                .has_value());
    CHECK(keys(b.store->range("t/", "", 10).value()) == Keys{"t/a", "t/b", "t/c"});
    CHECK(keys(b.store->range("t/", "", 2).value()) == Keys{"t/a", "t/b"});
    CHECK(keys(b.store->range("t/", "t/b", 2).value()) == Keys{"t/c"});
    CHECK(keys(b.store->range("v", "", 2).value()).empty());
    CHECK(keys(b.store->range("", "", 100).value()).size() == 6);
    REQUIRE(b.store->put("\xff\xff", "end").has_value());
    CHECK(keys(b.store->range("\xff", "", 10).value()) == Keys{"\xff\xff"});
}

TEST_CASE("a watch tells the past from its revision on, then each commit, only its prefix, each once") {
    Bench b;
    REQUIRE(b.store->put("t/a", "1").has_value());
    REQUIRE(b.store->put("other", "2").has_value());
    REQUIRE(b.store->commit({{}, {{"t/b", "3"}, {"other", "4"}, {"t/a", std::nullopt}}}).has_value());
    std::vector<Event> events;
    auto watch = b.store->watch("t/", 2, [&](const Event& e) { events.push_back(e); });
    REQUIRE(watch.has_value());
    REQUIRE(b.store->put("t/c", "5").has_value());
    REQUIRE(b.store->put("other", "6").has_value());
    CHECK(events == std::vector<Event>{{3, {{"t/b", "3"}, {"t/a", std::nullopt}}}, {4, {{"t/c", "5"}}}});
    watch->reset();
    REQUIRE(b.store->put("t/d", "7").has_value());
    CHECK(events.size() == 2);
}

TEST_CASE("a watch from a revision that is no longer kept is refused, not cut short") {
    Bench b;
    b.reopen(5);
    for (int i = 0; i < 10; ++i) REQUIRE(b.store->put("a", std::to_string(i)).has_value());
    const auto late = b.store->watch("", 5, [](const Event&) {});
    REQUIRE(late.has_error());
    CHECK(late.error().code == Errc::compacted);
    std::vector<Event> events;
    CHECK(b.store->watch("", 6, [&](const Event& e) { events.push_back(e); }).has_value());
    CHECK(events.size() == 5);
    CHECK(events.front().revision == 6);
}

TEST_CASE("a write outside the history is told at once, but not later, and leaves no copy of what it replaced") {
    Bench b;
    std::vector<Event> live, late;
    auto watch = b.store->watch("", 1, [&](const Event& e) { live.push_back(e); });
    REQUIRE(b.store->commit({{}, {{"a", "first-secret", false}, {"b", "open"}}}).has_value());
    REQUIRE(b.store->commit({{}, {{"a", "second-secret", false}}}).has_value());
    CHECK(live == std::vector<Event>{{1, {{"a", "first-secret"}, {"b", "open"}}}, {2, {{"a", "second-secret"}}}});
    auto later = b.store->watch("", 1, [&](const Event& e) { late.push_back(e); });
    CHECK(late == std::vector<Event>{{1, {{"b", "open"}}}});
    watch->reset();
    later->reset();
    REQUIRE(b.store->commit({{}, {{"a", std::nullopt, false}}}).has_value());
    b.store.reset();
    std::ifstream file(b.file, std::ios::binary);
    const std::string bytes{std::istreambuf_iterator<char>(file), {}};
    CHECK(bytes.find("open") != bytes.npos);
    CHECK(bytes.find("first-secret") == bytes.npos);
    CHECK(bytes.find("second-secret") == bytes.npos);
}

TEST_CASE("the history is bounded in bytes too, also over a restart, and says from where on it is whole") {
    Bench b;
    b.store.reset();
    const auto open = [&] { b.store = std::move(*open_sqlite_store({b.file, 10'000, 5'000})); };
    open();
    for (int i = 0; i < 20; ++i) {
        if (i == 10) {
            b.store.reset();
            open();
        }
        REQUIRE(b.store->put("k", std::string(999, 'x')).has_value());
    }
    std::vector<Revision> told;
    CHECK(b.store->watch("", 16, [&](const Event& e) { told.push_back(e.revision); }).has_value());
    CHECK(told == std::vector<Revision>{16, 17, 18, 19, 20});
    CHECK(b.store->watch("", 15, [](const Event&) {}).error().code == Errc::compacted);
    REQUIRE(b.store->put("k", std::string(20'000, 'x')).has_value());  // alone it is too much, and still told
    told.clear();
    CHECK(b.store->watch("", 21, [&](const Event& e) { told.push_back(e.revision); }).has_value());
    CHECK(told == std::vector<Revision>{21});
}

TEST_CASE("many writers at once: every commit has its own revision, no increment is lost") {
    Bench b;
    REQUIRE(b.store->put("n", "0").has_value());
    const auto add_one = [&] {
        for (;;) {
            const auto entry = b.store->get("n").value().value();
            const auto next = std::to_string(std::stoi(entry.value) + 1);
            if (b.store->commit({{{"n", entry.revision}}, {{"n", next}}})) return;
        }
    };
    std::vector<std::thread> threads;
    for (int t = 0; t < 4; ++t)
        threads.emplace_back([&] {
            for (int i = 0; i < 25; ++i) add_one();
        });
    for (auto& t : threads) t.join();
    CHECK(b.store->get("n").value()->value == "100");
    CHECK(b.store->revision() == 101);
}

TEST_CASE("what was acknowledged before kill -9 is there afterwards, and transactions are whole") {
    Bench b;
    b.store.reset();
    int acknowledged[2];
    REQUIRE(pipe(acknowledged) == 0);
    const pid_t child = fork();
    if (child == 0) {
        auto opened = open_sqlite_store({b.file});
        if (!opened) _exit(1);
        for (std::uint32_t i = 1;; ++i) {
            const auto text = std::to_string(i);
            if (!(*opened)->commit({{}, {{"left", text}, {"right", text}, {"k/" + text, text}}})) _exit(2);
            if (write(acknowledged[1], &i, sizeof i) != sizeof i) _exit(3);
        }
    }
    close(acknowledged[1]);
    std::uint32_t last = 0;
    while (last < 50) REQUIRE(read(acknowledged[0], &last, sizeof last) == sizeof last);
    kill(child, SIGKILL);
    int status = 0;
    waitpid(child, &status, 0);
    REQUIRE(WIFSIGNALED(status));
    for (std::uint32_t more = 0; read(acknowledged[0], &more, sizeof more) == sizeof more;) last = more;
    close(acknowledged[0]);

    b.reopen();
    const auto left = b.store->get("left").value()->value;
    CHECK(std::stoul(left) >= last);
    CHECK(b.store->get("right").value()->value == left);
    CHECK(b.store->range("k/", "", 1'000'000).value().size() == std::stoul(left));
    CHECK(b.store->revision() == std::stoul(left));
}

TEST_CASE("a second process is refused while the first has the store") {
    Bench b;
    const auto error = b.refusal();
    CHECK(error.code == Errc::in_use);
    CHECK(error.sentence == "the store " + b.file.string() + " is in use by another process");
}

TEST_CASE("a store of a later schema is refused with what to do") {
    Bench b;
    b.store.reset();
    REQUIRE(std::system(("sqlite3 " + b.file.string() + " 'PRAGMA user_version=99'").c_str()) == 0);
    const auto error = b.refusal();
    CHECK(error.code == Errc::newer_schema);
    CHECK(error.sentence.find("has schema 99, this version knows up to 1") != std::string::npos);
}

TEST_CASE("a file that is no store is refused and not touched") {
    Bench b;
    b.store.reset();
    for (const auto& leftover : {"-wal", "-shm"}) std::filesystem::remove(b.file.string() + leftover);
    {
        std::ofstream out(b.file, std::ios::trunc);
        out << "this is a letter to my mother, and longer than a hundred bytes, so that it might be taken for a "
               "header\n";
    }
    CHECK(b.refusal().code == Errc::damaged);
    std::filesystem::remove(b.file);
    REQUIRE(std::system(("sqlite3 " + b.file.string() + " 'PRAGMA application_id=5; CREATE TABLE x(y)'").c_str()) == 0);
    CHECK(b.refusal().code == Errc::damaged);
}

TEST_CASE("the file is for its owner only: it holds hashes of passwords") {
    Bench b;
    struct stat info {};
    REQUIRE(stat(b.file.c_str(), &info) == 0);
    CHECK((info.st_mode & 0777) == 0600);
}

TEST_CASE("a store in a place that cannot be is refused with the reason") {
    auto opened = open_sqlite_store({"/proc/nowhere/store.db"});
    REQUIRE(opened.has_error());
    CHECK(opened.error().code == Errc::unavailable);
}
