// When an operator hears of the end of a certificate, and how loudly.
#include "signaling/app/certificate_alarm.h"

#include <catch2/catch.hpp>

using namespace sallyport;
using namespace sallyport::app;

namespace {

constexpr long long now = 1'800'000'000, hour = 3'600, day = 24 * hour;

struct Told {
    bool told = false, urgent = false;
    std::string text;
};

Told told(long long left, long long staple_left = 0) {
    const io::TlsContext::Life life{"edge.pem", now + left, staple_left != 0, staple_left != 0 ? now + staple_left : 0};
    const auto alarms = certificate_alarms("access", {life}, now);
    REQUIRE(alarms.size() <= 1);
    return alarms.empty() ? Told{} : Told{true, alarms.front().urgent, alarms.front().text};
}

}  // namespace

TEST_CASE("the end of a certificate is told 30 days before, urgently 7 days before and when it has come [SC-17.2-19]") {
    struct Row {
        long long left;
        bool told, urgent;
        std::string end;
    };
    for (const Row& row :
         {Row{365 * day, false, false, ""}, Row{30 * day, false, false, ""},
          Row{30 * day - 1, true, false, " expires in 29 days"}, Row{7 * day, true, false, " expires in 7 days"},
          Row{7 * day - 1, true, true, " expires in 6 days"}, Row{2 * day, true, true, " expires in 2 days"},
          Row{2 * day - 1, true, true, " expires in 47 hours"}, Row{1, true, true, " expires in 0 hours"},
          Row{0, true, true, " has expired: peers refuse it"},
          Row{-100 * day, true, true, " has expired: peers refuse it"}}) {
        INFO(row.left << " s before the end");
        const auto is = told(row.left);
        CHECK(is.told == row.told);
        CHECK(is.urgent == row.urgent);
        CHECK(is.text == (row.told ? "realm access: certificate edge.pem" + row.end : ""));
    }
}

TEST_CASE("the end of an OCSP response is told 6 hours before, urgently when it has come") {
    CHECK_FALSE(told(365 * day, 6 * hour).told);
    const auto soon = told(365 * day, 6 * hour - 1);
    CHECK(soon.told);
    CHECK_FALSE(soon.urgent);
    CHECK(soon.text == "realm access: certificate edge.pem: its OCSP response ends in 5 hours");
    CHECK(told(365 * day, -1).urgent);
}

TEST_CASE("each certificate of a realm is told of by itself, and its response beside it") {
    const auto alarms = certificate_alarms(
        "access",
        {{"a.pem", now - 1, true, now - 1}, {"b.pem", now + 400 * day, false, 0}, {"c.pem", now + day, false, 0}}, now);
    REQUIRE(alarms.size() == 3);
    CHECK(alarms[0].text == "realm access: certificate a.pem has expired: peers refuse it");
    CHECK(alarms[1].text == "realm access: certificate a.pem: its OCSP response is out of date and no longer stapled");
    CHECK(alarms[2].text == "realm access: certificate c.pem expires in 24 hours");
}
