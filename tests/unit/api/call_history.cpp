// Finished calls out of the spool: one search at a time, and none for a caller who has gone.
#include "control/api/call_history.h"

#include <unistd.h>
#include <catch2/catch.hpp>

#include <future>

#include "control/records/spool.h"

using namespace sallyport;
using namespace sallyport::api;

namespace {

struct Bench {
    std::filesystem::path directory;
    explicit Bench(int calls) {
        char name[] = "/tmp/sallyport-history-XXXXXX";
        REQUIRE(mkdtemp(name) != nullptr);
        directory = name;
        records::SpoolOptions options;
        options.directory = directory;
        auto spool = records::Spool::open(options);
        REQUIRE(spool.has_value());
        for (int i = 0; i < calls; ++i) {
            records::CallRecord record;
            record.id = "call-" + std::to_string(i);
            record.trunk = i % 2 == 0 ? "even" : "odd";
            (*spool)->append(records::to_json(record));
        }
    }
    ~Bench() { std::filesystem::remove_all(directory); }
};

const CallHistory::GiveUp never = [] { return false; };

}  // namespace

TEST_CASE("while one search is under way another is refused, and the next one after it is not") {
    Bench b(3'000);
    const CallHistory history(b.directory);
    std::promise<void> under_way, go_on;
    auto told_to_go_on = go_on.get_future().share();
    std::once_flag once;
    auto first = std::async(std::launch::async, [&] {
        return history.find("nobody", [&] {
            std::call_once(once, [&] { under_way.set_value(); });
            told_to_go_on.wait();
            return false;
        });
    });
    under_way.get_future().wait();
    const auto second = history.find("call-7", never);
    REQUIRE(second.has_error());
    CHECK(second.error() == CallHistory::SearchErrc::busy);
    CHECK(history.page("", 10, "", never)->calls.size() == 10);  // a list is no search
    go_on.set_value();
    const auto nobody = first.get();
    REQUIRE(nobody.has_value());
    CHECK(!nobody->has_value());
    const auto found = history.find("call-7", never);
    REQUIRE(found.has_value());
    CHECK((*found)->record.id == "call-7");
}

TEST_CASE("a search ends soon after its caller has gone; a list goes on there with the next page") {
    Bench b(3'000);
    const CallHistory history(b.directory);
    int asked = 0;
    const auto gone = [&] { return ++asked == 3; };
    const auto found = history.find("nobody", gone);
    REQUIRE(found.has_error());
    CHECK(found.error() == CallHistory::SearchErrc::given_up);
    CHECK(asked == 3);
    asked = 0;
    const auto page = history.page("odd", 1'000, "", gone);
    REQUIRE(page.has_value());
    CHECK(page->calls.size() < 1'000);
    const auto rest = history.page("odd", 10'000, page->next, never);
    CHECK(page->calls.size() + rest->calls.size() == 1'500);
    CHECK(rest->next.empty());
}
