// Which texts fit a stencil, what they are read as, and that a text that fits is parsed as the first one was.
#include "signaling/sip/stencil.h"

#include <catch2/catch.hpp>

#include "signaling/sip/parser.h"

using namespace sallyport;
using namespace sallyport::sip;

namespace {

std::string text_of(std::string_view branch, std::string_view tag, std::string_view cseq, std::string_view nonce,
                    std::string_view nc, std::string_view to = "<sip:a@h>") {
    return "REGISTER sip:h SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.7;branch=" + std::string(branch) +
           ";rport\r\nFrom: <sip:a@h>;tag=" + std::string(tag) + "\r\nTo: " + std::string(to) +
           "\r\nCall-ID: c\r\nCSeq: " + std::string(cseq) +
           " REGISTER\r\nAuthorization: Digest username=\"a\", nonce=\"" + std::string(nonce) +
           "\", nc=" + std::string(nc) + "\r\n\r\n";
}

struct Cut {
    std::string text = text_of("z9hG4bK1", "one", "1", "abc", "00000001");
    Message message = std::move(*Parser::parse(text));
    std::optional<Stencil> stencil =
        Stencil::cut(text, {place(HoleName::cseq, "CSeq: ", 1), place(HoleName::nonce, "nonce=\"", 3),
                            place(HoleName::nonce_count, "nc=", 8), place(HoleName::branch, "branch=", 8),
                            place(HoleName::from_tag, "tag=", 3)});

    Stencil::Hole place(HoleName name, std::string_view after, std::size_t size) const {
        return {name, std::string_view(text).substr(text.find(after) + after.size(), size)};
    }
};

}  // namespace

TEST_CASE("a text that differs in the holes alone fits, and says what is in them") {
    const Cut cut;
    REQUIRE(cut.stencil);
    const std::string other = text_of("z9hG4bK-another.one", "t2", "123456789", "0123456789abcdef", "000000ff");
    HoleValues values;
    REQUIRE(cut.stencil->read(other, values));
    CHECK(values[HoleName::branch] == "z9hG4bK-another.one");
    CHECK(values[HoleName::from_tag] == "t2");
    CHECK(values[HoleName::cseq] == "123456789");
    CHECK(values[HoleName::nonce] == "0123456789abcdef");
    CHECK(values[HoleName::nonce_count] == "000000ff");
    CHECK(values[HoleName::to_tag].empty());
    CHECK(cut.stencil->write(values) == other);
    const auto parsed = Parser::parse(other);
    REQUIRE(parsed.has_value());
    CHECK(parsed->top_via().branch == values[HoleName::branch]);
    CHECK(parsed->from_tag() == values[HoleName::from_tag]);
    CHECK(parsed->cseq().number == 123'456'789);
}

TEST_CASE("what is another message does not fit") {
    const Cut cut;
    REQUIRE(cut.stencil);
    const auto fits = [&](const std::string& text) {
        HoleValues values;
        return cut.stencil->read(text, values);
    };
    CHECK(fits(cut.text));
    CHECK_FALSE(fits(""));
    CHECK_FALSE(fits(cut.text + "x"));                           // what follows the message
    CHECK_FALSE(fits("\r\n" + cut.text));                        // a line end before it
    CHECK_FALSE(fits(cut.text.substr(0, cut.text.size() - 1)));  // cut off
    CHECK_FALSE(fits(text_of("z9hG4bK1", "one", "1", "abc", "00000001", "<sip:b@h>")));
    CHECK_FALSE(fits(text_of("", "one", "1", "abc", "00000001")));  // empty
    CHECK_FALSE(fits(text_of("z9hG4bK1;maddr=x", "one", "1", "abc", "00000001")));
    CHECK_FALSE(fits(text_of("z9hG4bK1", "one\r\nContact: *", "1", "abc", "00000001")));
    CHECK_FALSE(fits(text_of("z9hG4bK1", "one", "0", "abc", "00000001")));
    CHECK_FALSE(fits(text_of("z9hG4bK1", "one", "01", "abc", "00000001")));
    CHECK_FALSE(fits(text_of("z9hG4bK1", "one", "1234567890", "abc", "00000001")));
    CHECK_FALSE(fits(text_of("z9hG4bK1", "one", "-1", "abc", "00000001")));
    CHECK_FALSE(fits(text_of("z9hG4bK1", "one", "1", "a\\\"c", "00000001")));  // an escape
    CHECK_FALSE(fits(text_of("z9hG4bK1", "one", "1", "a\", realm=\"x", "00000001")));
    CHECK_FALSE(fits(text_of("z9hG4bK1", "one", "1", "abc", "1")));
    CHECK_FALSE(fits(text_of("z9hG4bK1", "one", "1", "abc", "0000000g")));
    CHECK_FALSE(fits(text_of("z9hG4bK1", "one", "1", std::string(257, 'a'), "00000001")));
    std::string folded = cut.text;
    folded.insert(folded.find(";tag=one"), "\r\n ");
    CHECK_FALSE(fits(folded));
}

TEST_CASE("one name in two holes holds one value") {
    const std::string text = "nonce=\"abc\", nonce=\"abc\"!";
    const std::string_view view = text;
    const auto stencil =
        Stencil::cut(text, {{HoleName::nonce, view.substr(7, 3)}, {HoleName::nonce, view.substr(20, 3)}});
    REQUIRE(stencil);
    HoleValues values;
    CHECK(stencil->read("nonce=\"x\", nonce=\"x\"!", values));
    CHECK_FALSE(stencil->read("nonce=\"x\", nonce=\"y\"!", values));
    values[HoleName::nonce] = "longer";
    CHECK(stencil->write(values) == "nonce=\"longer\", nonce=\"longer\"!");
}

TEST_CASE("a hole that could hold something else than its value is not cut") {
    const std::string text = "branch=abc;x=12y.";
    const std::string_view view = text;
    const auto can = [&](HoleName name, std::size_t at, std::size_t size) {
        return Stencil::cut(text, {{name, view.substr(at, size)}}).has_value();
    };
    CHECK(can(HoleName::branch, 7, 3));
    CHECK_FALSE(can(HoleName::branch, 7, 2));  // its value goes on
    CHECK_FALSE(can(HoleName::branch, 7, 4));  // ";" is no part of a branch
    CHECK_FALSE(can(HoleName::branch, 7, 0));
    CHECK_FALSE(can(HoleName::none, 7, 3));
    CHECK(can(HoleName::cseq, 13, 2));
    CHECK_FALSE(can(HoleName::branch, 13, 4));                                 // nothing ends it
    CHECK_FALSE(Stencil::cut(text, {{HoleName::branch, "abc"}}).has_value());  // stands elsewhere
    CHECK_FALSE(Stencil::cut(text, {{HoleName::branch, view.substr(7, 3)}, {HoleName::cseq, view.substr(7, 3)}}));
}
