// SIP messages for tests, written out as text: independent of our own composer.
#pragma once

#include <catch2/catch.hpp>
#include <string>
#include <string_view>

#include "signaling/sip/parser.h"

namespace sallyport::test {

// Lines end with LF in test sources and with CRLF on the wire; Content-Length is added when it is missing.
inline std::string wire(std::string_view text) {
    if (text.find("\r\n") != text.npos) return std::string(text);  // composed: complete already
    std::string head, body;
    const auto blank = text.find("\n\n");
    const std::string_view head_text = text.substr(0, blank == text.npos ? text.size() : blank + 1);
    const std::string_view body_text = blank == text.npos ? std::string_view() : text.substr(blank + 2);
    for (const char c : head_text) head += c == '\n' ? std::string("\r\n") : std::string(1, c);
    for (const char c : body_text) body += c == '\n' ? std::string("\r\n") : std::string(1, c);
    if (head.empty() || head.back() != '\n') head += "\r\n";
    if (head.find("Content-Length:") == head.npos) head += "Content-Length: " + std::to_string(body.size()) + "\r\n";
    return head + "\r\n" + body;
}

inline sip::Message message(std::string_view text) {
    const std::string bytes = wire(text);
    auto parsed = sip::Parser::parse(bytes);
    INFO(bytes);
    if (!parsed.has_value()) INFO(parsed.error().detail);
    REQUIRE(parsed.has_value());
    return std::move(*parsed);
}

// "INVITE" of a request, "180" of a response.
inline std::string kind(std::string_view bytes) {
    if (bytes.substr(0, 8) == "SIP/2.0 ") return std::string(bytes.substr(8, 3));
    return std::string(bytes.substr(0, bytes.find(' ')));
}

// The value of the first line "Name: value" of a message.
inline std::string header(std::string_view bytes, std::string_view name) {
    const std::string start = "\r\n" + std::string(name) + ": ";
    const auto at = bytes.find(start);
    if (at == bytes.npos) return {};
    const auto begin = at + start.size();
    return std::string(bytes.substr(begin, bytes.find("\r\n", begin) - begin));
}

}  // namespace sallyport::test
