#include "tests/support/text_message.h"

#include <algorithm>
#include <cstdlib>

namespace sallyport::test {
namespace {

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; }

std::string between(const std::string& text, char from, char to) {
    const auto begin = text.find(from);
    const auto end = begin == text.npos ? text.npos : text.find(to, begin + 1);
    return end == text.npos ? std::string() : text.substr(begin + 1, end - begin - 1);
}

}  // namespace

bool same_name(std::string_view a, std::string_view b) {
    return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](char x, char y) { return lower(x) == lower(y); });
}

TextMessage TextMessage::read(std::string_view bytes) {
    TextMessage m;
    const auto blank = std::min(bytes.find("\r\n\r\n"), bytes.size());
    m.body = bytes.substr(std::min(blank + 4, bytes.size()));
    std::string_view head = bytes.substr(0, blank);
    bool first = true;
    while (!head.empty()) {
        const auto end = std::min(head.find("\r\n"), head.size());
        const std::string_view line = head.substr(0, end);
        head.remove_prefix(std::min(end + 2, head.size()));
        const auto colon = line.find(':');
        if (first) {
            m.start = line;
        } else if (colon != line.npos) {
            const auto value = line.find_first_not_of(' ', colon + 1);
            m.fields.emplace_back(line.substr(0, colon), value == line.npos ? "" : line.substr(value));
        }
        first = false;
    }
    return m;
}

std::string TextMessage::wire() const {
    std::string text = start + "\r\n";
    bool has_length = false;
    for (const auto& [name, value] : fields) {
        text += name + ": " + value + "\r\n";
        has_length |= same_name(name, "Content-Length");
    }
    if (!has_length) text += "Content-Length: " + std::to_string(body.size()) + "\r\n";
    return text + "\r\n" + body;
}

int TextMessage::status() const { return is_request() ? 0 : std::atoi(start.substr(8, 3).c_str()); }

std::string TextMessage::method() const {
    if (is_request()) return start.substr(0, start.find(' '));
    const auto value = first("CSeq");
    const auto space = value.find(' ');
    return space == value.npos ? std::string() : value.substr(space + 1);
}

std::string TextMessage::uri() const {
    const auto begin = start.find(' ');
    const auto end = start.rfind(' ');
    return end > begin ? start.substr(begin + 1, end - begin - 1) : std::string();
}

std::string TextMessage::first(std::string_view name) const {
    for (const auto& [n, value] : fields)
        if (same_name(n, name)) return value;
    return {};
}

std::vector<std::string> TextMessage::all(std::string_view name) const {
    std::vector<std::string> out;
    for (const auto& [n, value] : fields)
        if (same_name(n, name)) out.push_back(value);
    return out;
}

void TextMessage::set(const std::string& name, const std::string& value) {
    const auto found =
        std::find_if(fields.begin(), fields.end(), [&](const auto& f) { return same_name(f.first, name); });
    if (found == fields.end()) return add(name, value);
    found->second = value;
    fields.erase(std::remove_if(found + 1, fields.end(), [&](const auto& f) { return same_name(f.first, name); }),
                 fields.end());
}

void TextMessage::remove(std::string_view name) {
    std::erase_if(fields, [&](const auto& f) { return same_name(f.first, name); });
}

unsigned TextMessage::cseq() const { return static_cast<unsigned>(std::strtoul(first("CSeq").c_str(), nullptr, 10)); }

std::string tag_of(const std::string& from_or_to) {
    const auto at = from_or_to.find(";tag=", from_or_to.rfind('>') == from_or_to.npos ? 0 : from_or_to.rfind('>'));
    if (at == from_or_to.npos) return {};
    const auto begin = at + 5;
    return from_or_to.substr(begin, from_or_to.find(';', begin) - begin);
}

std::string uri_of(const std::string& name_addr) {
    const auto inner = between(name_addr, '<', '>');
    return inner.empty() ? name_addr.substr(0, name_addr.find(';')) : inner;
}

bool matches(std::string_view pattern, std::string_view text) {
    std::size_t p = 0, t = 0, star = pattern.npos, retry = 0;
    while (t < text.size()) {
        if (p < pattern.size() && pattern[p] == '*') {
            star = p++;
            retry = t;
        } else if (p < pattern.size() && pattern[p] == text[t]) {
            ++p;
            ++t;
        } else if (star != pattern.npos) {
            p = star + 1;
            t = ++retry;
        } else {
            return false;
        }
    }
    while (p < pattern.size() && pattern[p] == '*') ++p;
    return p == pattern.size();
}

}  // namespace sallyport::test
