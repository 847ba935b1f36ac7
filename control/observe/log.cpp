#include "control/observe/log.h"

#include <spdlog/async.h>
#include <spdlog/sinks/basic_file_sink.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <atomic>
#include <charconv>
#include <chrono>
#include <memory>
#include <mutex>
#include <stdexcept>

#include "control/observe/log_line.h"

namespace sallyport::observe {
namespace {

constexpr std::size_t queued_lines = 8'192;

struct LogState {
    std::mutex mutex;  // guards the pointers; spdlog's logger itself is safe from any thread
    std::shared_ptr<spdlog::logger> logger;
    std::shared_ptr<spdlog::details::thread_pool> pool;
    std::string daemon;
    LogFormat format = LogFormat::key_value;
    std::atomic<Level> level{Level::info};
};

LogState& state() {
    static LogState instance;
    return instance;
}

spdlog::level::level_enum to_spdlog(Level level) {
    switch (level) {
        case Level::debug: return spdlog::level::debug;
        case Level::info: return spdlog::level::info;
        case Level::warning: return spdlog::level::warn;
        case Level::error: return spdlog::level::err;
    }
    return spdlog::level::err;
}

spdlog::sink_ptr make_sink(const std::string& file) {
    if (file.empty()) return std::make_shared<spdlog::sinks::stderr_sink_mt>();
    return std::make_shared<spdlog::sinks::basic_file_sink_mt>(file);
}

std::shared_ptr<spdlog::logger> finish(std::shared_ptr<spdlog::logger> logger) {
    logger->set_pattern("%v");
    logger->set_level(spdlog::level::debug);  // our own level decides, without touching spdlog
    logger->flush_on(spdlog::level::debug);
    return logger;
}

TimePoint wall_clock() {
    return TimePoint(std::chrono::duration_cast<Duration>(std::chrono::system_clock::now().time_since_epoch()));
}

}  // namespace

Field::Field(std::string_view k, double v) : key(k), quoted(false) {
    char text[32];
    const auto [end, error] = std::to_chars(text, text + sizeof text, v);
    value.assign(text, error == std::errc{} ? end : text);
}

std::optional<Level> parse_level(std::string_view text) {
    if (text == "debug") return Level::debug;
    if (text == "info") return Level::info;
    if (text == "warning") return Level::warning;
    if (text == "error") return Level::error;
    return std::nullopt;
}

void start_log(const LogOptions& options) {
    auto& s = state();
    const std::lock_guard lock(s.mutex);
    s.daemon = options.daemon;
    s.format = options.format;
    s.level = options.level;
    try {
        auto sink = make_sink(options.file);
        if (options.asynchronous) {
            s.pool = std::make_shared<spdlog::details::thread_pool>(queued_lines, 1);
            s.logger = finish(std::make_shared<spdlog::async_logger>(options.daemon, std::move(sink), s.pool,
                                                                     spdlog::async_overflow_policy::overrun_oldest));
        } else {
            s.pool.reset();
            s.logger = finish(std::make_shared<spdlog::logger>(options.daemon, std::move(sink)));
        }
    } catch (const spdlog::spdlog_ex& e) {
        throw std::runtime_error("cannot write the log file \"" + options.file + "\": " + e.what());
    }
}

void stop_log() {
    auto& s = state();
    const std::lock_guard lock(s.mutex);
    if (s.logger) s.logger->flush();
    s.logger.reset();
    s.pool.reset();  // joins its thread after the queue is written
}

void set_level(Level level) { state().level = level; }
bool enabled(Level level) { return level >= state().level.load(std::memory_order_relaxed); }

std::uint64_t lines_dropped() {
    auto& s = state();
    const std::lock_guard lock(s.mutex);
    return s.pool ? s.pool->overrun_counter() : 0;
}

void log(Level level, std::string_view text, std::initializer_list<Field> fields) {
    auto& s = state();
    if (!enabled(level)) return;
    std::shared_ptr<spdlog::logger> logger;
    std::string daemon;
    LogFormat format;
    {
        const std::lock_guard lock(s.mutex);
        if (!s.logger) s.logger = finish(std::make_shared<spdlog::logger>("", make_sink({})));
        logger = s.logger;
        daemon = s.daemon;
        format = s.format;
    }
    const auto line = format_line(format, wall_clock(), level, daemon, text, fields);
    logger->log(to_spdlog(level), spdlog::string_view_t(line.data(), line.size()));
}

}  // namespace sallyport::observe
