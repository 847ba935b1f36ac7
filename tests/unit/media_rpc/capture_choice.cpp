// Which session a capture is of, and when nobody can say.
#include "media-plane/rpc/capture_choice.h"

#include <catch2/catch.hpp>

using namespace sallyport;
using namespace sallyport::media;
using namespace sallyport::media::rpc;

namespace {

CaptureChoice choice(const std::string& wanted, std::initializer_list<SessionStatistics> all) {
    CaptureChoice made(wanted);
    for (const auto& one : all) made.show(one);
    return made;
}
SessionStatistics session(const std::string& client, const std::string& name, const std::string& call) {
    SessionStatistics s;
    s.key = {client, name};
    s.call = call;
    return s;
}

}  // namespace

TEST_CASE("A session is found by its name, and by the label of its call where only one has it") {
    const auto a = session("edge/0", "s1", "one"), b = session("edge/0", "s2", "two");
    for (const auto* wanted : {"s2", "edge/0 s2", "two"}) {
        const auto made = choice(wanted, {a, b});
        REQUIRE(made.session());
        CHECK(made.session()->key.session == "s2");
        CHECK_FALSE(made.ambiguous());
    }
    const auto none = choice("three", {a, b});
    CHECK_FALSE(none.session());
    CHECK_FALSE(none.ambiguous());
}

TEST_CASE("Of two calls with one Session-ID neither is taken, and both are named") {
    const auto made = choice("one", {session("edge/0", "s1", "one"), session("edge/1", "s2", "one")});
    CHECK_FALSE(made.session());
    CHECK(made.ambiguous());
    CHECK(made.candidates() == "2 media sessions are meant by that: \"edge/0 s1\", \"edge/1 s2\"; ask for one of them");
}

TEST_CASE("A peer that chooses another session's name as its Session-ID is not taken for it") {
    const auto victim = session("edge/0", "s1", "one"), attacker = session("edge/0", "s2", "s1");
    for (const auto& made : {choice("s1", {victim, attacker}), choice("s1", {attacker, victim})}) {
        REQUIRE(made.session());
        CHECK(made.session()->key.session == "s1");
    }
}

TEST_CASE(
    "Clients that have given one name to two sessions have them told apart by the client; of many a few are named") {
    const auto a = session("edge/0", "s1", "x"), b = session("edge/1", "s1", "y");
    CHECK(choice("s1", {a, b}).ambiguous());
    REQUIRE(choice("edge/1 s1", {a, b}).session());
    CHECK(choice("edge/1 s1", {a, b}).session()->call == "y");
    CaptureChoice many("x");
    for (int i = 0; i < 20; ++i) many.show(session("edge/0", "t" + std::to_string(i), "x"));
    CHECK(many.candidates().find("\"edge/0 t7\" and 12 more;") != std::string::npos);
}
