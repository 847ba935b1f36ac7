// The provisioned state over a store: durable before anybody hears of it, and unchanged when the store refuses.
#include "control/api/config_state.h"

#include <unistd.h>
#include <catch2/catch.hpp>

#include <condition_variable>
#include <filesystem>
#include <fstream>

#include "control/store/sqlite_store.h"

using namespace sallyport;
using namespace sallyport::api;

namespace {

// The real store, which can be told to refuse.
class TroubledStore final : public store::Store {
public:
    explicit TroubledStore(const std::filesystem::path& file) : store_(std::move(*store::open_sqlite_store({file}))) {}
    bool refuse = false;

    Result<std::optional<store::Entry>, store::Error> get(std::string_view key) override { return store_->get(key); }
    Result<std::vector<store::Entry>, store::Error> range(std::string_view prefix, std::string_view after,
                                                          std::size_t limit) override {
        return store_->range(prefix, after, limit);
    }
    Result<store::Revision, store::Error> commit(const store::Transaction& transaction) override {
        if (refuse) return store::Error{store::Errc::unavailable, "the disk is full"};
        return store_->commit(transaction);
    }
    Result<std::unique_ptr<Watch>, store::Error> watch(std::string prefix, store::Revision from,
                                                       OnEvent on_event) override {
        return store_->watch(std::move(prefix), from, std::move(on_event));
    }
    store::Revision revision() override { return store_->revision(); }
    const store::Stats& stats() const override { return store_->stats(); }

private:
    std::unique_ptr<store::Store> store_;
};

struct Bench {
    std::filesystem::path directory;
    std::unique_ptr<TroubledStore> store;
    std::unique_ptr<ConfigState> state;

    Bench() {
        char name[] = "/tmp/sallyport-state-XXXXXX";
        REQUIRE(mkdtemp(name) != nullptr);
        directory = name;
        open();
    }
    ~Bench() {
        state.reset();
        store.reset();
        std::filesystem::remove_all(directory);
    }
    void open() {
        store = std::make_unique<TroubledStore>(directory / "store.db");
        auto opened = ConfigState::open(*store, 20);
        if (!opened) FAIL(opened.error());
        state = std::move(*opened);
    }
    void reopen() {
        state.reset();
        store.reset();
        open();
    }
    Result<std::string, Problem> put(const std::string& display_name, const std::string& request_id = {},
                                     bool validate_only = false) {
        config::Carrier carrier;
        carrier.id = "core";
        carrier.realm = "core";
        carrier.display_name = display_name;
        carrier.targets = {{"192.0.2.9", 5060, config::Transport::udp, 0, 0}};
        return state->change(
            {request_id, display_name, validate_only},
            [&](const config::Snapshot&) {
                return config::Change{{carrier}, false};
            },
            [](const config::Outcome& outcome) { return std::to_string(outcome.snapshot.revision); });
    }
    std::string name() const { return state->snapshot()->carriers.at("core").display_name; }
};

}  // namespace

TEST_CASE("what was changed is there after a restart, with its revisions") {
    Bench b;
    CHECK(b.state->snapshot()->revision == 0);
    CHECK(*b.put("one") == "1");
    CHECK(*b.put("two") == "2");
    CHECK(*b.put("two") == "2");
    b.reopen();
    CHECK(b.state->snapshot()->revision == 2);
    CHECK(b.name() == "two");
    CHECK(b.state->snapshot()->carriers.at("core").revision == 2);
    CHECK(*b.put("three") == "3");
}

TEST_CASE("a store that refuses leaves everything as it was, and the next change works") {
    Bench b;
    REQUIRE(b.put("one").has_value());
    b.store->refuse = true;
    const auto refused = b.put("two", "id-1");
    REQUIRE(refused.has_error());
    CHECK(refused.error().refusal == Refusal::unavailable);
    CHECK(refused.error().sentence == "the disk is full");
    CHECK(b.name() == "one");
    CHECK(b.state->snapshot()->revision == 1);
    b.store->refuse = false;
    CHECK(*b.put("two", "id-1") == "2");
    CHECK(b.name() == "two");
}

TEST_CASE("a dry run needs no store and changes nothing") {
    Bench b;
    b.store->refuse = true;
    CHECK(*b.put("one", "", true) == "1");
    CHECK(b.state->snapshot()->carriers.empty());
}

TEST_CASE("answers of requests with an id are kept for the last ones, and the oldest go from the store too") {
    Bench b;
    for (int i = 0; i < 70; ++i) REQUIRE(b.put(std::to_string(i), std::to_string(i)).has_value());
    b.reopen();
    CHECK(b.store->range("/sallyport/v1/request/", "", 1'000'000)->size() == 20);
    const auto other = [&](const std::string& id) { return b.put("other", id); };
    CHECK(other("69").has_error());
    CHECK(other("50").has_error());
    CHECK(other("49").has_value());
}

TEST_CASE("answers are bounded in bytes, ids and fingerprints among them") {
    Bench b;
    const std::string large(12u << 20, 'x');  // three are more than the bound
    for (int i = 0; i < 6; ++i) REQUIRE(b.put(std::to_string(i), large + std::to_string(i)).has_value());
    CHECK(b.store->range("/sallyport/v1/request/", "", 1'000'000)->size() < 4);
}

TEST_CASE("a request that changes nothing leaves nothing in the store, with an id or without") {
    Bench b;
    REQUIRE(b.put("same", "id-0").has_value());
    const auto revision = b.store->revision();
    for (int i = 1; i < 30; ++i) REQUIRE(b.put("same", "id-" + std::to_string(i)).has_value());
    CHECK(b.store->revision() == revision);
    CHECK(b.store->range("/sallyport/v1/request/", "", 1'000'000)->size() == 1);
    CHECK(*b.put("same", "id-0") == "1");
}

TEST_CASE("hashes of rotated and deleted credentials are not in the store's file any more") {
    Bench b;
    const auto change = [&](std::vector<config::ChangeItem> items) {
        const auto done = b.state->change(
            {"id-" + std::to_string(b.store->revision()), "", false},
            [&](const config::Snapshot&) {
                return config::Change{std::move(items), false};
            },
            [](const config::Outcome&) { return std::string("done"); });
        REQUIRE(done.has_value());
    };
    config::Trunk trunk;
    trunk.id = "acme";
    trunk.realm = "access";
    trunk.registration_aor = "sip:acme@sip.example.com";
    trunk.numbers = {{"+4930123400", "+4930123499"}};
    for (const char digit : {'a', 'b'}) {
        trunk.credentials = {{"acme", "", std::string(32, digit), std::string(64, digit)}};
        change({trunk});
    }
    const auto stored = [&](char digit) {
        b.reopen();  // the log of SQLite is merged into the file
        std::ifstream file(b.directory / "store.db", std::ios::binary);
        const std::string bytes{std::istreambuf_iterator<char>(file), {}};
        return bytes.find(std::string(32, digit)) != bytes.npos;
    };
    CHECK(!stored('a'));
    CHECK(stored('b'));
    change({config::Deletion{"trunks/acme"}});
    CHECK(!stored('b'));
}

TEST_CASE("a store with something that cannot be read is not guessed at") {
    Bench b;
    REQUIRE(b.put("one").has_value());
    for (const auto& [key, value] :
         {std::pair{"/sallyport/v1/config/trunks/x", "\xff\xff"}, {"/sallyport/v1/config/gadgets/x", ""}}) {
        REQUIRE(b.store->put(key, value).has_value());
        const auto opened = ConfigState::open(*b.store);
        REQUIRE(opened.has_error());
        CHECK(opened.error().find(key) != std::string::npos);
        REQUIRE(b.store->commit({{}, {{key, std::nullopt}}}).has_value());
    }
}

TEST_CASE("a subscriber hears the present snapshot at once and each later one, the last of many for certain") {
    Bench b;
    REQUIRE(b.put("one").has_value());
    std::mutex mutex;
    std::condition_variable heard;
    std::vector<std::uint64_t> revisions;
    const auto subscription = b.state->subscribe([&](const config::SnapshotPtr& snapshot) {
        const std::lock_guard lock(mutex);
        revisions.push_back(snapshot->revision);
        heard.notify_all();
    });
    CHECK(revisions == std::vector<std::uint64_t>{1});
    for (int i = 2; i <= 20; ++i) REQUIRE(b.put(std::to_string(i)).has_value());
    std::unique_lock lock(mutex);
    CHECK(heard.wait_for(lock, std::chrono::seconds(10), [&] { return revisions.back() == 20; }));
    CHECK(std::is_sorted(revisions.begin(), revisions.end()));
    lock.unlock();
    b.state->unsubscribe(subscription);
    const auto count = revisions.size();
    REQUIRE(b.put("more").has_value());
    CHECK(revisions.size() == count);
}

TEST_CASE("a change that another node wrote to the store is taken over") {
    Bench b;
    REQUIRE(b.put("one").has_value());
    std::mutex mutex;
    std::condition_variable heard;
    std::string name;
    const auto subscription = b.state->subscribe([&](const config::SnapshotPtr& snapshot) {
        const std::lock_guard lock(mutex);
        name = snapshot->carriers.at("core").display_name;
        heard.notify_all();
    });
    // The other node: a second state over the same store.
    auto other = ConfigState::open(*b.store);
    REQUIRE(other.has_value());
    std::swap(b.state, *other);
    REQUIRE(b.put("two").has_value());
    std::unique_lock lock(mutex);
    CHECK(heard.wait_for(lock, std::chrono::seconds(10), [&] { return name == "two"; }));
    lock.unlock();
    std::swap(b.state, *other);
    CHECK(*b.put("three") == "3");
    b.state->unsubscribe(subscription);  // waits for a call of the listener that is under way
}
