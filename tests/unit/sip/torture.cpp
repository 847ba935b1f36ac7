// The 49 messages of RFC 4475 and the 12 of RFC 5118, each with the verdict of the parser alone. Where the element has
// to judge (an unknown method, scheme or extension), the parser lets the message through and `why` says who decides.
#include <catch2/catch.hpp>
#include <map>

#include "signaling/sip/parser.h"
#include "tests/support/message_text.h"
#include "tests/support/testdata.h"

using namespace sallyport;
using namespace sallyport::sip;

namespace {

struct Expected {
    std::string_view file;
    std::optional<ParseErrc> refused;  // nothing: parses
    int status;                        // of the response in the error; 0: none can be or may be sent
    std::string_view why;
};
constexpr auto parses = std::nullopt;

const Expected expected[] = {
    {"rfc4475/wsinv.dat", parses, 0, "valid"},
    {"rfc4475/intmeth.dat", parses, 0, "valid; 501 is the stack's"},
    {"rfc4475/esc01.dat", parses, 0, "valid"},
    {"rfc4475/escnull.dat", parses, 0, "valid"},
    {"rfc4475/esc02.dat", parses, 0, "valid; 501 is the stack's"},
    {"rfc4475/lwsdisp.dat", parses, 0, "valid"},
    {"rfc4475/longreq.dat", parses, 0, "valid"},
    {"rfc4475/dblreq.dat", parses, 0, "valid; what follows Content-Length is cut off"},
    {"rfc4475/semiuri.dat", parses, 0, "valid"},
    {"rfc4475/transports.dat", parses, 0, "valid"},
    {"rfc4475/mpart01.dat", parses, 0, "valid"},
    {"rfc4475/unreason.dat", parses, 0, "valid"},
    {"rfc4475/noreason.dat", parses, 0, "valid"},
    {"rfc4475/badinv01.dat", ParseErrc::bad_value, 0, "the Via itself is broken: there is nowhere to answer to"},
    {"rfc4475/clerr.dat", ParseErrc::truncated_body, 400, ""},
    {"rfc4475/ncl.dat", ParseErrc::bad_content_length, 400, ""},
    {"rfc4475/scalar02.dat", ParseErrc::bad_value, 400, "CSeq"},
    {"rfc4475/scalarlg.dat", ParseErrc::bad_value, 0, "a response"},
    {"rfc4475/quotbal.dat", ParseErrc::bad_value, 400, "To"},
    {"rfc4475/ltgtruri.dat", ParseErrc::bad_start_line, 400, ""},
    {"rfc4475/lwsruri.dat", ParseErrc::bad_start_line, 400, ""},
    {"rfc4475/lwsstart.dat", ParseErrc::bad_start_line, 400, ""},
    {"rfc4475/trws.dat", ParseErrc::bad_start_line, 400, ""},
    {"rfc4475/escruri.dat", ParseErrc::bad_start_line, 400, "header fields in the Request-URI"},
    {"rfc4475/baddate.dat", parses, 0, "Date does not matter here; accepting is preferred"},
    {"rfc4475/regbadct.dat", parses, 0, "the registrar's: parse_name_addr refuses the Contact"},
    {"rfc4475/badaspec.dat", ParseErrc::bad_value, 400, "To"},
    {"rfc4475/baddn.dat", ParseErrc::bad_header, 400, "the archive's bytes lack the empty line"},
    {"rfc4475/badvers.dat", ParseErrc::bad_version, 505, ""},
    {"rfc4475/mismatch01.dat", ParseErrc::bad_value, 400, "CSeq"},
    {"rfc4475/mismatch02.dat", ParseErrc::unknown_method, 501, "CSeq"},
    {"rfc4475/bigcode.dat", ParseErrc::bad_start_line, 0, "a response"},
    {"rfc4475/badbranch.dat", parses, 0, "the transaction layer's: matched as RFC 2543"},
    {"rfc4475/insuf.dat", ParseErrc::missing_header, 0, "nothing to copy into a response"},
    {"rfc4475/unkscm.dat", parses, 0, "valid; 416 is the stack's"},
    {"rfc4475/novelsc.dat", parses, 0, "valid; 416 is the stack's"},
    {"rfc4475/unksm2.dat", parses, 0, "valid; 400 is the registrar's"},
    {"rfc4475/bext01.dat", parses, 0, "valid; 420 is the stack's"},
    {"rfc4475/invut.dat", parses, 0, "valid; 415 is the stack's"},
    {"rfc4475/regaut01.dat", parses, 0, "valid; a new challenge is the registrar's"},
    {"rfc4475/multi01.dat", ParseErrc::duplicate_header, 400, ""},
    {"rfc4475/mcl01.dat", ParseErrc::bad_content_length, 400, ""},
    {"rfc4475/bcast.dat", parses, 0, "valid; the stack discards a stray response"},
    {"rfc4475/zeromf.dat", parses, 0, "valid; 483 is the stack's"},
    {"rfc4475/cparam01.dat", parses, 0, "valid"},
    {"rfc4475/cparam02.dat", parses, 0, "valid"},
    {"rfc4475/regescrt.dat", parses, 0, "valid"},
    {"rfc4475/sdp01.dat", parses, 0, "valid; 406 is the stack's"},
    {"rfc4475/inv2543.dat", parses, 0, "valid"},
    {"rfc5118/ipv6-good.dat", parses, 0, "valid"},
    {"rfc5118/ipv6-bad.dat", ParseErrc::bad_start_line, 400, ""},
    {"rfc5118/port-ambiguous.dat", parses, 0, "valid"},
    {"rfc5118/port-unambiguous.dat", parses, 0, "valid"},
    {"rfc5118/via-received-param-with-delim.dat", parses, 0, "valid"},
    {"rfc5118/via-received-param-no-delim.dat", parses, 0, "valid"},
    {"rfc5118/ipv6-in-sdp.dat", parses, 0, "valid on the wire; the archive's Content-Length counts another body"},
    {"rfc5118/mult-ip-in-header.dat", parses, 0, "valid"},
    {"rfc5118/mult-ip-in-sdp.dat", parses, 0, "valid on the wire; the archive's Content-Length counts another body"},
    {"rfc5118/ipv4-mapped-ipv6.dat", parses, 0, "valid"},
    {"rfc5118/ipv6-bug-abnf-3-colons.dat", parses, 0, "valid on the wire; the archive's bytes lack the empty line"},
    {"rfc5118/ipv6-correct-abnf-2-colons.dat", parses, 0, "valid on the wire; the archive's bytes lack the empty line"},
};

// RFC 5118's archive has bare LF and wrong lengths; the messages as they must go on the wire stand beside it.
std::string as_on_the_wire(std::string_view file) {
    std::string name(file);
    if (name.starts_with("rfc5118/")) name.insert(7, "-wire");
    return test::contents(*test::testdata() / "torture" / name);
}
Message torture(std::string_view file) {
    auto parsed = Parser::parse(as_on_the_wire(file));
    INFO(file);
    REQUIRE(parsed.has_value());
    return std::move(*parsed);
}
bool no_data() {
    if (test::testdata()) return false;
    WARN("skipped: no test data");
    return true;
}

}  // namespace

TEST_CASE("every torture message of RFC 4475 and RFC 5118 gets its verdict") {
    if (no_data()) return;
    std::map<std::string, std::string> verdicts;
    for (auto& row : test::csv_rows(*test::testdata() / "torture" / "expect.csv"))
        verdicts[row["file"]] = row["valid_or_invalid"];
    CHECK(verdicts.size() == 61);
    CHECK(std::size(expected) == 61);
    for (const auto& e : expected) {
        INFO(e.file << ": " << e.why);
        REQUIRE(verdicts.contains(std::string(e.file)));
        if (verdicts[std::string(e.file)] == "valid") CHECK_FALSE(e.refused.has_value());
        const auto parsed = Parser::parse(as_on_the_wire(e.file));
        REQUIRE(parsed.has_value() == !e.refused.has_value());
        if (!e.refused) continue;
        const ParseError& error = parsed.error();
        INFO(error.detail);
        CHECK(error.code == *e.refused);
        CHECK(error.response.has_value() == (e.status != 0));
        if (!error.response) continue;
        CHECK(test::kind(*error.response) == std::to_string(e.status));
        CHECK(parse_via(error.response_via).has_value());
        CHECK(parse_via(error.response_via).has_value());  // the answer finds its way
        CHECK(Parser::parse(*error.response).has_value() ==
              (e.file != "rfc4475/quotbal.dat" && e.file != "rfc4475/badaspec.dat" &&
               e.file != "rfc4475/scalar02.dat" && e.file != "rfc4475/baddn.dat" &&
               e.file != "rfc4475/badvers.dat"));  // these echo what is broken
    }
}

TEST_CASE("the archive bytes of RFC 5118, with bare LF, end in a verdict and never in a wait") {
    if (no_data()) return;
    for (const auto& file : test::files_in(*test::testdata() / "torture" / "rfc5118", ".dat")) {
        const auto parsed = Parser::parse(test::contents(file));
        INFO(file.filename());
        if (parsed.has_error())
            CHECK((parsed.error().code == ParseErrc::truncated_body || parsed.error().code == ParseErrc::bad_header ||
                   parsed.error().code == ParseErrc::bad_start_line));
    }
}

TEST_CASE("wsinv: white space and folding everywhere change nothing") {
    if (no_data()) return;
    const Message m = torture("rfc4475/wsinv.dat");
    CHECK(m.cseq().number == 9);
    CHECK(m.max_forwards() == std::optional<std::uint8_t>(68));
    CHECK(m.to_tag() == "1918181833n");
    CHECK(m.from_tag() == "98asjd8");
    CHECK(m.from().display_name() == "J Rosenberg \\\"");
    CHECK(m.first(HeaderName::subject) == std::optional<std::string_view>(""));
    CHECK(m.first("NewFangledHeader")->starts_with("newfangled value"));
    CHECK(m.first("UnknownHeaderWithUnusualValue") == std::optional<std::string_view>(";;,,;;,;"));
    const auto vias = m.values(HeaderName::via);
    REQUIRE(vias.size() == 3);
    CHECK(m.top_via().branch == "390skdjuw");
    CHECK(parse_via(vias[2])->branch() == "z9hG4bK30239");
    CHECK(parse_name_addr(m.values(HeaderName::contact)[0])->parameters.value("q") ==
          std::optional<std::string_view>("0.33"));
}

TEST_CASE("intmeth and esc02: tokens are taken literally") {
    if (no_data()) return;
    const Message m = torture("rfc4475/intmeth.dat");
    CHECK(m.method() == Method::other);
    CHECK(m.method_text() == "!interesting-Method0123456789_*+`.%indeed'~");
    CHECK(m.call_id() == "intmeth.word%ZK-!.*_+'@word`~)(><:\\/\"][?}{");
    CHECK(torture("rfc4475/esc02.dat").method_text() == "RE%47IST%45R");
}

TEST_CASE("escnull: a user part is not cut at its NUL; semiuri: its semicolon is no parameter") {
    if (no_data()) return;
    CHECK(torture("rfc4475/escnull.dat").to().uri.decoded_user() == std::string("null-\0-null", 11));
    const auto uri = parse_uri(torture("rfc4475/semiuri.dat").request_uri());
    REQUIRE(uri.has_value());
    CHECK(uri->decoded_user() == "user;par=u@example.net");
    CHECK(uri->parameters.all().empty());
}

TEST_CASE("longreq and transports: all Via values, in order; dblreq: nothing behind the message") {
    if (no_data()) return;
    CHECK(torture("rfc4475/longreq.dat").values(HeaderName::via).size() == 34);
    CHECK(torture("rfc4475/transports.dat").values(HeaderName::via).size() == 5);
    CHECK(torture("rfc4475/dblreq.dat").text().find("INVITE") == std::string_view::npos);
    CHECK(torture("rfc4475/mpart01.dat").body().size() == 553);
}

TEST_CASE("cparam: an unknown parameter belongs to the header or to the URI, as the brackets say") {
    if (no_data()) return;
    const auto contact = [](std::string_view file) {
        return *parse_name_addr(*torture(file).first(HeaderName::contact));
    };
    CHECK(contact("rfc4475/cparam01.dat").parameters.has("unknownparam"));
    CHECK(contact("rfc4475/cparam02.dat").uri.parameters.has("unknownparam"));
    CHECK(contact("rfc4475/regescrt.dat").uri.headers == "Route=%3Csip:sip.example.com%3E");
    CHECK(parse_name_addr(*torture("rfc4475/regbadct.dat").first(HeaderName::contact)).has_error());
}

TEST_CASE("RFC 5118: the ambiguous port is no port, received is read with and without brackets") {
    if (no_data()) return;
    CHECK(parse_uri(torture("rfc5118/port-ambiguous.dat").request_uri())->port == 0);
    CHECK(parse_uri(torture("rfc5118/port-unambiguous.dat").request_uri())->port == 5070);
    CHECK(torture("rfc5118/via-received-param-with-delim.dat").top_via().parameters.has("received"));
    CHECK(torture("rfc5118/via-received-param-no-delim.dat").top_via().parameters.has("received"));
    CHECK(torture("rfc5118/ipv4-mapped-ipv6.dat").top_via().port == 19823);
}

TEST_CASE("baddn with the empty line it lacks: an unquoted comma is no display name") {
    if (no_data()) return;
    const auto parsed = Parser::parse(as_on_the_wire("rfc4475/baddn.dat") + "\r\n");
    REQUIRE(parsed.has_error());
    CHECK(parsed.error().code == ParseErrc::bad_value);
}
