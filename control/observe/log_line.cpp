#include "control/observe/log_line.h"

#include <array>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "control/base/utf8.h"

namespace sallyport::observe {
namespace {

constexpr std::size_t text_bytes = 2'048;  // of one value: a peer's longest header must not fill a disk
constexpr std::array secret_words{"password", "ha1", "secret", "authorization", "private_key", "crypto_key", "keys"};

std::string_view level_name(Level level) {
    switch (level) {
        case Level::debug: return "debug";
        case Level::info: return "info";
        case Level::warning: return "warning";
        case Level::error: return "error";
    }
    return "error";
}

bool is_secret(std::string_view key) {
    for (const std::string_view word : secret_words)
        if (key.find(word) != key.npos) return true;
    return false;
}

std::string bounded(std::string_view value) {
    if (value.size() <= text_bytes) return std::string(value);
    std::size_t end = text_bytes;  // and not amid a character
    while (end > text_bytes - 4 && (static_cast<unsigned char>(value[end]) & 0xc0) == 0x80) --end;
    return std::string(value.substr(0, end)) + "...";
}

// The bytes of the character beyond ASCII that it begins with; 0: of none that may be shown. U+0080 to U+009F are
// controls, and terminals take them for such; what is no UTF-8 may be anything.
std::size_t shown_bytes(std::string_view text) {
    for (std::size_t n = 2; n <= 4 && n <= text.size(); ++n)
        if (is_utf8(text.substr(0, n))) return text[0] == '\xc2' && static_cast<unsigned char>(text[1]) < 0xa0 ? 0 : n;
    return 0;
}

bool needs_quotes(std::string_view value) {
    for (std::size_t i = 0; i < value.size();) {
        const char c = value[i];
        const auto u = static_cast<unsigned char>(c);
        if (u <= 0x20 || u == 0x7f || c == '"' || c == '=' || c == '\\') return true;
        const std::size_t n = u < 0x80 ? 1 : shown_bytes(value.substr(i));
        if (n == 0) return true;
        i += n;
    }
    return value.empty();
}

void append_value(std::string& line, std::string_view value) {
    if (!needs_quotes(value)) {
        line += value;
        return;
    }
    line += '"';
    for (std::size_t i = 0; i < value.size(); ++i) {
        const char c = value[i];
        const auto u = static_cast<unsigned char>(c);
        const std::size_t n = u < 0x80 ? 0 : shown_bytes(value.substr(i));
        if (n > 0) {
            line += value.substr(i, n);
            i += n - 1;
        } else if (c == '"' || c == '\\') {
            line += '\\';
            line += c;
        } else if (c == '\n') {
            line += "\\n";
        } else if (c == '\r') {
            line += "\\r";
        } else if (c == '\t') {
            line += "\\t";
        } else if (u < 0x20 || u >= 0x7f) {  // a terminal escape in a User-Agent must not reach the operator's screen
            char hex[5];
            std::snprintf(hex, sizeof hex, "\\x%02x", u);
            line += hex;
        } else {
            line += c;
        }
    }
    line += '"';
}

void append_pair(std::string& line, std::string_view key, std::string_view value) {
    line += ' ';
    line += key;
    line += '=';
    append_value(line, value);
}

std::string shown(const Field& field) { return is_secret(field.key) ? "(masked)" : bounded(field.value); }

std::string key_value_line(TimePoint now, Level level, std::string_view daemon, std::string_view text,
                           std::initializer_list<Field> fields) {
    std::string line = "ts=" + rfc3339(now);
    append_pair(line, "level", level_name(level));
    if (!daemon.empty()) append_pair(line, "daemon", daemon);
    append_pair(line, "msg", bounded(text));
    for (const auto& field : fields) append_pair(line, field.key, shown(field));
    return line;
}

// JSON lets DEL and U+0080 to U+009F stand as they are.
std::string without_controls(std::string json) {
    for (std::size_t i = 0; i < json.size(); ++i) {
        const bool del = json[i] == '\x7f';
        if (!del && (json[i] != '\xc2' || static_cast<unsigned char>(json[i + 1]) >= 0xa0)) continue;
        char escape[7];
        std::snprintf(escape, sizeof escape, "\\u%04x", del ? 0x7fu : static_cast<unsigned char>(json[i + 1]) + 0u);
        json.replace(i, del ? 1 : 2, escape);
    }
    return json;
}

std::string json_line(TimePoint now, Level level, std::string_view daemon, std::string_view text,
                      std::initializer_list<Field> fields) {
    nlohmann::ordered_json line;
    line["ts"] = rfc3339(now);
    line["level"] = level_name(level);
    if (!daemon.empty()) line["daemon"] = daemon;
    line["msg"] = bounded(text);
    for (const auto& field : fields) {
        if (field.quoted || is_secret(field.key)) {
            line[std::string(field.key)] = shown(field);
        } else {  // written by Field's own constructors; "nan" is no JSON and becomes a string
            auto number = nlohmann::ordered_json::parse(field.value, nullptr, false);
            line[std::string(field.key)] = number.is_discarded() ? nlohmann::ordered_json(field.value) : number;
        }
    }
    // Peers send broken UTF-8 too.
    return without_controls(line.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace));
}

}  // namespace

std::string format_line(LogFormat format, TimePoint now, Level level, std::string_view daemon, std::string_view text,
                        std::initializer_list<Field> fields) {
    switch (format) {
        case LogFormat::key_value: return key_value_line(now, level, daemon, text, fields);
        case LogFormat::json: return json_line(now, level, daemon, text, fields);
    }
    return {};
}

}  // namespace sallyport::observe
