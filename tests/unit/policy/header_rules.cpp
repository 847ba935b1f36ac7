// What rules make of header fields: each value is looked at once, and no value becomes two fields.
#include "signaling/policy/header_rules.h"

#include <algorithm>
#include <array>
#include <catch2/catch.hpp>

#include "control/base/random.h"
#include "signaling/sip/header_name.h"

namespace sallyport::policy {
namespace {

using enum config::HeaderAction;
using Fields = std::vector<HeaderField>;
using Parts = std::optional<std::vector<std::string_view>>;

Fields after(std::vector<config::HeaderRule> rules, Fields fields, bool for_help = false) {
    apply_rules(rules, {.for_help = for_help}, fields);
    return fields;
}

// The same, by trying everything.
bool matches(std::string_view pattern, std::string_view value) {
    if (pattern.empty()) return value.empty();
    if (pattern.front() != '*')
        return !value.empty() && value.front() == pattern.front() && matches(pattern.substr(1), value.substr(1));
    for (std::size_t i = 0; i <= value.size(); ++i)
        if (matches(pattern.substr(1), value.substr(i))) return true;
    return false;
}

}  // namespace

TEST_CASE("A pattern stands for the whole value; each star for the shortest text that lets the rest match") {
    CHECK(match_value("gold", "gold") == Parts(std::vector<std::string_view>{}));
    CHECK_FALSE(match_value("gold", "golden"));
    CHECK_FALSE(match_value("Gold", "gold"));
    CHECK(match_value("*", "") == Parts({""}));
    CHECK(match_value("a*c", "abc") == Parts({"b"}));
    CHECK(match_value("a*c", "ac") == Parts({""}));
    CHECK_FALSE(match_value("ab*bc", "abc"));
    CHECK(match_value("*-*", "a-b-c") == Parts({"a", "b-c"}));
    CHECK(match_value("**x", "yx") == Parts({"", "y"}));
}

TEST_CASE("Property: a value matches where any choice for its stars would, and the parts put together are the value") {
    SeededRandom random(7);
    const auto any = [&](std::string_view letters, std::uint32_t most) {
        std::string out;
        for (auto n = random.below(most + 1); n > 0; --n)
            out += letters[random.below(static_cast<std::uint32_t>(letters.size()))];
        return out;
    };
    int matched = 0;
    for (int i = 0; i < 50'000; ++i) {
        const std::string pattern = any("ab**", 6), value = any("ab", 8);
        const auto parts = match_value(pattern, value);
        INFO(pattern << " on " << value);
        REQUIRE(parts.has_value() == matches(pattern, value));
        if (!parts) continue;
        ++matched;
        std::string together;
        std::size_t part = 0;
        for (const char c : pattern) c == '*' ? together.append((*parts)[part++]) : together.append(1, c);
        REQUIRE(together == value);
    }
    CHECK(matched > 5'000);
}

TEST_CASE("A hostile value costs no more than its length") {
    const std::string value(60'000, 'a');
    CHECK_FALSE(match_value("*a*a*a*b", value));  // backtracking would never come back
    const auto rewritten = after({{rewrite, "Subject", "*", "$1$1$1$1$1"}}, {{"Subject", value}});
    CHECK(rewritten == Fields{{"Subject", value}});  // too much: as it was
}

TEST_CASE("Rules add, remove and rewrite in their order, whatever the case of a name or its compact form") {
    const Fields fields{{"X-Group", "old"}, {"Subject", "ticket 17"}, {"x-group", "gold 1"}};
    CHECK(after({{remove, "X-GROUP", "", ""}, {add, "X-Group", "", "7"}}, fields) ==
          Fields{{"Subject", "ticket 17"}, {"X-Group", "7"}});
    CHECK(after({{add, "X-Group", "", "7"}, {remove, "X-Group", "", ""}}, fields) == Fields{{"Subject", "ticket 17"}});
    CHECK(after({{remove, "X-Group", "gold *", ""}}, fields) == Fields{{"X-Group", "old"}, {"Subject", "ticket 17"}});
    CHECK(after({{rewrite, "s", "ticket *", "T-$1 ($$, $2)"}}, fields)[1].value == "T-17 ($$, $2)");
    CHECK(after({{rewrite, "Subject", "", "fixed"}}, fields)[1].value == "fixed");
    CHECK(after({{rewrite, "Subject", "Ticket *", "no"}}, fields) == fields);
    CHECK(after({{rewrite, "Subject", "ticket 17*", "$1"}}, fields) == fields);  // nothing would be left of it
}

TEST_CASE("What may be there only once is not added to one that is there; where there is no room nothing is added") {
    const Fields fields{{"s", "ticket 17"}, {"X-Group", "1"}};
    CHECK(after({{add, "Subject", "", "second"}, {add, "X-Group", "", "2"}}, fields) ==
          Fields{{"s", "ticket 17"}, {"X-Group", "1"}, {"X-Group", "2"}});
    CHECK(after({{remove, "Subject", "", ""}, {add, "Subject", "", "second"}}, {{"Subject", "first"}}) ==
          Fields{{"Subject", "second"}});
    CHECK(
        after({{add, "Alert-Info", "", "<urn:alert:service:normal>"}}, {{"Alert-Info", "<urn:alert:source:internal>"}})
            .size() == 2);  // a list
    Fields full = fields;
    apply_rules({{add, "X-Other", "", "1"}, {remove, "X-Group", "", ""}}, {.adding = false}, full);
    CHECK(full == Fields{{"s", "ticket 17"}});
}

TEST_CASE("To a call for help is added, nothing of it is taken away or rewritten") {
    const Fields fields{{"Priority", "emergency"}, {"X-Group", "7"}};
    CHECK(after({{remove, "Priority", "", ""}, {rewrite, "X-Group", "", "8"}, {add, "X-Route", "", "psap"}}, fields,
                true) == Fields{{"Priority", "emergency"}, {"X-Group", "7"}, {"X-Route", "psap"}});
}

TEST_CASE("What a value holds ends no line: parts of a folded one are on one line") {
    const auto fields = after({{rewrite, "Subject", "*:*", "$2Evil: $1"}}, {{"Subject", "a\r\n b: c\r\n  d\tx"}});
    CHECK(fields == Fields{{"Subject", "c d xEvil: a b"}});
}

TEST_CASE("No rule names a field that this node writes itself, or that says who calls") {
    constexpr std::array free{sip::HeaderName::accept_language,
                              sip::HeaderName::alert_info,
                              sip::HeaderName::date,
                              sip::HeaderName::organization,
                              sip::HeaderName::priority,
                              sip::HeaderName::subject,
                              sip::HeaderName::user_to_user,
                              sip::HeaderName::resource_priority,
                              sip::HeaderName::p_charging_function_addresses};
    for (int i = 0; i < static_cast<int>(sip::HeaderName::other); ++i) {
        const auto name = static_cast<sip::HeaderName>(i);
        const bool is_free = std::find(free.begin(), free.end(), name) != free.end();
        INFO(sip::to_string(name));
        CHECK(config::reserved_header(sip::to_string(name)).empty() == is_free);
    }
    for (const auto* name : {"v",
                             "F",
                             "t",
                             "i",
                             "m",
                             "l",
                             "c",
                             "e",
                             "k",
                             "o",
                             "u",
                             "r",
                             "b",
                             "x",
                             "y",
                             "n",
                             "d",
                             "a",
                             "VIA",
                             "cOnTaCt",
                             "Content-Anything",
                             "Proxy-Anything",
                             "Remote-Party-ID",
                             "RPID-Privacy",
                             "Identity-Info",
                             "P-Served-User",
                             "Replaces",
                             "Join",
                             "Security-Verify"})
        CHECK_FALSE(config::reserved_header(name).empty());
    for (const auto* name : {"X-Group", "s", "Subject", "P-Charging-Function-Addresses"})
        CHECK(config::reserved_header(name).empty());
}

}  // namespace sallyport::policy
