// Header rules from the call's side: what they may not undo, and what they may not prevent.
#include "tests/unit/stack/bench.h"

namespace sallyport::stack {
namespace {

using enum config::HeaderAction;

void configure(Bench& b, config::HeaderRules of_trunk, config::HeaderRules of_carrier, bool trusted = true) {
    auto trunk = Bench::default_trunk();
    trunk.numbering.dial_plan.emergency_numbers = {"112"};
    trunk.headers = std::move(of_trunk);
    auto carrier = Bench::default_carrier();
    carrier.headers = std::move(of_carrier);
    carrier.identity.untrusted = !trusted;
    b.configure(trunk, carrier);
    b.sent.clear();
    b.bind();
}

sip::Message carried(Bench& b, std::string_view uri, std::string_view extra) {
    b.receive(b.pbx_flow(), b.invite(uri, secure_sdp("198.51.100.10", 5004, "A"), "a-leg@pbx", 1, extra));
    return b.find("INVITE");
}

std::vector<config::HeaderRule> many(std::size_t n, std::size_t bytes) {
    return std::vector<config::HeaderRule>(n, {add, "X-Added", "", std::string(bytes, 'x')});
}

}  // namespace

TEST_CASE(
    "Rules of a caller's side do not tell who he is where he must not be known; those of the callee's side stay") {
    const config::HeaderRules of_trunk{{{add, "X-Customer", "", "Alice Ltd"}, {add, "Organization", "", "Alice Ltd"}},
                                       {}},
        of_carrier{{}, {{add, "X-Group", "", "7"}}};
    for (const bool trusted : {true, false})
        for (const bool hides : {true, false}) {
            Bench b;
            configure(b, of_trunk, of_carrier, trusted);
            const auto invite = carried(b, "sip:+442055501@x", hides ? "Privacy: id\r\n" : "");
            INFO(invite.text());
            CHECK(invite.first("X-Group") == "7");
            CHECK(invite.first("X-Customer").has_value() == (trusted || !hides));
            CHECK((invite.text().find("Alice Ltd") != std::string::npos) == (trusted || !hides));
        }
}

TEST_CASE("What rules add makes no call fail, least of all one for help: where there is no room it is left out") {
    Bench b;
    configure(b, {many(50, 500), {}}, {{}, many(50, 500)});
    const std::string large = "X-Large: " + std::string(15'000, 'y') + "\r\n";
    for (const auto* uri : {"sip:112@x", "sip:+442055501@x"}) {
        const auto invite = carried(b, uri, large);
        CHECK(invite.first("X-Large").has_value());
        CHECK_FALSE(invite.first("X-Added").has_value());
        b.give(ReleaseCalls{"next"});
        b.run_for(60s);
        b.sent.clear();
    }
    std::string fields;
    for (int i = 0; i < 220; ++i) fields += "X-Field: 1\r\n";
    const auto invite = carried(b, "sip:112@x", fields);
    CHECK(invite.first("X-Field").has_value());
    CHECK_FALSE(invite.first("X-Added").has_value());
    CHECK(std::count_if(b.facts.begin(), b.facts.end(),
                        [](const auto& fact) { return fact.event == "header-rules-left-out"; }) == 3);
}

TEST_CASE("What a rule takes away stays away where what others add has no room") {
    Bench b;
    configure(b, {{{remove, "X-Internal", "", ""}}, {}}, {{}, many(50, 500)});
    std::string large = "X-Internal: 1\r\n";
    for (int i = 0; i < 3; ++i) large += "X-Large: " + std::string(14'000, 'y') + "\r\n";
    const auto invite = carried(b, "sip:+442055501@x", large);
    CHECK(invite.first("X-Large").has_value());
    CHECK_FALSE(invite.first("X-Added").has_value());
    CHECK_FALSE(invite.first("X-Internal").has_value());
}

}  // namespace sallyport::stack
