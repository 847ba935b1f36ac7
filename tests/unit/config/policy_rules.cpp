// Rules of customers, of limits within limits, of windows and of header rules.
#include <catch2/catch.hpp>

#include "control/config/limits.h"
#include "control/config/validate.h"
#include "sample.h"

using namespace sallyport::config;

namespace {

using Fields = std::vector<std::string>;

Fields fields(const FieldErrors& errors) {
    Fields out;
    for (const auto& e : errors) out.push_back(e.field);
    return out;
}
template <class F>
Fields fields_after(F&& bend) {
    auto trunk = sample_trunk();
    bend(trunk);
    return fields(validate(trunk));
}
Fields header_errors(HeaderRule rule) {
    return fields_after([&](Trunk& t) { t.headers.in = {rule}; });
}

TimeZone berlin() {  // winter, and the summer of 2026
    return {"Europe/Berlin", 3'600, {{1'774'746'000, 7'200}, {1'792'890'000, 3'600}}};
}
Destinations office_hours() {
    Destinations out;
    out.time_zone = "Europe/Berlin";
    out.zone = std::make_shared<const TimeZone>(berlin());
    out.hours = {
        {{"+1", "+44"}, {{0x1f, 8 * 60, 18 * 60}, {0x20, 22 * 60, 2 * 60}}}, {{"+1900"}, {}}, {{"+441"}, {{}}}};
    return out;
}

}  // namespace

TEST_CASE("a customer has bounds as a trunk has, and what is shared by both is told alike") {
    CHECK(validate(Customer{"acme", "ACME", {10, 2.5, 20, 960}}).empty());
    const Customer bad{"ACME", std::string(200, 'x'), {1'000'001, -1, 100'001, 1'000'000'001}};
    CHECK(fields(validate(bad)) == Fields{"name", "display_name", "limits.concurrent_calls", "limits.calls_per_second",
                                          "limits.burst", "limits.bandwidth_kbps"});
    CHECK(fields(validate(Customer{"acme", "", {0, 0, 5, 0}})) == Fields{"limits.burst"});  // of an unlimited pace
    CHECK(fields_after([](Trunk& t) { t.limits.burst = 5; }) == Fields{"limits.burst"});
    const auto pace = [](double calls_per_second, std::uint32_t burst) {
        return fields(validate(Customer{"acme", "", {0, calls_per_second, burst, 0}}));
    };
    CHECK(pace(0.001, 0).empty());
    CHECK(pace(0.0009, 0) == Fields{"limits.calls_per_second"});
    CHECK(pace(0.001, 2'592).empty());  // back within 30 days
    CHECK(pace(0.001, 2'593) == Fields{"limits.burst"});
    CHECK(pace(1, 100'000).empty());
}

TEST_CASE("a trunk's customer exists, and stays while it has trunks") {
    auto trunk = sample_trunk();
    trunk.customer = "acme";
    const Customer acme{"acme", "ACME", {10}};
    const auto refused = apply(Snapshot{}, {{trunk}});
    REQUIRE(refused.has_error());
    CHECK(refused.error().front().field == "customer");
    CHECK(refused.error().front().text == "\"customers/acme\" does not exist; create it first, or in the same request");
    const auto base = snapshot_of({trunk, acme});
    CHECK(base.customer_of(trunk)->limits.concurrent_calls == 10);
    CHECK(base.customer_of(sample_trunk("other")) == nullptr);
    const auto gone = apply(base, {{Deletion{"customers/acme"}}});
    REQUIRE(gone.has_error());
    CHECK(gone.error().front().text == "\"customers/acme\" has trunks/acme-hq; change or delete that first");
    CHECK(apply(base, {{Deletion{"customers/acme"}, Deletion{"trunks/acme-hq"}}}).has_value());
    const auto pruned = apply(base, {{sample_trunk()}, true});
    REQUIRE(pruned.has_value());
    CHECK(pruned->snapshot.customers.empty());
}

TEST_CASE("a difference names every field of a customer and of what binds a trunk") {
    auto trunk = sample_trunk();
    trunk.destinations = office_hours();
    trunk.number_limits = {{{"+4930123400", "+4930123409"}, 5, 1}};
    trunk.headers.out = {{HeaderAction::add, "X-Group", "", "7"}, {HeaderAction::rewrite, "Subject", "a*", "$1"}};
    const auto before = sample_trunk();
    const auto found = difference(&before, &trunk);
    CHECK(found.fields ==
          std::vector<FieldChange>{
              {"number_limits", "", "+4930123400..+4930123409 at most 5 each at most 1"},
              {"destinations.time_zone", "", "Europe/Berlin"},
              {"destinations.hours", "",
               "+1, +44 monday,tuesday,wednesday,thursday,friday 08:00-18:00; saturday 22:00-02:00, +1900 never, +441 "
               "00:00-24:00"},
              {"headers.out", "", "add X-Group: 7, rewrite Subject: a* to $1"}});
    const Customer small{"acme", "ACME", {10}}, large{"acme", "ACME AG", {20, 5, 9, 960}, true};
    CHECK(difference(&small, &large).fields.size() == 6);
    CHECK(difference(&small, &small).action == Action::unchanged);
}

TEST_CASE("number limits are of the trunk's numbers, and no two are of the same") {
    const auto with = [](std::vector<NumberLimit> limits) {
        return fields_after([&](Trunk& t) { t.number_limits = std::move(limits); });
    };
    CHECK(with({{{"+4930123400", "+4930123400"}, 2, 0}, {{"+4930123401", "+4930123499"}, 0, 1}}).empty());
    CHECK(with({{{"+4930123400", "+4930123500"}, 2, 0}}) == Fields{"number_limits[0].numbers"});
    CHECK(with({{{"+493012340", "+493012340"}, 2, 0}}) == Fields{"number_limits[0].numbers"});
    CHECK(with({{{"+4930123409", "+4930123400"}, 2, 0}}) == Fields{"number_limits[0].numbers"});
    CHECK(with({{{"+4930123400", "+4930123400"}, 0, 0}}) == Fields{"number_limits[0].concurrent_calls"});
    CHECK(with({{{"+4930123410", "+4930123420"}, 1, 0}, {{"+4930123400", "+4930123499"}, 9, 0}}) ==
          Fields{"number_limits[1].numbers"});
    CHECK(with({{{"+4930123400", "+4930123410"}, 1, 0}, {{"+4930123410", "+4930123499"}, 9, 0}}) ==
          Fields{"number_limits[1].numbers"});
}

TEST_CASE("the clock on the wall follows its zone over a change of the time, by day and by week") {
    const auto zone = berlin();
    using Instant = TimeZone::Instant;
    CHECK(zone.instant_at(1'767'268'800) == Instant{3, 13 * 60});      // Thursday 2026-01-01, 12:00 UTC
    CHECK(zone.instant_at(1'774'745'999) == Instant{6, 1 * 60 + 59});  // Sunday 2026-03-29, a second before summer
    CHECK(zone.instant_at(1'774'746'000) == Instant{6, 3 * 60});
    CHECK(zone.instant_at(1'792'889'999) == Instant{6, 2 * 60 + 59});
    CHECK(zone.instant_at(1'792'890'000) == Instant{6, 2 * 60});  // the hour comes twice
    CHECK(zone.instant_at(-1) == Instant{3, 59});                 // Thursday 1970-01-01, 00:59 in Berlin
    const TimeZone far{"Pacific/Kiritimati", 14 * 3'600, {}}, west{"Etc/GMT+12", -12 * 3'600, {}};
    CHECK(far.instant_at(1'767'268'800) == Instant{4, 2 * 60});
    CHECK(west.instant_at(1'767'268'800 - 60) == Instant{2, 23 * 60 + 59});
}

TEST_CASE("windows: the longest prefix decides, minutes are exact, a night belongs to the day it begins on") {
    const auto destinations = office_hours();
    const auto open = [&](std::string_view number, std::int64_t at) {
        const auto* hours = destinations.hours_of(number);
        return hours == nullptr || destinations.is_open(*hours, at);
    };
    constexpr std::int64_t friday_8 = 1'767'337'200, hour = 3'600, day = 86'400;  // 2026-01-02, 07:00 UTC
    CHECK_FALSE(open("+12125550100", friday_8 - 1));
    CHECK(open("+12125550100", friday_8));
    CHECK(open("+12125550100", friday_8 + 10 * hour - 1));
    CHECK_FALSE(open("+12125550100", friday_8 + 10 * hour));
    CHECK_FALSE(open("+12125550100", friday_8 + day));               // Saturday
    CHECK(open("+442075550100", friday_8 + day + 14 * hour));        // 22:00
    CHECK(open("+442075550100", friday_8 + day + 18 * hour - 1));    // Sunday, 01:59:59
    CHECK_FALSE(open("+442075550100", friday_8 + day + 18 * hour));  // 02:00
    CHECK_FALSE(open("+442075550100", friday_8 + 17 * hour));        // Friday's night is not in it
    CHECK_FALSE(open("+19005550100", friday_8));                     // never
    CHECK(open("+4412345", friday_8 + day));                         // always
    CHECK(open("+4930123456", friday_8 + day));                      // no entry
    auto unknown = destinations;
    unknown.zone = nullptr;
    CHECK_FALSE(unknown.is_open(unknown.hours[0], friday_8));
    CHECK(destinations.allows("+1"));
    unknown.allowed_prefixes = {"+49", "+43"};
    CHECK(unknown.allows("+4930123"));
    CHECK_FALSE(unknown.allows("+12125550100"));
}

TEST_CASE("windows and prefixes that make no sense are told with their places") {
    const auto errors = fields_after([](Trunk& t) {
        t.destinations = office_hours();
        t.destinations.allowed_prefixes = {"", "49"};
        t.destinations.hours[0].prefixes = {"+1", "x", ""};
        t.destinations.hours[1].prefixes = {"+1"};
        t.destinations.hours[2].prefixes = {};
        t.destinations.hours[0].windows[1].from = 24 * 60;
        t.destinations.hours[0].windows[0].to = 24 * 60 + 1;
        t.destinations.hours[0].windows[0].days = 0;
    });
    CHECK(errors == Fields{"destinations.allowed_prefixes[0]", "destinations.allowed_prefixes[1]",
                           "destinations.hours[0].prefixes[1]", "destinations.hours[0].windows[0].days",
                           "destinations.hours[0].windows[0].to", "destinations.hours[0].windows[1].from",
                           "destinations.hours[1].prefixes[0]", "destinations.hours[2].prefixes"});
    CHECK(fields_after([](Trunk& t) {
              t.destinations = office_hours();
              t.destinations.time_zone.clear();
          }) == Fields{"destinations.time_zone"});
}

TEST_CASE("a header rule cannot break out of its field, and says what it needs") {
    using enum HeaderAction;
    CHECK(header_errors({add, "X-Group", "", "7"}).empty());
    CHECK(header_errors({remove, "X-Group", "", ""}).empty());
    CHECK(header_errors({rewrite, "Subject", "* (*)", "$2: $1 and $$ $x"}).empty());
    CHECK(header_errors({add, "X-Group", "", "J\xc3\xbcrgen"}).empty());
    const Fields value{"headers.in[0].value"}, match{"headers.in[0].match"}, header{"headers.in[0].header"};
    for (const auto* bad : {"", "a\r\nVia: x", "a\nb", "a\rb", "\xff", " a", "a ", "a\tb", "a\x7f"})
        CHECK(header_errors({add, "X-Group", "", bad}) == value);
    CHECK(header_errors({add, "X-Group", "", std::string("a\0b", 3)}) == value);
    CHECK(header_errors({add, "X-Group", "", std::string(513, 'x')}) == value);
    CHECK(header_errors({remove, "X-Group", "", "7"}) == value);
    CHECK(header_errors({rewrite, "X-Group", "a*", "$2"}) == value);
    CHECK(header_errors({rewrite, "X-Group", "", "$1"}) == value);
    CHECK(header_errors({rewrite, "X-Group", "*", "$0"}) == value);
    CHECK(header_errors({add, "X-Group", "a", "7"}) == match);
    CHECK(header_errors({remove, "X-Group", "a\r\nb", ""}) == match);
    CHECK(header_errors({remove, "X-Group", "*****", ""}) == match);
    for (const auto* bad : {"", "X Group", "X:Group", "X\r\nVia", "Via", "P-Asserted-Identity", "J\xc3\xbcrgen",
                            "p-charging-vector", "P-Visited-Network-ID", "pidf-lo", "Service-Interact-Info"})
        CHECK(header_errors({remove, bad, "", ""}) == header);
    auto carrier = sample_carrier();
    carrier.headers.out.assign(51, {add, "X-Group", "", "7"});
    CHECK(fields(validate(carrier)) == Fields{"headers.out"});
}
