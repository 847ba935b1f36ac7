#include "tests/flows/pattern.h"

namespace sallyport::test {
namespace {

bool step(std::string_view pattern, std::string_view text, Variables& known) {
    if (pattern.empty()) return text.empty();
    const bool star = pattern.front() == '*';
    const auto close = pattern.front() == '{' ? pattern.find('}') : pattern.npos;
    if (!star && close == pattern.npos)
        return !text.empty() && text.front() == pattern.front() && step(pattern.substr(1), text.substr(1), known);
    const std::string name(star ? std::string_view() : pattern.substr(1, close - 1));
    const auto rest = pattern.substr(star ? 1 : close + 1);
    if (const auto found = known.find(name); !star && found != known.end())
        return text.substr(0, found->second.size()) == found->second &&
               step(rest, text.substr(found->second.size()), known);
    for (std::size_t n = 0; n <= text.size(); ++n) {
        Variables tried = known;
        if (!star) tried[name] = text.substr(0, n);
        if (!step(rest, text.substr(n), tried)) continue;
        known = std::move(tried);
        return true;
    }
    return false;
}

}  // namespace

bool match_pattern(std::string_view pattern, std::string_view text, Variables& known) {
    Variables tried = known;
    if (!step(pattern, text, tried)) return false;
    known = std::move(tried);
    return true;
}

std::string substitute(const std::string& text, const Variables& known) {
    std::string out = text;
    for (const auto& [name, value] : known) {
        const std::string mark = "{" + name + "}";
        for (auto at = out.find(mark); at != out.npos; at = out.find(mark, at + value.size()))
            out.replace(at, mark.size(), value);
    }
    return out;
}

}  // namespace sallyport::test
