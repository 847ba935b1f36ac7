#include "tests/flows/flow_file.h"

#include <fstream>
#include <sstream>

namespace sallyport::test {
namespace {

std::string trimmed(const std::string& text) {
    const auto begin = text.find_first_not_of(" \t");
    if (begin == text.npos) return {};
    return text.substr(begin, text.find_last_not_of(" \t") - begin + 1);
}

Detail read_detail(const std::string& text, const std::string& place) {
    Detail d;
    d.place = place;
    std::string rest = text;
    if (rest.rfind("no ", 0) == 0) {
        d.no = true;
        rest = rest.substr(3);
    }
    const bool sdp = rest == "sdp" || rest.rfind("sdp ", 0) == 0;
    const auto end = sdp ? std::size_t{3} : rest.find(':');
    if (end == rest.npos && !d.no) throw FlowError(place, "neither \"Name: value\" nor \"sdp ...\" nor \"no ...\"");
    d.name = rest.substr(0, end);
    if (end < rest.size()) d.value = trimmed(rest.substr(end + 1));
    return d;
}

// "pbx -> edge INVITE ..." or "edge -> pbx 200"; everything else is about the world.
FlowStep read_step(const std::string& text, const std::string& place) {
    FlowStep step;
    step.place = place;
    step.words = split_words(text);
    if (step.words.size() < 3 || step.words[1] != "->") return step;
    const bool from_edge = step.words[0] == "edge";
    if (!from_edge && step.words[2] != "edge") throw FlowError(place, "every message goes to or from \"edge\"");
    step.kind = from_edge ? FlowStep::Kind::expect : FlowStep::Kind::send;
    const std::string& who = step.words[from_edge ? 2 : 0];
    const auto slash = who.find('/');
    step.actor = who.substr(0, slash);
    step.call = slash == who.npos ? "" : who.substr(slash + 1);
    step.words.erase(step.words.begin(), step.words.begin() + 3);
    if (step.words.empty()) throw FlowError(place, "which message?");
    return step;
}

}  // namespace

std::vector<std::string> split_words(const std::string& text) {
    std::istringstream in(text);
    std::vector<std::string> words;
    for (std::string word; in >> word;) words.push_back(word);
    return words;
}

FlowFile read_flow(const std::filesystem::path& path) {
    FlowFile flow;
    flow.name = path.stem().string();
    std::ifstream in(path);
    if (!in) throw FlowError(path.filename().string(), "cannot be read");
    int number = 0;
    for (std::string line; std::getline(in, line);) {
        const std::string place = path.filename().string() + ":" + std::to_string(++number);
        const std::string text = trimmed(line);
        if (text.empty() || text.front() == '#') continue;
        if (line.front() == ' ' || line.front() == '\t') {
            if (flow.steps.empty() || flow.steps.back().kind == FlowStep::Kind::world)
                throw FlowError(place, "an indented line belongs to a message");
            flow.steps.back().details.push_back(read_detail(text, place));
        } else if (text.rfind("flow ", 0) == 0) {
            flow.title = trimmed(text.substr(5));
        } else if (text.rfind("uses ", 0) == 0) {
            const auto prelude = read_flow(path.parent_path() / "prelude" / (trimmed(text.substr(5)) + ".flow"));
            flow.steps.insert(flow.steps.end(), prelude.steps.begin(), prelude.steps.end());
        } else {
            flow.steps.push_back(read_step(text, place));
        }
    }
    return flow;
}

}  // namespace sallyport::test
