// The one place where Catch2's main is compiled: it costs seconds, so every test program links it. Where
// SALLYPORT_RESULTS names a directory, each case leaves a line there (result, seconds, name, tags), written as it ends:
// a program that dies later has still told what it knew.
#define CATCH_CONFIG_MAIN
#include <errno.h>

#include <catch2/catch.hpp>
#include <cstdlib>
#include <fstream>
#include <string>

namespace {

class ResultLines : public Catch::TestEventListenerBase {
public:
    using TestEventListenerBase::TestEventListenerBase;

    void testCaseStarting(const Catch::TestCaseInfo& test) override {
        TestEventListenerBase::testCaseStarting(test);
        timer_.start();
    }
    void testCaseEnded(const Catch::TestCaseStats& stats) override {
        TestEventListenerBase::testCaseEnded(stats);
        const char* directory = std::getenv("SALLYPORT_RESULTS");
        if (directory == nullptr) return;
        const bool passed = stats.totals.assertions.failed == 0 && stats.totals.testCases.failed == 0;
        std::ofstream file(std::string(directory) + "/" + program_invocation_short_name + ".tsv", std::ios::app);
        file << (passed ? "passed" : "failed") << '\t' << timer_.getElapsedSeconds() << '\t' << stats.testInfo.name
             << '\t' << stats.testInfo.tagsAsString() << std::endl;
    }

private:
    Catch::Timer timer_;
};
CATCH_REGISTER_LISTENER(ResultLines)

}  // namespace
