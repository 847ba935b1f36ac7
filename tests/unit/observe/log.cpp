// The log as a file: whole lines from any thread, nothing lost at the end, the level decides.
#include "control/observe/log.h"

#include <sys/wait.h>
#include <unistd.h>
#include <catch2/catch.hpp>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <set>
#include <thread>

using namespace sallyport::observe;

namespace {

struct LogFile {
    std::string path = "/tmp/sallyport-log-" + std::to_string(getpid());
    ~LogFile() {
        stop_log();
        std::filesystem::remove(path);
    }
    std::vector<std::string> lines() const {
        std::ifstream in(path);
        std::vector<std::string> out;
        for (std::string line; std::getline(in, line);) out.push_back(line);
        return out;
    }
};

}  // namespace

TEST_CASE("lines of many threads stay whole, and stop_log leaves none behind") {
    LogFile file;
    start_log({.daemon = "test", .file = file.path});
    std::vector<std::thread> threads;
    for (int t = 0; t < 4; ++t)
        threads.emplace_back([t] {
            for (int i = 0; i < 500; ++i) log_info("line", {{"thread", t}, {"i", i}});
        });
    for (auto& t : threads) t.join();
    stop_log();
    const auto lines = file.lines();
    std::set<std::string> tails;
    for (const auto& line : lines) tails.insert(line.substr(line.find("msg=")));
    CHECK(tails.size() == 2'000);
    CHECK(tails.contains("msg=line thread=3 i=499"));
}

TEST_CASE("a process that crashes leaves its last lines in the file, and dies of what it would have died of") {
    LogFile file;
    for (const int signal : {SIGABRT, SIGSEGV}) {
        const pid_t child = fork();
        if (child == 0) {
            std::signal(signal, SIG_DFL);  // whatever a test framework or a sanitizer has there
            start_log({.daemon = "test", .file = file.path});
            log_info("the last line");
            raise(signal);
            _exit(0);
        }
        int status = 0;
        CHECK(waitpid(child, &status, 0) == child);
        CHECK(WIFSIGNALED(status));
        CHECK(WTERMSIG(status) == signal);
        CHECK(file.lines().size() == 1);
        std::filesystem::remove(file.path);
    }
}

TEST_CASE("the level decides at run time") {
    LogFile file;
    start_log({.daemon = "test", .level = Level::warning, .file = file.path, .asynchronous = false});
    log_info("not this");
    log_warning("this");
    set_level(Level::debug);
    log_debug("and this");
    stop_log();
    CHECK(file.lines().size() == 2);
    CHECK(enabled(Level::debug));
    set_level(Level::info);
}

TEST_CASE("a file that cannot be is told in a sentence") {
    CHECK_THROWS_WITH(start_log({.daemon = "test", .file = "/proc/nowhere/x.log"}),
                      Catch::Contains("cannot write the log file \"/proc/nowhere/x.log\""));
}
