// Text to tree: what YAML lets pass and we do not.
#include "control/yaml/node.h"

#include <catch2/catch.hpp>

TEST_CASE("text at which the YAML library would stand still for ever is refused") {
    for (const auto* text : {",", "]", "}", "a: 1\n---\n,", ", ,"}) {
        INFO(text);
        CHECK(sallyport::yaml::parse(text).has_error());
    }
    CHECK(sallyport::yaml::parse("---\n---\na: 1\n...\n---\n")->size() >= 2);
}
