// An optional value in a place of its own behaves like any optional value.
#include <catch2/catch.hpp>

#include <string>

#include "control/base/boxed.h"

using sallyport::Boxed;

TEST_CASE("a boxed value is absent or there, and its copies are copies") {
    Boxed<std::string> empty, full(std::string("one"));
    CHECK_FALSE(empty);
    CHECK(sizeof(full) == sizeof(void*));
    Boxed<std::string> copy = full;
    *copy = "two";
    CHECK(*full == "one");
    copy = full;
    CHECK(copy == full);
    copy = empty;
    CHECK_FALSE(copy.has_value());
    copy = std::optional<std::string>("three");
    CHECK(copy->size() == 5);
    copy = std::optional<std::string>();
    CHECK_FALSE(copy.has_value());
    CHECK(copy == empty);
    copy.emplace(3, 'x');
    Boxed<std::string> moved = std::move(copy);
    CHECK(*moved == "xxx");
    moved = *&moved;
    CHECK(*moved == "xxx");
    moved.reset();
    CHECK_FALSE(moved.has_value());
}
