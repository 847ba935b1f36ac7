// RFC 4028, as one leg of a call keeps it.
#include "signaling/dialog/session_timer.h"

#include "tests/support/message_text.h"

using namespace sallyport;
using namespace sallyport::test;
using dialog::SessionExpires;
using dialog::SessionTimer;
using dialog::SessionTimerPolicy;
using sip::HeaderName;

namespace {

sip::Message request(const std::string& fields) {
    return test::message(
        "UPDATE sip:x@edge.example SIP/2.0\nVia: SIP/2.0/UDP pbx.example;branch=z9hG4bK1\nFrom: <sip:a@b>;tag=1\n"
        "To: <sip:c@d>;tag=2\nCall-ID: c1\nCSeq: 1 UPDATE\n" +
        fields);
}
sip::Message response(int status, const std::string& fields) {
    return test::message("SIP/2.0 " + std::to_string(status) +
                         " Text\nVia: SIP/2.0/UDP pbx.example;branch=z9hG4bK1\nFrom: <sip:a@b>;tag=1\n"
                         "To: <sip:c@d>;tag=2\nCall-ID: c1\nCSeq: 1 UPDATE\n" +
                         fields);
}
// The fields about sessions, of what is written.
std::string said(sip::Composer composer) {
    std::string out;
    const auto parsed = sip::Parser::parse(composer.finish());
    REQUIRE(parsed.has_value());
    for (const auto name :
         {HeaderName::supported, HeaderName::require, HeaderName::session_expires, HeaderName::min_se})
        if (const auto value = parsed->first(name))
            out += std::string(to_string(name)) + ": " + std::string(*value) + "\n";
    return out;
}
sip::Composer empty(bool is_request) {
    auto composer = is_request ? sip::Composer::request("UPDATE", "sip:x@y") : sip::Composer::response(200);
    composer.add(HeaderName::via, "SIP/2.0/UDP h;branch=z9hG4bK1")
        .add(HeaderName::from, "<sip:a@b>;tag=1")
        .add(HeaderName::to, "<sip:c@d>;tag=2")
        .add(HeaderName::call_id, "c1")
        .add(HeaderName::cseq, "1 UPDATE")
        .add(HeaderName::max_forwards, "70");
    return composer;
}
std::string asked(SessionTimer& timer, const SessionTimerPolicy& policy, bool established) {
    auto composer = empty(true);
    timer.ask(policy, established, composer);
    return said(std::move(composer));
}
std::string answered(SessionTimer& timer, const SessionTimerPolicy& policy, const std::string& fields) {
    auto composer = empty(false);
    timer.answer(policy, request(fields), composer);
    return said(std::move(composer));
}

}  // namespace

TEST_CASE("Session-Expires is seconds and a refresher; anything else is as if it were absent") {
    using enum SessionExpires::Refresher;
    CHECK(SessionExpires::parse("1800")->seconds == 1800);
    CHECK(SessionExpires::parse("1800")->refresher == unsaid);
    CHECK(SessionExpires::parse("90 ;x=1;refresher=UAC")->refresher == uac);
    CHECK(SessionExpires::parse("90;refresher=uas")->refresher == uas);
    CHECK(SessionExpires::parse("90;refresher=me")->refresher == unsaid);
    for (const char* text : {"", "0", "-1", "abc", "99999999999", "1800;;", "1800 600"})
        CHECK_FALSE(SessionExpires::parse(text).has_value());
}

TEST_CASE("what we ask for, and what becomes of it") {
    const SessionTimerPolicy policy{1800, 90};
    SessionTimer timer;
    CHECK(asked(timer, policy, false) == "Supported: timer\n");
    timer.heard_ok(response(200, "Session-Expires: 900;refresher=uas\nRequire: timer\n"));
    CHECK(timer.role() == SessionTimer::Role::expect);
    CHECK(timer.peer_knows());
    CHECK(timer.due() == 868s);
    CHECK(asked(timer, policy, true) == "Supported: timer\nSession-Expires: 900;refresher=uas\n");
    timer.heard_ok(response(200, "Session-Expires: 90;refresher=uac\n"));
    CHECK(timer.role() == SessionTimer::Role::renew);
    CHECK(timer.due() == 45s);
    CHECK(asked(timer, policy, true) == "Supported: timer\nSession-Expires: 90;refresher=uac\n");
    // Less than RFC 4028 allows anybody is not believed: it would have us ask all the time.
    timer.heard_ok(response(200, "Session-Expires: 1;refresher=uac\n"));
    CHECK(timer.seconds() == 90);
    timer.heard_ok(response(200, ""));
    CHECK(timer.role() == SessionTimer::Role::renew);
    CHECK_FALSE(timer.peer_knows());
    CHECK(asked(timer, policy, true) == "Supported: timer\n");
    timer.heard_ok(response(200, "Supported: timer\n"));
    CHECK(asked(timer, policy, true) == "Supported: timer\nSession-Expires: 90;refresher=uac\n");

    SessionTimer none;
    CHECK(asked(none, {0, 90}, false) == "Supported: timer\n");
    none.heard_ok(response(200, ""));
    CHECK(none.role() == SessionTimer::Role::none);
    none.heard_ok(response(200, "Session-Expires: 300;refresher=uas\n"));
    CHECK(none.role() == SessionTimer::Role::expect);
    CHECK(none.due() == 268s);
}

TEST_CASE("a peer's 422 is obeyed while it makes sense") {
    const SessionTimerPolicy policy{600, 90};
    SessionTimer timer;
    asked(timer, policy, false);
    timer.heard_ok(response(200, "Session-Expires: 600;refresher=uac\n"));
    CHECK_FALSE(timer.heard_too_small(response(422, "")));
    CHECK_FALSE(timer.heard_too_small(response(422, "Min-SE: 600\n")));  // which it was asked for
    CHECK_FALSE(timer.heard_too_small(response(422, "Min-SE: 4000000000\n")));
    REQUIRE(timer.heard_too_small(response(422, "Min-SE: 900;x=y\n")));
    CHECK(asked(timer, policy, true) == "Supported: timer\nSession-Expires: 900;refresher=uac\nMin-SE: 900\n");
    int tries = 1;
    for (int seconds = 1000; timer.heard_too_small(response(422, "Min-SE: " + std::to_string(seconds) + "\n"));
         seconds += 100) {
        asked(timer, policy, true);
        REQUIRE(++tries < 10);
    }
    CHECK(tries == 4);
}

TEST_CASE("what a peer asks for is granted, shortened, or refused (RFC 4028 table 2)") {
    const SessionTimerPolicy policy{1800, 120};
    SessionTimer timer;
    CHECK(answered(timer, policy, "").empty());
    CHECK(timer.seconds() == 1800);
    CHECK(timer.role() == SessionTimer::Role::renew);
    CHECK_FALSE(timer.peer_knows());
    CHECK(answered(timer, policy, "Supported: timer\n") ==
          "Supported: timer\nRequire: timer\nSession-Expires: 1800;refresher=uac\n");
    CHECK(timer.role() == SessionTimer::Role::expect);
    CHECK(answered(timer, policy, "Supported: 100rel, TIMER\nSession-Expires: 600;refresher=uas\n") ==
          "Supported: timer\nSession-Expires: 600;refresher=uas\n");
    CHECK(timer.role() == SessionTimer::Role::renew);
    CHECK(timer.peer_knows());
    CHECK(answered(timer, policy, "Supported: timer\nSession-Expires: 3600\n") ==
          "Supported: timer\nRequire: timer\nSession-Expires: 1800;refresher=uac\n");
    CHECK(answered(timer, policy, "Supported: timer\nSession-Expires: 3600\nMin-SE: 2400\n") ==
          "Supported: timer\nRequire: timer\nSession-Expires: 2400;refresher=uac\n");
    // A proxy has asked; its user agent knows nothing of it.
    CHECK(answered(timer, policy, "Session-Expires: 600;refresher=uac\n") == "Session-Expires: 600;refresher=uas\n");
    CHECK(answered(timer, {0, 90}, "Supported: timer\n") == "Supported: timer\n");
    CHECK(timer.role() == SessionTimer::Role::none);
    CHECK(answered(timer, {0, 90}, "Supported: timer\nSession-Expires: 700\n") ==
          "Supported: timer\nRequire: timer\nSession-Expires: 700;refresher=uac\n");

    timer = {};
    CHECK(timer.is_too_small(policy, request("Supported: timer\nSession-Expires: 119\n")));
    CHECK_FALSE(timer.is_too_small(policy, request("Supported: timer\nSession-Expires: 120\n")));
    CHECK_FALSE(timer.is_too_small(policy, request("Session-Expires: 60\n")));  // nobody there to be told
    CHECK_FALSE(timer.is_too_small(policy, request("Supported: timer\n")));
    // What was agreed to is not refused when it is renewed.
    timer.heard_ok(response(200, "Session-Expires: 100;refresher=uas\n"));
    CHECK_FALSE(timer.is_too_small(policy, request("Supported: timer\nSession-Expires: 100\n")));
    CHECK(timer.is_too_small(policy, request("Supported: timer\nSession-Expires: 99\n")));
    CHECK(asked(timer, policy, true) == "Supported: timer\nSession-Expires: 120;refresher=uas\nMin-SE: 120\n");
}
