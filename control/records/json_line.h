// One JSON object on one line, written in the order it is told, without a tree in between. Escapes as RFC 8259 asks and
// repairs what is no UTF-8. Reads nothing; the caller keeps the keys apart.
#pragma once

#include <charconv>
#include <concepts>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace sallyport::records {

class JsonLine {
public:
    JsonLine() { text_.reserve(2'048); }

    // The value of `key`, a word of ours that needs no escape.
    void put(std::string_view key, std::string_view value);
    void put(std::string_view key, const char* value) { put(key, std::string_view(value)); }
    void put(std::string_view key, const std::vector<std::string>& values);
    void put(std::string_view key, double value);
    template <std::integral T>
    void put(std::string_view key, T value) {
        name(key);
        if constexpr (std::same_as<T, bool>) {
            text_ += value ? "true" : "false";
        } else {
            char digits[24];
            text_.append(digits, std::to_chars(digits, digits + sizeof digits, value).ptr);
        }
    }
    // An array of objects: `write(*this, item)` puts the members of each.
    template <class List, class Write>
    void put_objects(std::string_view key, const List& items, Write&& write) {
        name(key);
        text_ += '[';
        for (const auto& item : items) {
            separate();
            text_ += '{';
            write(*this, item);
            text_ += '}';
        }
        text_ += ']';
    }
    std::string finish() && {
        text_ += '}';
        return std::move(text_);
    }

private:
    void name(std::string_view key) {
        separate();
        text_ += '"';
        text_ += key;
        text_ += "\":";
    }
    void separate() {
        if (text_.back() != '{' && text_.back() != '[') text_ += ',';
    }
    void quote(std::string_view value);

    std::string text_ = "{";
};

}  // namespace sallyport::records
