// What other threads have for a shard, in which order it is read, and what finds no place.
#include "signaling/io/mailbox.h"

#include <catch2/catch.hpp>

using namespace sallyport;
using namespace sallyport::io;

namespace {

std::string order(Mailbox& mailbox) {
    std::vector<Letter> letters;
    mailbox.take(letters);
    std::string text;
    for (const auto& letter : letters) {
        const auto* arrived = std::get_if<Arrived>(&letter);
        text += arrived != nullptr ? arrived->bytes : "-";
    }
    return text;
}
Arrived message(std::string bytes) { return {{}, std::move(bytes)}; }

}  // namespace

TEST_CASE("Messages are read in their order, but for those that come first") {
    Mailbox mailbox;
    CHECK(mailbox.put(message("a")) == Mailbox::Put::first);
    CHECK(mailbox.put(transaction::CloseFlow{}) == Mailbox::Put::queued);
    CHECK(mailbox.put(message("b"), true) == Mailbox::Put::queued);
    CHECK(mailbox.put(message("c")) == Mailbox::Put::queued);
    CHECK(mailbox.put(message("d"), true) == Mailbox::Put::queued);
    CHECK(order(mailbox) == "bda-c");
    CHECK(mailbox.put(message("e"), true) == Mailbox::Put::first);
    CHECK(mailbox.put(message("f")) == Mailbox::Put::queued);
    CHECK(order(mailbox) == "ef");
    CHECK(order(mailbox).empty());
}

TEST_CASE("Where there is no place for messages there is one for what comes first, and for what may not be lost") {
    Mailbox mailbox;
    for (std::size_t i = 0; i < Mailbox::max_messages; ++i) mailbox.put(message("."));
    CHECK(mailbox.put(message("x")) == Mailbox::Put::full);
    CHECK(mailbox.put(transaction::CloseFlow{}) == Mailbox::Put::queued);
    for (std::size_t i = 0; i < Mailbox::max_first; ++i)
        REQUIRE(mailbox.put(message("!"), true) == Mailbox::Put::queued);
    CHECK(mailbox.put(message("!"), true) == Mailbox::Put::full);  // then they are as all others
    CHECK(order(mailbox).starts_with("!!"));
    CHECK(mailbox.put(message("x")) == Mailbox::Put::first);
}
