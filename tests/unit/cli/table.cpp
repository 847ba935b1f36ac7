// Tables and the words in them.
#include "control/cli/table.h"

#include <catch2/catch.hpp>
#include <sstream>

using namespace sallyport::cli;

TEST_CASE(
    "columns are aligned, also with UTF-8; empty cells are dashes; control characters do not reach the terminal") {
    Table table({"NAME", "TEXT", "N"});
    table.add({"a", "Grüße", "1"});
    table.add({"long-name", "", "2"});
    table.add({"b", "x\x1b[31m", "3"});
    std::ostringstream out;
    table.print(out);
    CHECK(out.str() ==
          "NAME       TEXT    N\n"
          "a          Grüße   1\n"
          "long-name  -       2\n"
          "b          x?[31m  3\n");
}

TEST_CASE("durations, bytes and times as people read them") {
    CHECK(duration_text(-1) == "0s");
    CHECK(duration_text(59.9) == "59s");
    CHECK(duration_text(187) == "3m07s");
    CHECK(duration_text(7'500) == "2h05m");
    CHECK(duration_text(1'051'200) == "12d04h");
    CHECK(bytes_text(999) == "999 B");
    CHECK(bytes_text(1'400'000) == "1.4 MB");
    CHECK(clock_text("2026-11-21T12:30:00.125Z") == "2026-11-21 12:30:00");
    CHECK(clock_text("") == "");
}
