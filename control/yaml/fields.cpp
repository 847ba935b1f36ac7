#include "control/yaml/fields.h"

#include <algorithm>
#include <charconv>
#include <cmath>

namespace sallyport::yaml {
namespace {

const Node absent{};

std::size_t distance(std::string_view a, std::string_view b) {  // Levenshtein
    std::vector<std::size_t> row(b.size() + 1);
    for (std::size_t j = 0; j <= b.size(); ++j) row[j] = j;
    for (std::size_t i = 1; i <= a.size(); ++i) {
        std::size_t diagonal = row[0];
        row[0] = i;
        for (std::size_t j = 1; j <= b.size(); ++j) {
            const auto above = row[j];
            row[j] = std::min({above + 1, row[j - 1] + 1, diagonal + (a[i - 1] == b[j - 1] ? 0u : 1u)});
            diagonal = above;
        }
    }
    return row[b.size()];
}

template <class T>
bool read_whole(std::string_view text, T& value) {
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    return error == std::errc{} && end == text.data() + text.size();
}

std::string shown(double value) {
    char text[32];
    const auto [end, error] = std::to_chars(text, text + sizeof text, value);
    return error == std::errc{} ? std::string(text, end) : std::string("?");
}

std::string joined(const std::vector<std::string>& words) {
    std::string text;
    for (const auto& word : words) text += (text.empty() ? "" : ", ") + word;
    return text;
}

}  // namespace

std::optional<std::string> nearest(std::string_view word, const std::vector<std::string>& candidates) {
    std::optional<std::string> best;
    std::size_t least = std::min(word.size(), std::max<std::size_t>(2, word.size() / 3) + 1);
    for (const auto& candidate : candidates) {
        const auto d = word.size() > 64 ? least : distance(word, candidate);
        if (d < least) {
            least = d;
            best = candidate;
        }
    }
    return best;
}

std::optional<bool> parse_boolean(const Node& node) {
    if (node.kind != Kind::scalar || node.quoted) return std::nullopt;
    if (node.text == "true") return true;
    if (node.text == "false") return false;
    return std::nullopt;
}

Fields::Fields(const Node& mapping, Place place, std::string path, Problems& problems)
    : node_(&mapping), place_(place), path_(std::move(path)), problems_(&problems) {
    if (mapping.kind == Kind::mapping || mapping.kind == Kind::null) return;
    problems_->push_back({mapping.place, path_, "expected fields of the form \"name: value\""});
    node_ = &absent;
}

std::string Fields::name(std::string_view key) const {
    return path_.empty() ? std::string(key) : path_ + '.' + std::string(key);
}

const Node* Fields::take(std::string_view key) {
    known_.emplace(key);
    const auto* found = node_->find(key);
    return found == nullptr || found->kind == Kind::null ? nullptr : found;
}

bool Fields::has(std::string_view key) const { return node_->find(key) != nullptr; }

const Node* Fields::scalar(std::string_view key, std::string_view expected) {
    const auto* found = take(key);
    if (found == nullptr || found->kind == Kind::scalar) return found;
    problems_->push_back({found->place, name(key), "expected " + std::string(expected)});
    return nullptr;
}

std::string Fields::text(std::string_view key, Required required, std::string_view example) {
    const auto* found = scalar(key, "text, e.g. " + std::string(key) + ": " + std::string(example));
    if (found != nullptr && !found->text.empty()) return found->text;
    const bool told = found == nullptr && take(key) != nullptr;  // of another kind, see scalar()
    if (required == Required::yes && !told)
        problems_->push_back({found != nullptr ? found->place : place_, name(key),
                              "is missing, e.g. " + std::string(key) + ": " + std::string(example)});
    return {};
}

std::int64_t Fields::integer(std::string_view key, std::int64_t low, std::int64_t high, std::int64_t otherwise) {
    const auto range = "a whole number from " + std::to_string(low) + " to " + std::to_string(high) + ", e.g. " +
                       std::string(key) + ": " + std::to_string(otherwise);
    const auto* found = scalar(key, range);
    if (found == nullptr) return otherwise;
    std::int64_t value = 0;
    if (read_whole(found->text, value) && value >= low && value <= high) return value;
    problems_->push_back({found->place, name(key), '"' + found->text + "\" is not " + range});
    return otherwise;
}

double Fields::number(std::string_view key, double low, double high, double otherwise) {
    const auto range =
        "a number from " + shown(low) + " to " + shown(high) + ", e.g. " + std::string(key) + ": " + shown(otherwise);
    const auto* found = scalar(key, range);
    if (found == nullptr) return otherwise;
    double value = 0;
    if (read_whole(found->text, value) && std::isfinite(value) && value >= low && value <= high) return value;
    problems_->push_back({found->place, name(key), '"' + found->text + "\" is not " + range});
    return otherwise;
}

bool Fields::boolean(std::string_view key, bool otherwise) {
    const auto* found = scalar(key, "true or false");
    if (found == nullptr) return otherwise;
    if (const auto value = parse_boolean(*found)) return *value;
    problems_->push_back({found->place, name(key), '"' + found->text + "\" is neither true nor false"});
    return otherwise;
}

std::string Fields::choice(std::string_view key, const std::vector<std::string>& values, std::string_view otherwise) {
    const auto* found = scalar(key, "one of " + joined(values));
    if (found == nullptr) return std::string(otherwise);
    if (std::find(values.begin(), values.end(), found->text) != values.end()) return found->text;
    problems_->push_back({found->place, name(key), '"' + found->text + "\" is not one of " + joined(values)});
    return std::string(otherwise);
}

std::vector<std::string> Fields::texts(std::string_view key, std::string_view example) {
    std::vector<std::string> values;
    const auto* found = take(key);
    if (found == nullptr) return values;
    if (found->kind != Kind::sequence) {
        problems_->push_back({found->place, name(key),
                              "expected a list, e.g. " + std::string(key) + ": [" + std::string(example) + "]"});
        return values;
    }
    for (std::size_t i = 0; i < found->items.size(); ++i) {
        const auto& item = found->items[i];
        if (item.kind == Kind::scalar)
            values.push_back(item.text);
        else
            problems_->push_back(
                {item.place, name(key) + '[' + std::to_string(i) + ']', "expected text, e.g. " + std::string(example)});
    }
    return values;
}

Fields Fields::section(std::string_view key) {
    const auto* found = take(key);
    if (found == nullptr) return {absent, place_, name(key), *problems_};
    return {*found, name(key), *problems_};
}

std::vector<Fields> Fields::list(std::string_view key, Required required) {
    std::vector<Fields> sections;
    const auto* found = take(key);
    if (found != nullptr && found->kind != Kind::sequence)
        problems_->push_back({found->place, name(key), "expected a list: lines that begin with \"- \""});
    if (found == nullptr && required == Required::yes)
        problems_->push_back({place_, name(key), "is missing: a list with at least one entry"});
    if (found == nullptr || found->kind != Kind::sequence) return sections;
    for (std::size_t i = 0; i < found->items.size(); ++i)
        sections.emplace_back(found->items[i], name(key) + '[' + std::to_string(i) + ']', *problems_);
    if (sections.empty() && required == Required::yes)
        problems_->push_back({found->place, name(key), "the list is empty: at least one entry is needed"});
    return sections;
}

void Fields::wrong(std::string_view key, std::string text) {
    const auto* found = node_->find(key);
    const auto bracket = key.rfind('[');
    if (found == nullptr && bracket != key.npos) {  // "addresses[1]": the element's own place, where there is one
        std::size_t index = 0;
        const auto* list = node_->find(key.substr(0, bracket));
        const auto digits = key.substr(bracket + 1);
        if (list != nullptr && read_whole(digits.substr(0, digits.find(']')), index) && index < list->items.size())
            found = &list->items[index];
    }
    problems_->push_back({found != nullptr ? found->place : place_, name(key), std::move(text)});
}

void Fields::finish() {
    const std::vector<std::string> known(known_.begin(), known_.end());
    for (const auto& entry : node_->entries) {
        if (known_.contains(entry.key)) continue;
        const auto guess = nearest(entry.key, known);
        const auto help = guess ? "did you mean \"" + *guess + "\"?" : "known here: " + joined(known);
        problems_->push_back({entry.place, name(entry.key), "there is no such field; " + help});
    }
}

}  // namespace sallyport::yaml
