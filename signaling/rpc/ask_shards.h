// Puts one question to every shard, between two of their inputs, and waits for the answers no longer than a deadline.
// The asking thread waits; no shard ever does.
#pragma once

#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

#include "signaling/io/shards.h"

namespace sallyport::rpc {

// Answers by shard; nothing when one of them did not answer in time.
template <class Question>
auto ask_shards(io::Shards& shards, Question question, std::chrono::milliseconds within = std::chrono::seconds(1)) {
    using Answer = decltype(question(std::declval<const stack::Stack&>()));
    struct Gathered {
        std::mutex mutex;
        std::condition_variable changed;
        std::vector<std::optional<Answer>> answers;
        std::size_t missing = 0;
    };
    const auto gathered = std::make_shared<Gathered>();  // a late shard still finds it
    gathered->answers.resize(shards.size());
    gathered->missing = shards.size();
    for (std::uint32_t i = 0; i < shards.size(); ++i) {
        const io::Task task = [gathered, question, i](stack::Stack& stack) {
            Answer answer = question(stack);
            const std::lock_guard lock(gathered->mutex);
            gathered->answers[i] = std::move(answer);
            if (--gathered->missing == 0) gathered->changed.notify_one();
        };
        shards.at(i).post(task);
    }
    std::optional<std::vector<Answer>> all;
    std::unique_lock lock(gathered->mutex);
    if (!gathered->changed.wait_for(lock, within, [&] { return gathered->missing == 0; })) return all;
    all.emplace();
    for (auto& answer : gathered->answers) all->push_back(std::move(*answer));
    return all;
}

}  // namespace sallyport::rpc
