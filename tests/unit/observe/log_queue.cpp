// The queue of the log: batches, what does not wait, what gives way, and what is left at the end.
#include "control/observe/log_queue.h"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>
#include <catch2/catch.hpp>

#include <algorithm>
#include <condition_variable>
#include <mutex>

using namespace sallyport::observe;

namespace {

constexpr std::chrono::hours never{1};

struct Writer {
    std::mutex mutex;
    std::condition_variable changed;
    std::string text;
    int batches = 0;
    bool held = false;  // as a disk that does not answer

    LogQueue::Write write() {
        return [this](std::string_view lines) {
            std::unique_lock lock(mutex);
            ++batches;
            changed.notify_all();
            changed.wait(lock, [this] { return !held; });
            text += lines;
            changed.notify_all();
        };
    }
    bool has(std::string_view wanted) {
        std::unique_lock lock(mutex);
        return changed.wait_for(lock, std::chrono::seconds(10), [&] { return text == wanted; });
    }
    void hold(bool on) {
        const std::lock_guard lock(mutex);
        held = on;
        changed.notify_all();
    }
    void wait_for_batch(int n) {
        std::unique_lock lock(mutex);
        REQUIRE(changed.wait_for(lock, std::chrono::seconds(10), [&] { return batches == n; }));
    }
};

std::string read_and_remove(const std::string& path) {
    std::string text(4'096, '\0');
    const int file = open(path.c_str(), O_RDONLY);
    text.resize(static_cast<std::size_t>(std::max<ssize_t>(0, read(file, text.data(), text.size()))));
    close(file);
    unlink(path.c_str());
    return text;
}

}  // namespace

TEST_CASE("lines that come together are written together, at once when one of them is urgent") {
    Writer writer;
    LogQueue queue({.gather = never}, writer.write());
    queue.put("one", false);
    queue.put("two", false);
    queue.put("three", true);
    CHECK(writer.has("one\ntwo\nthree\n"));
    CHECK(writer.batches == 1);
    queue.put("four", true);
    CHECK(writer.has("one\ntwo\nthree\nfour\n"));
}

TEST_CASE("a line that is not urgent waits for others only so long") {
    Writer writer;
    LogQueue queue({.gather = std::chrono::milliseconds(1)}, writer.write());
    queue.put("one", false);
    CHECK(writer.has("one\n"));
}

TEST_CASE("half of the room is enough to be written") {
    Writer writer;
    LogQueue queue({.lines = 4, .gather = never}, writer.write());
    queue.put("one", false);
    queue.put("two", false);
    CHECK(writer.has("one\ntwo\n"));
}

TEST_CASE("the end of the queue writes what waits") {
    Writer writer;
    {
        LogQueue queue({.gather = never}, writer.write());
        queue.put("one", false);
    }
    CHECK(writer.text == "one\n");
}

TEST_CASE("a disk that does not answer costs the oldest lines, counted, and nobody waits for it") {
    Writer writer;
    writer.hold(true);
    LogQueue queue({.lines = 3, .gather = never}, writer.write());
    queue.put("under way", true);
    writer.wait_for_batch(1);
    for (const char* line : {"a", "b", "c", "d", "e"}) queue.put(line, true);
    CHECK(queue.dropped() == 2);
    writer.hold(false);
    CHECK(writer.has("under way\nc\nd\ne\n"));
}

TEST_CASE("what waits while the process crashes goes to the descriptor, though the writer never comes back") {
    const std::string path = "/tmp/sallyport-last-words-" + std::to_string(getpid());
    const pid_t child = fork();
    if (child == 0) {
        static Writer writer;
        writer.hold(true);
        static LogQueue queue({.lines = 3, .gather = never}, writer.write());
        queue.put("under way", true);
        writer.wait_for_batch(1);
        for (const char* line : {"a", "b", "c", "d"}) queue.put(line, false);
        queue.last_words(open(path.c_str(), O_WRONLY | O_CREAT, 0600));
        _exit(0);
    }
    CHECK(waitpid(child, nullptr, 0) == child);
    CHECK(read_and_remove(path) == "b\nc\nd\n");
}
