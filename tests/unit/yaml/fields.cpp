// YAML with places: what an operator reads when a file is wrong.
#include "control/yaml/fields.h"

#include <catch2/catch.hpp>

using namespace sallyport::yaml;

namespace {

Node document(std::string_view text) {
    auto documents = parse(text);
    REQUIRE(documents.has_value());
    REQUIRE(documents->size() == 1);
    return documents->front();
}

std::vector<std::string> lines(const Problems& problems) {
    std::vector<std::string> out;
    for (const auto& p : problems) out.push_back(to_string(p, "f.yaml"));
    return out;
}

}  // namespace

TEST_CASE("every problem of a file is reported with line, column and field, not only the first") {
    const auto node = document("listen: 1\nprot: 5\nlog:\n  level: loud\nports:\n  - {mtu: 99999}\n");
    Problems problems;
    Fields root(node, "", problems);
    root.text("listen", Fields::Required::yes, "127.0.0.1:7443");
    root.text("node", Fields::Required::yes, "edge-1");
    root.integer("port", 1, 65535, 5060);
    auto log = root.section("log");
    log.choice("level", {"debug", "info"}, "info");
    log.finish();
    for (auto& port : root.list("ports", Fields::Required::yes)) {
        port.integer("mtu", 576, 9000, 1500);
        port.finish();
    }
    root.finish();
    CHECK(lines(problems) ==
          std::vector<std::string>{
              "f.yaml:1:1: node: is missing, e.g. node: edge-1",
              "f.yaml:4:10: log.level: \"loud\" is not one of debug, info",
              "f.yaml:6:11: ports[0].mtu: \"99999\" is not a whole number from 576 to 9000, e.g. mtu: 1500",
              "f.yaml:2:1: prot: there is no such field; did you mean \"port\"?"});
}

TEST_CASE("a key given twice is refused with the place of the second") {
    const auto documents = parse("a: 1\nb:\n  c: 1\n  d: 2\n  c: 3\n");
    REQUIRE(documents.has_error());
    CHECK(to_string(documents.error(), "f") == "f:5:3: b.c: the key is given twice; only one can count");
}

TEST_CASE("text that is no YAML says where") {
    const auto documents = parse("a: [1, 2\nb: 3\n");
    REQUIRE(documents.has_error());
    CHECK(documents.error().place.line >= 1);
    CHECK(documents.error().text.starts_with("this is no YAML: "));
}

TEST_CASE("aliases that multiply are refused before they fill the memory") {
    std::string bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n";
    for (int i = 1; i < 10; ++i) {
        bomb += 'a' + std::to_string(i) + ": &a" + std::to_string(i) + " [";
        for (int j = 0; j < 10; ++j) bomb += "*a" + std::to_string(i - 1) + (j < 9 ? ", " : "]\n");
    }
    const auto documents = parse(bomb);
    REQUIRE(documents.has_error());
    CHECK(documents.error().text == "the document is too large");
}

TEST_CASE("nesting is bounded, also when it is flow style and unclosed") {
    std::string deep;
    for (int i = 0; i < 100; ++i) deep += "[";
    CHECK(parse(deep + std::string(100, ']')).has_error());
    CHECK(parse(std::string(100'000, '[')).has_error());
}

TEST_CASE("a field of the wrong kind is told once") {
    const auto node = document("listen: [1]\n");
    Problems problems;
    Fields root(node, "", problems);
    root.text("listen", Fields::Required::yes, "127.0.0.1:7443");
    root.finish();
    CHECK(lines(problems) ==
          std::vector<std::string>{"f.yaml:1:9: listen: expected text, e.g. listen: 127.0.0.1:7443"});
}

TEST_CASE("what is missing in an absent section is reported where its parent stands") {
    const auto node = document("first: 1\nnested:\n  a: 1\n");
    Problems problems;
    Fields root(node, "", problems);
    root.integer("first", 0, 9, 0);
    auto nested = root.section("nested");
    nested.integer("a", 0, 9, 0);
    nested.section("tls").text("cert", Fields::Required::yes, "/etc/sallyport/cert.pem");
    CHECK(lines(problems) ==
          std::vector<std::string>{"f.yaml:3:3: nested.tls.cert: is missing, e.g. cert: /etc/sallyport/cert.pem"});
}

TEST_CASE("only true and false are truth values, as written, unquoted") {
    CHECK(parse_boolean(document("true")) == true);
    CHECK(parse_boolean(document("false")) == false);
    CHECK(!parse_boolean(document("no")));
    CHECK(!parse_boolean(document("\"true\"")));
}

TEST_CASE("several documents come apart, places count through the file") {
    const auto documents = parse("a: 1\n---\nb: 2\n");
    REQUIRE(documents.has_value());
    REQUIRE(documents->size() == 2);
    CHECK((*documents)[1].entries[0].place == Place{3, 1});
}
