// A *.flow file: a call flow as data. Grammar in README.md beside it. Reads text; runs nothing.
#pragma once

#include <filesystem>
#include <stdexcept>
#include <string>
#include <vector>

namespace sallyport::test {

// An indented line below a message: what it has, or must not have.
struct Detail {
    std::string place;  // "file.flow:12"
    bool no = false;    // "no Contact"
    std::string name;   // field name, or "sdp"
    std::string value;
};
struct FlowStep {
    enum class Kind { send, expect, world };
    std::string place;
    Kind kind = Kind::world;
    std::string actor, call;         // "pbx/2" -> "pbx", "2"
    std::vector<std::string> words;  // after the arrow, or the whole line
    std::vector<Detail> details;
};
struct FlowFile {
    std::string name;   // of the file, without ".flow"
    std::string title;  // a sentence, with the requirement ids it proves
    std::vector<FlowStep> steps;
};
struct FlowError : std::runtime_error {
    FlowError(const std::string& place, const std::string& what) : std::runtime_error(place + ": " + what) {}
};

FlowFile read_flow(const std::filesystem::path& file);
std::vector<std::string> split_words(const std::string& text);

}  // namespace sallyport::test
