// A SIP message as lines of text, read and written by the tests' own means: what the peers of a test say and hear does
// not go through the code under test.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace sallyport::test {

struct TextMessage {
    std::string start;  // "INVITE sip:x SIP/2.0"
    std::vector<std::pair<std::string, std::string>> fields;
    std::string body;

    static TextMessage read(std::string_view bytes);
    std::string wire() const;  // Content-Length is made here

    bool is_request() const { return start.rfind("SIP/2.0 ", 0) != 0; }
    std::string method() const;  // of a response: from CSeq
    int status() const;          // 0 for requests
    std::string uri() const;
    std::string first(std::string_view name) const;  // "" if absent
    std::vector<std::string> all(std::string_view name) const;
    bool has(std::string_view name) const { return !all(name).empty(); }
    void set(const std::string& name, const std::string& value);  // replaces every field of the name, or appends
    void add(const std::string& name, const std::string& value) { fields.emplace_back(name, value); }
    void remove(std::string_view name);
    unsigned cseq() const;
};

std::string tag_of(const std::string& from_or_to);
std::string uri_of(const std::string& name_addr);  // between < and >
bool same_name(std::string_view a, std::string_view b);
// "*" is any text; everything else stands for itself.
bool matches(std::string_view pattern, std::string_view text);

}  // namespace sallyport::test
