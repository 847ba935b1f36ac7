// The way of a call that was sent on, as the next peer is told it.
#include "signaling/b2bua/history.h"

#include <catch2/catch.hpp>

#include "signaling/sip/parser.h"

namespace sallyport::b2bua {
namespace {

using sip::HeaderName;
using Values = std::vector<std::string>;

sip::Message invite(std::string_view extra) {
    auto parsed = sip::Parser::parse(
        "INVITE sip:+4930155@10.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.20;branch=z9hG4bK1\r\nFrom: "
        "<sip:a@b>;tag=1\r\nTo: <sip:+4930155@10.0.0.1>\r\nCall-ID: 1\r\nCSeq: 1 INVITE\r\n" +
        std::string(extra) + "\r\n");
    REQUIRE(parsed.has_value());
    return std::move(*parsed);
}

struct Told {
    Values history, diversion;
};

struct World {
    Told told(std::string_view extra, const std::vector<Forward>& forwards = {}) const {
        const auto believes = [this](std::string_view number) { return number != unbelieved; };
        const HistoryView view{heard_in, "core.example", told_in, "there.example", believes, trusted, diversion};
        auto composer = sip::Composer::request("INVITE", "sip:x@y");
        composer.add(HeaderName::via, "SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK2")
            .add(HeaderName::from, "<sip:a@b>;tag=2")
            .add(HeaderName::to, "<sip:x@y>")
            .add(HeaderName::call_id, "2")
            .add(HeaderName::cseq, "1 INVITE");
        add_history(invite(extra), forwards, view, composer);
        const auto parsed = sip::Parser::parse(composer.finish());
        REQUIRE(parsed.has_value());
        Told out;
        for (const auto v : parsed->values(HeaderName::history_info)) out.history.emplace_back(v);
        for (const auto v : parsed->values(HeaderName::diversion)) out.diversion.emplace_back(v);
        return out;
    }
    config::Numbering heard_in;
    config::NumberRules told_in;
    bool trusted = true, diversion = false;
    std::string unbelieved = {};
};

}  // namespace

TEST_CASE("What was heard is told in the next peer's numbers, without places, and otherwise as it was") {
    World w;
    const auto plain = w.told(
        "History-Info: <sip:+4930155@core.example;user=phone?Reason=SIP%3Bcause%3D302&Subject=x>;index=1\r\n"
        "History-Info: \"A, B\" <sip:+4940@10.9.9.9;maddr=10.9.9.9>;index=1.1;mp=1, <sip:bob@10.9.9.9>;index=1.2\r\n"
        "History-Info: <tel:+49-50-1>;index=1.3, <sip:bob@named.example>;index=1.4, <broken;index=1.5\r\n"
        "Diversion: <sip:+4930155@10.9.9.9>;reason=user-busy;counter=2\r\n");
    CHECK(plain.history == Values{"<sip:+4930155@there.example;user=phone?Reason=SIP%3Bcause%3D302>;index=1",
                                  "\"A, B\" <sip:+4940@there.example;user=phone>;index=1.1;mp=1",
                                  "<sip:anonymous@anonymous.invalid>;index=1.2",
                                  "<sip:+49501@there.example;user=phone>;index=1.3",
                                  "<sip:anonymous@anonymous.invalid>;index=1.4"});
    CHECK(plain.diversion == Values{"<sip:+4930155@there.example;user=phone>;reason=user-busy;counter=2"});
    w.unbelieved = "+4930155";
    constexpr std::string_view both =
        "History-Info: \"A\" <sip:+4930155@x>;index=1\r\nDiversion: <sip:+4930155@x>, <sip:+4940@x>\r\n";
    CHECK(w.told(both).history == Values{"<sip:anonymous@anonymous.invalid>;index=1"});
    CHECK(w.told(both).diversion == Values{"<sip:+4940@there.example;user=phone>"});
    w.unbelieved.clear();
    w.told_in = {{"+49", 3, "0"}};
    CHECK(w.told("History-Info: <sip:+4930155@core.example;user=phone>;index=1\r\n").history ==
          Values{"<sip:030155@there.example>;index=1"});
}

TEST_CASE("Who wants to be private is nobody for those outside of the trust domain (RFC 7044 10.1.2)") {
    World w;
    constexpr std::string_view one =
        "History-Info: \"A\" <sip:+4930155@core.example?Privacy=history>;index=1, "
        "<sip:+4940@core.example>;index=1.1\r\n"
        "Diversion: \"A\" <sip:+4930155@core.example>;privacy=full\r\n";
    CHECK(w.told(one).history.front() == "\"A\" <sip:+4930155@there.example;user=phone?Privacy=history>;index=1");
    w.trusted = false;
    CHECK(w.told(one).history == Values{"<sip:anonymous@anonymous.invalid?Privacy=history>;index=1",
                                        "<sip:+4940@there.example;user=phone>;index=1.1"});
    CHECK(w.told(one).diversion == Values{"<sip:anonymous@anonymous.invalid>;privacy=full"});
    const auto all = w.told(std::string("Privacy: history\r\n") + std::string(one));
    CHECK(all.history.back() == "<sip:anonymous@anonymous.invalid>;index=1.1");
    CHECK(w.told("History-Info: <sip:+4930155@core.example?Privacy=none>;index=1\r\n").history.front() ==
          "<sip:+4930155@there.example;user=phone?Privacy=none>;index=1");
}

TEST_CASE("What this node has done is added below where the call was, beside what it has tried before") {
    World w;
    const std::vector<Forward> twice{{"+4930155", "+4940", "acme", 302, 486},
                                     {"+4930155", "+4950", "acme", 302, 302},
                                     {"+4950", "+4960", "globex", 302, 0}};
    const Values below{"<sip:+4930155@there.example;user=phone?Reason=SIP%3Bcause%3D302>;index=1",
                       "<sip:+4940@there.example;user=phone?Reason=SIP%3Bcause%3D486>;index=1.1;mp=1",
                       "<sip:+4950@there.example;user=phone?Reason=SIP%3Bcause%3D302>;index=1.2;mp=1",
                       "<sip:+4960@there.example;user=phone>;index=1.2.1;mp=1.2"};
    CHECK(w.told("", twice).history == below);
    CHECK(w.told("", twice).diversion.empty());
    CHECK(w.told("History-Info: <sip:+4970@core.example>;index=1\r\n", {twice.front()}).history ==
          Values{"<sip:+4970@there.example;user=phone>;index=1",
                 "<sip:+4930155@there.example;user=phone?Reason=SIP%3Bcause%3D302>;index=1.1",
                 "<sip:+4940@there.example;user=phone?Reason=SIP%3Bcause%3D486>;index=1.1.1;mp=1.1"});
    w.diversion = true;
    CHECK(w.told("Diversion: <sip:+4970@core.example>\r\n", twice).diversion ==
          Values{"<sip:+4950@there.example;user=phone>;reason=deflection;counter=1",
                 "<sip:+4930155@there.example;user=phone>;reason=deflection;counter=1",
                 "<sip:+4970@there.example;user=phone>"});
}

TEST_CASE("What this node adds keeps to the privacy that the caller has asked for") {
    World w;
    w.diversion = true;
    const std::vector<Forward> one{{"+4930155", "+4940", "acme", 302, 0}};
    constexpr std::string_view nobody = "<sip:anonymous@anonymous.invalid";
    for (const auto* privacy : {"Privacy: history\r\n", "Privacy: header\r\n", "Privacy: session\r\n"}) {
        w.trusted = true;
        CHECK(w.told(privacy, one).diversion.front().find("+4930155") != std::string::npos);
        w.trusted = false;
        const auto told = w.told(std::string(privacy) + "Diversion: <sip:+4970@core.example>\r\n", one);
        CHECK(told.history == Values{std::string(nobody) + "?Reason=SIP%3Bcause%3D302>;index=1",
                                     std::string(nobody) + ">;index=1.1;mp=1"});
        CHECK(told.diversion ==
              Values{std::string(nobody) + ">;reason=deflection;counter=1", std::string(nobody) + ">"});
    }
    CHECK(w.told("Privacy: id\r\n", one).history.back() == "<sip:+4940@there.example;user=phone>;index=1.1;mp=1");
}

TEST_CASE("An entry without a place in the history is none, and one that is added has a place of its own") {
    World w;
    CHECK(w.told("History-Info: <sip:+4970@core.example>, <sip:+4971@core.example>;index=1.x\r\n").history.empty());
    CHECK(w.told("History-Info: <sip:+4970@core.example>\r\n", {{"+4930155", "+4940", "acme", 302, 0}}).history ==
          Values{"<sip:+4930155@there.example;user=phone?Reason=SIP%3Bcause%3D302>;index=1",
                 "<sip:+4940@there.example;user=phone>;index=1.1;mp=1"});
    // 1.1 and 1.3 were others' forks; the PBX that is left is the root itself.
    CHECK(w.told("History-Info: <sip:+4930155@core.example?Privacy=none&Reason=SIP%3Bcause%3D486>;index=1, "
                 "<sip:+4940@core.example>;index=1.1;rc=1;x-place=rack7, <sip:+4950@core.example>;index=1.3;mp=a.b\r\n",
                 {{"+4930155", "+4960", "acme", 302, 0}})
              .history ==
          Values{"<sip:+4930155@there.example;user=phone?Privacy=none&Reason=SIP%3Bcause%3D486>;index=1",
                 "<sip:+4940@there.example;user=phone>;index=1.1;rc=1",
                 "<sip:+4950@there.example;user=phone>;index=1.3",
                 "<sip:+4960@there.example;user=phone>;index=1.4;mp=1"});
}

TEST_CASE("A history that is longer than anybody needs is cut") {
    std::string long_way = "History-Info: <sip:+49300@core.example>;index=1";
    for (int i = 0; i < 100; ++i) long_way += ", <sip:+49301@core.example>;index=1.1";
    CHECK(World{}.told(long_way + "\r\n").history.size() == 32);
}

}  // namespace sallyport::b2bua
