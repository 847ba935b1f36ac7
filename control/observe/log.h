// The log: one fact per line, key=value or JSON, to standard error or a file. Above the line only: rooms that compute
// return facts, their shell logs them. Writes no SIP body and no secret: values under secret keys are masked.
#pragma once

#include <concepts>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>

namespace sallyport::observe {

enum class Level : std::uint8_t { debug, info, warning, error };
std::optional<Level> parse_level(std::string_view text);  // "debug", "info", "warning", "error"

enum class LogFormat : std::uint8_t { key_value, json };

// One key of a line. Keys that every daemon shares: "call", "session_id", "trunk", "carrier", "realm", "peer".
struct Field {
    std::string_view key;
    std::string value;
    bool quoted = true;  // false: a number or a truth value, written bare

    Field(std::string_view k, std::string_view v) : key(k), value(v) {}
    Field(std::string_view k, const char* v) : key(k), value(v) {}
    Field(std::string_view k, const std::string& v) : key(k), value(v) {}
    Field(std::string_view k, bool v) : key(k), value(v ? "true" : "false"), quoted(false) {}
    Field(std::string_view k, double v);
    template <std::integral T>
    Field(std::string_view k, T v) : key(k), value(std::to_string(v)), quoted(false) {}
};

struct LogOptions {
    std::string daemon;  // "sallyport-media": on every line
    Level level = Level::info;
    LogFormat format = LogFormat::key_value;
    std::string file;  // empty: standard error
    // A slow disk then costs the oldest waiting lines, counted, and never the caller. A warning or an error is written
    // at once with all before it, others within a tenth of a second, and whatever waits when the process crashes.
    bool asynchronous = true;
};

// Once, before the first thread; a log that is not started writes key=value to standard error, synchronously.
// Throws std::runtime_error with one sentence when the file cannot be opened.
void start_log(const LogOptions& options);
void stop_log();              // flushes
void set_level(Level level);  // any time, any thread
bool enabled(Level level);
std::uint64_t lines_dropped();  // that gave way in the asynchronous queue

// Any thread. Text and values may be anything a peer sent: control characters are escaped, length is bounded.
void log(Level level, std::string_view text, std::initializer_list<Field> fields = {});

inline void log_debug(std::string_view text, std::initializer_list<Field> fields = {}) {
    if (enabled(Level::debug)) log(Level::debug, text, fields);
}
inline void log_info(std::string_view text, std::initializer_list<Field> fields = {}) {
    log(Level::info, text, fields);
}
inline void log_warning(std::string_view text, std::initializer_list<Field> fields = {}) {
    log(Level::warning, text, fields);
}
inline void log_error(std::string_view text, std::initializer_list<Field> fields = {}) {
    log(Level::error, text, fields);
}

}  // namespace sallyport::observe
