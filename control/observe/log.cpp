#include "control/observe/log.h"

#include <fcntl.h>
#include <signal.h>
#include <spdlog/sinks/basic_file_sink.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <charconv>
#include <chrono>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <thread>

#include "control/observe/log_line.h"
#include "control/observe/log_queue.h"

namespace sallyport::observe {
namespace {

// What lines go to; never changed, so that whoever logs holds the lock only to find it.
struct Target {
    std::string daemon;
    LogFormat format = LogFormat::key_value;
    std::shared_ptr<spdlog::logger> logger;
    std::unique_ptr<LogQueue> queue;  // not when synchronous; gone before the logger
};

struct LogState {
    std::mutex mutex;  // guards the pointer
    std::shared_ptr<const Target> target;
    std::atomic<Level> level{Level::info};
};

LogState& state() {
    static LogState instance;
    return instance;
}

spdlog::sink_ptr make_sink(const std::string& file) {
    if (file.empty()) return std::make_shared<spdlog::sinks::stderr_sink_mt>();
    return std::make_shared<spdlog::sinks::basic_file_sink_mt>(file);
}

std::shared_ptr<spdlog::logger> make_logger(const std::string& name, spdlog::sink_ptr sink) {
    auto logger = std::make_shared<spdlog::logger>(name, std::move(sink));
    logger->set_pattern("%v");
    logger->flush_on(spdlog::level::info);  // our own level decides, so every line is an info for spdlog
    return logger;
}

// The last lines before a crash are those that matter. What was there before, of a sanitizer perhaps, has its turn
// after us.
constexpr std::array fatal_signals{SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT};
std::array<struct sigaction, fatal_signals.size()> handlers_before;
std::array<char, 4'096> crash_file{};  // empty: standard error
std::atomic<LogQueue*> crash_queue{nullptr};

void on_fatal_signal(int signal, siginfo_t* info, void*) {
    if (LogQueue* queue = crash_queue.exchange(nullptr)) {
        const int file =
            crash_file[0] == '\0' ? STDERR_FILENO : ::open(crash_file.data(), O_WRONLY | O_APPEND | O_CLOEXEC);
        if (file >= 0) queue->last_words(file);
    }
    for (std::size_t i = 0; i < fatal_signals.size(); ++i)
        if (fatal_signals[i] == signal) sigaction(signal, &handlers_before[i], nullptr);
    if (info->si_code <= 0) raise(signal);  // sent by somebody; a fault comes again by itself
}

void watch_for_crashes(const std::string& file, LogQueue* queue) {
    if (file.size() >= crash_file.size()) return;
    file.copy(crash_file.data(), file.size());
    crash_file[file.size()] = '\0';
    crash_queue = queue;
    struct sigaction ours {};
    ours.sa_sigaction = on_fatal_signal;
    ours.sa_flags = SA_SIGINFO;
    sigemptyset(&ours.sa_mask);
    for (std::size_t i = 0; i < fatal_signals.size(); ++i) {
        struct sigaction before {};
        sigaction(fatal_signals[i], &ours, &before);
        const bool again = (before.sa_flags & SA_SIGINFO) != 0 && before.sa_sigaction == on_fatal_signal;
        if (!again) handlers_before[i] = before;
    }
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
    auto target = std::make_shared<Target>();
    target->daemon = options.daemon;
    target->format = options.format;
    try {
        target->logger = make_logger(options.daemon, make_sink(options.file));
    } catch (const spdlog::spdlog_ex& e) {
        throw std::runtime_error("cannot write the log file \"" + options.file + "\": " + e.what());
    }
    if (options.asynchronous) {
        target->queue =
            std::make_unique<LogQueue>(LogQueue::Options{}, [logger = target->logger](std::string_view lines) {
                lines.remove_suffix(1);  // spdlog ends what it writes
                logger->log(spdlog::level::info, spdlog::string_view_t(lines.data(), lines.size()));
            });
        watch_for_crashes(options.file, target->queue.get());
    }
    auto& s = state();
    const std::lock_guard lock(s.mutex);
    s.target = std::move(target);
    s.level = options.level;
}

void stop_log() {
    auto& s = state();
    crash_queue = nullptr;
    std::shared_ptr<const Target> last;
    {
        const std::lock_guard lock(s.mutex);
        last.swap(s.target);
    }
    while (last.use_count() > 1) std::this_thread::yield();  // whoever is putting a line in at this moment
    last.reset();                                            // joins its thread after the queue is written
}

void set_level(Level level) { state().level = level; }
bool enabled(Level level) { return level >= state().level.load(std::memory_order_relaxed); }

std::uint64_t lines_dropped() {
    auto& s = state();
    const std::lock_guard lock(s.mutex);
    return s.target && s.target->queue ? s.target->queue->dropped() : 0;
}

void log(Level level, std::string_view text, std::initializer_list<Field> fields) {
    auto& s = state();
    if (!enabled(level)) return;
    std::shared_ptr<const Target> target;
    {
        const std::lock_guard lock(s.mutex);
        if (!s.target) {
            auto bare = std::make_shared<Target>();
            bare->logger = make_logger("", make_sink({}));
            s.target = std::move(bare);
        }
        target = s.target;
    }
    const auto line = format_line(target->format, wall_clock(), level, target->daemon, text, fields);
    if (target->queue) return target->queue->put(line, level >= Level::warning);
    target->logger->log(spdlog::level::info, spdlog::string_view_t(line.data(), line.size()));
}

}  // namespace sallyport::observe
