#include "control/yaml/node.h"

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <sstream>

namespace sallyport::yaml {
namespace {

Place to_place(const YAML::Mark& mark) { return {mark.line + 1, mark.column + 1}; }

// yaml-cpp 0.7 can come to a token that no document begins with (a lone ",") and then gives empty documents for ever
// without reading on. Where documents begin tells: none may begin where the one before it did.
class ProgressCheck : public YAML::EventHandler {
public:
    void OnDocumentStart(const YAML::Mark& mark) override {
        if (mark.pos <= last_) throw YAML::ParserException(mark, "nothing in YAML begins like this");
        last_ = mark.pos;
    }
    void OnDocumentEnd() override {}
    void OnNull(const YAML::Mark&, YAML::anchor_t) override {}
    void OnAlias(const YAML::Mark&, YAML::anchor_t) override {}
    void OnScalar(const YAML::Mark&, const std::string&, YAML::anchor_t, const std::string&) override {}
    void OnSequenceStart(const YAML::Mark&, const std::string&, YAML::anchor_t, YAML::EmitterStyle::value) override {}
    void OnSequenceEnd() override {}
    void OnMapStart(const YAML::Mark&, const std::string&, YAML::anchor_t, YAML::EmitterStyle::value) override {}
    void OnMapEnd() override {}

private:
    int last_ = -1;
};

void require_progress(const std::string& text) {
    std::istringstream stream(text);
    YAML::Parser parser(stream);
    ProgressCheck check;
    while (parser.HandleNextDocument(check)) {
    }
}

// yaml-cpp's nodes are a graph (aliases share); ours are a tree, so what is shared counts each time.
class Converter {
public:
    Result<Node, Problem> convert(const YAML::Node& from, std::string_view field, std::size_t depth) {
        const auto place = to_place(from.Mark());
        if (++nodes_ > limits::nodes) return Problem{place, std::string(field), "the document is too large"};
        if (depth > limits::depth) return Problem{place, std::string(field), "the document is nested too deep"};
        Node node;
        node.place = place;
        switch (from.Type()) {
            case YAML::NodeType::Undefined:
            case YAML::NodeType::Null: return node;
            case YAML::NodeType::Scalar:
                node.kind = Kind::scalar;
                node.text = from.Scalar();
                node.quoted = from.Tag() == "!";
                return node;
            case YAML::NodeType::Sequence: return sequence(from, std::move(node), field, depth);
            case YAML::NodeType::Map: return mapping(from, std::move(node), field, depth);
        }
        return node;
    }

private:
    Result<Node, Problem> sequence(const YAML::Node& from, Node node, std::string_view field, std::size_t depth) {
        node.kind = Kind::sequence;
        node.items.reserve(from.size());
        for (const auto& item : from) {
            const auto name = std::string(field) + '[' + std::to_string(node.items.size()) + ']';
            auto converted = convert(item, name, depth + 1);
            if (!converted) return converted.error();
            node.items.push_back(std::move(*converted));
        }
        return node;
    }

    Result<Node, Problem> mapping(const YAML::Node& from, Node node, std::string_view field, std::size_t depth) {
        node.kind = Kind::mapping;
        std::vector<std::string_view> seen;
        node.entries.reserve(from.size());
        for (const auto& pair : from) {
            const auto place = to_place(pair.first.Mark());
            if (!pair.first.IsScalar()) return Problem{place, std::string(field), "a key must be a word"};
            Entry entry{pair.first.Scalar(), place, {}};
            const auto name = field.empty() ? entry.key : std::string(field) + '.' + entry.key;
            auto converted = convert(pair.second, name, depth + 1);
            if (!converted) return converted.error();
            entry.value = std::move(*converted);
            node.entries.push_back(std::move(entry));
        }
        for (const auto& entry : node.entries) seen.push_back(entry.key);
        std::sort(seen.begin(), seen.end());
        const auto twice = std::adjacent_find(seen.begin(), seen.end());
        if (twice == seen.end()) return node;
        const auto last =
            std::find_if(node.entries.rbegin(), node.entries.rend(), [&](const Entry& e) { return e.key == *twice; });
        const auto name = field.empty() ? last->key : std::string(field) + '.' + last->key;
        return Problem{last->place, name, "the key is given twice; only one can count"};
    }

    std::size_t nodes_ = 0;
};

}  // namespace

const Node* Node::find(std::string_view key) const {
    for (const auto& entry : entries)
        if (entry.key == key) return &entry.value;
    return nullptr;
}

std::string to_string(const Problem& problem, std::string_view file) {
    auto line = std::string(file) + ':' + std::to_string(problem.place.line) + ':' +
                std::to_string(problem.place.column) + ": ";
    if (!problem.field.empty()) line += problem.field + ": ";
    return line + problem.text;
}

Result<std::vector<Node>, Problem> parse(std::string_view text) {
    if (text.size() > limits::text_bytes) return Problem{{}, "", "the text is larger than 64 MiB"};
    try {
        const std::string copy(text);
        require_progress(copy);
        std::vector<Node> documents;
        Converter converter;
        for (const auto& document : YAML::LoadAll(copy)) {
            auto converted = converter.convert(document, "", 0);
            if (!converted) return converted.error();
            documents.push_back(std::move(*converted));
        }
        return documents;
    } catch (const YAML::Exception& e) {  // its message is "yaml-cpp: error at line 1, column 2: ..."
        return Problem{to_place(e.mark), "", "this is no YAML: " + e.msg};
    }
}

}  // namespace sallyport::yaml
