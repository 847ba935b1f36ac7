// Messages of real products, a second collection of torture messages, and the advisories' own bytes. What the parser
// refuses is listed by name and reason; anything else that it refuses is a regression.
#include <catch2/catch.hpp>
#include <map>

#include "signaling/sip/compose.h"
#include "signaling/sip/framer.h"
#include "signaling/sip/parser.h"
#include "tests/support/testdata.h"

using namespace sallyport;
using namespace sallyport::sip;
namespace fs = std::filesystem;

namespace {

bool no_data() {
    if (test::testdata()) return false;
    WARN("skipped: no test data");
    return true;
}

// Everything the message says, said again by the composer.
std::string recomposed(const Message& m) {
    Composer composer = m.is_request() ? Composer::request(m.method_text(), m.request_uri())
                                       : Composer::response(m.status(), m.reason());
    for (std::size_t i = 0; i < m.field_count(); ++i) {
        const Field f = m.field(i);
        if (f.name == HeaderName::content_length) continue;
        composer.add(f.name == HeaderName::other ? f.name_text : to_string(f.name), f.value);
    }
    return composer.finish({}, m.body());
}

void check_round_trip(const Message& m) {
    const std::string text = recomposed(m);
    const auto again = Parser::parse(text, Framing::stream);
    REQUIRE(again.has_value());
    CHECK(again->method() == m.method());
    CHECK(again->status() == m.status());
    CHECK(again->request_uri() == m.request_uri());
    CHECK(again->body() == m.body());
    CHECK(again->call_id() == m.call_id());
    CHECK(own(again->from()).text() == own(m.from()).text());
    CHECK(own(again->to()).text() == own(m.to()).text());
    CHECK(own(again->top_via()).text() == own(m.top_via()).text());
    CHECK(again->values(HeaderName::via) == m.values(HeaderName::via));
    CHECK(recomposed(*again) == text);
    Framer framer;
    framer.append(text);
    const auto event = framer.next();
    REQUIRE(std::holds_alternative<Framer::Message>(event));
    CHECK(std::get<Framer::Message>(event).bytes == text);
}

// Copying errors of whoever transcribed them, or products that are broken where it matters.
const std::map<std::string, std::string> refused_corpus{
    {"032-aastra-register.sip", "Via port is \"5060port\""},
    {"070-audiocodes-invite-sdp-sdes.sip", "From broken over two lines without white space"},
    {"084-cisco-cucm-bye.sip", "To without its \">\""},
    {"190-microsoft-lync-skype-rtc-refer.sip", "CSeq INVITE in a REFER"},
    {"191-microsoft-lync-skype-rtc-refer.sip", "CSeq INVITE in a REFER"},
    {"282-sipxecs-sipxbridge-501-invite.sip", "Via with two ports"},
    {"283-sipxecs-sipxbridge-603-invite.sip", "Via with two ports"},
};

// Where we and the other project's index disagree.
const std::map<std::string, std::string> differs_from_jsip{
    {"jsip-006.sip", "unknown Request-URI scheme: legal grammar, 416 is the stack's"},
    {"jsip-016.sip", "mangled in header fields that we read lazily"},
    {"jsip-024.sip", "no From: jsip does not miss it"},
    {"jsip-362.sip", "RFC 4475 multi01: every mandatory field twice"},
};

}  // namespace

TEST_CASE("the messages of real products parse and survive being composed anew") {
    if (no_data()) return;
    std::map<std::string, std::string> framing;
    for (auto& row : test::csv_rows(*test::testdata() / "corpus" / "index.csv")) framing[row["file"]] = row["framing"];
    const auto files = test::files_in(*test::testdata() / "corpus", ".sip");
    CHECK(files.size() == 198);
    for (const auto& file : files) {
        const std::string name = file.filename().string();
        INFO(name);
        const auto parsed = Parser::parse(test::contents(file));
        if (parsed.has_value()) {
            CHECK_FALSE(refused_corpus.contains(name));
            CHECK(framing[name].find("CL>body") == std::string::npos);
            check_round_trip(*parsed);
        } else if (parsed.error().code == ParseErrc::truncated_body) {
            CHECK(framing[name].starts_with(
                "CL>body"));  // the index knows: the capture or transcript lost a part of the body
        } else {
            INFO(to_string(parsed.error().code) << ": " << parsed.error().detail);
            CHECK(refused_corpus.contains(name));
        }
    }
}

TEST_CASE("jsip's torture messages get jsip's verdict, with the exceptions listed") {
    if (no_data()) return;
    for (auto& row : test::csv_rows(*test::testdata() / "torture" / "jsip" / "index.csv")) {
        std::string bytes = test::contents(*test::testdata() / "torture" / "jsip" / row["file"]);
        if (bytes.find("\r\n\r\n") == bytes.npos) bytes += "\r\n";  // the archive lost the empty line of many
        const auto parsed = Parser::parse(bytes);
        INFO(row["file"] << ": " << row["description"].substr(0, 60));
        const bool agreed = parsed.has_value() == row["jsip_expectation"].starts_with("valid");
        CHECK(agreed != differs_from_jsip.contains(row["file"]));
        if (parsed.has_value()) check_round_trip(*parsed);
    }
}

TEST_CASE("inputs that crashed other stacks end in a verdict") {
    if (no_data()) return;
    std::size_t seen = 0;
    for (const auto& entry : fs::recursive_directory_iterator(*test::testdata() / "fuzz")) {
        if (!entry.is_regular_file()) continue;
        const std::string bytes = test::contents(entry.path());
        const auto parsed = Parser::parse(bytes);
        if (parsed.has_value()) check_round_trip(*parsed);
        Framer framer;
        framer.append(bytes);
        for (std::size_t i = 0; i <= bytes.size(); ++i) {
            const auto event = framer.next();
            if (std::holds_alternative<Framer::NeedMore>(event) || std::holds_alternative<Framer::Broken>(event)) break;
        }
        ++seen;
    }
    CHECK(seen > 400);
}
