// A spool in a directory of its own, for tests.
#pragma once

#include <catch2/catch.hpp>

#include <fstream>
#include <future>
#include <memory>
#include <string>
#include <vector>

#include "control/records/consumer.h"
#include "control/records/spool.h"

namespace sallyport::records {

struct Bench {
    std::filesystem::path directory;
    SpoolOptions options;

    Bench() {
        char name[] = "/tmp/sallyport-spool-XXXXXX";
        REQUIRE(mkdtemp(name) != nullptr);
        directory = name;
        options.directory = directory;
        options.retry_after = std::chrono::milliseconds(5);
    }
    ~Bench() { std::filesystem::remove_all(directory); }

    std::unique_ptr<Spool> open() {
        auto spool = Spool::open(options);
        if (!spool) FAIL(spool.error());
        return std::move(*spool);
    }
    std::vector<std::string> lines() const {
        std::vector<std::string> out;
        for (auto& line : read_lines(directory, {}, 1'000'000)) out.push_back(line.text);
        return out;
    }
    // Bytes that reached the file, but of which nobody said that they are durable.
    void add_tail(std::string_view tail) const {
        std::ofstream file(segment_path(directory, list_segments(directory).back().number), std::ios::app);
        file << tail;
    }
};

inline bool append_and_wait(Spool& spool, std::string line) {
    std::promise<bool> answer;
    auto future = answer.get_future();
    spool.append(std::move(line), [&](bool durable) { answer.set_value(durable); });
    REQUIRE(future.wait_for(std::chrono::seconds(10)) == std::future_status::ready);
    return future.get();
}

using Lines = std::vector<std::string>;

}  // namespace sallyport::records
