// The inbox of an io_context: in order, whoever puts in, and quiet after its end.
#include "signaling/rpc/inbox.h"

#include <catch2/catch.hpp>

#include <optional>
#include <thread>

using sallyport::rpc::Inbox;

TEST_CASE("what other threads put in comes to the context's thread, each item once and in its order") {
    constexpr int items = 20'000;
    boost::asio::io_context context;
    sallyport::io::Gathering gathering(context);
    std::vector<int> taken;
    Inbox<int> inbox(gathering, [&](int& item) {
        taken.push_back(item);
        if (taken.size() == items) context.stop();
    });
    std::thread writer([&] {
        for (int i = 0; i < items; ++i) inbox.put(i);
    });
    context.run();
    writer.join();
    REQUIRE(taken.size() == items);
    for (int i = 0; i < items; ++i)
        if (taken[static_cast<std::size_t>(i)] != i) FAIL("out of order at " << i);
}

TEST_CASE("an item put in while another is taken is taken as well") {
    boost::asio::io_context context;
    sallyport::io::Gathering gathering(context);
    std::vector<int> taken;
    Inbox<int>* self = nullptr;
    Inbox<int> inbox(gathering, [&](int& item) {
        taken.push_back(item);
        if (item < 3) return self->put(item + 1);
        context.stop();
    });
    self = &inbox;
    inbox.put(1);
    context.run();
    CHECK(taken == std::vector<int>{1, 2, 3});
}

TEST_CASE("nobody is woken for items that come again and again: they are looked for") {
    boost::asio::io_context context;
    sallyport::io::Gathering gathering(context);
    int put = 0, taken = 0, waited = 0;
    Inbox<int> inbox(gathering, [&](int&) { ++taken; });
    while (waited == 0 && put < 10'000) {
        inbox.put(++put);
        context.poll();
        if (taken < put) ++waited;
        while (taken < put) context.run_one();
    }
    CHECK(waited == 1);
    CHECK(context.run_one() == 1);  // a look that finds nothing: from now on it wakes again
    inbox.put(++put);
    context.poll();
    CHECK(taken == put);
}

TEST_CASE("nothing comes from an inbox that is gone") {
    boost::asio::io_context context;
    sallyport::io::Gathering gathering(context);
    int taken = 0;
    std::optional<Inbox<int>> inbox;
    inbox.emplace(gathering, [&](int&) { ++taken; });
    inbox->put(1);
    inbox.reset();
    context.poll();
    CHECK(taken == 0);
}
