// What other threads have for a shard: a queue with one reader and many writers. Bounded for what may be lost (messages
// from the network), open for what may not (answers, closed flows). What comes first has places of its own, and is read
// before the rest.
#pragma once

#include <algorithm>
#include <cstddef>
#include <functional>
#include <iterator>
#include <mutex>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "signaling/io/stream_listener.h"
#include "signaling/stack/input.h"
#include "signaling/transaction/effects.h"

namespace sallyport::stack {
class Stack;
}

namespace sallyport::io {

struct Arrived {  // a datagram or a message that came in on another shard's socket
    Flow flow;
    std::string bytes;
};
struct Forwarded {  // for a connection of this shard
    transaction::Transmit transmit;
    std::uint32_t from = 0;
};
using Task = std::function<void(stack::Stack&)>;  // between two inputs

using Letter = std::variant<Arrived, Forwarded, transaction::CloseFlow, stack::Input, AcceptedSocket, Task>;

class Mailbox {
public:
    static constexpr std::size_t max_messages = 32'768;
    static constexpr std::size_t max_bytes = 64u << 20;
    static constexpr std::size_t max_first = 1'024;  // messages; of them those of an emergency

    enum class Put : std::uint8_t { first, queued, full };  // first: the reader has to be woken

    Put put(Letter letter, bool first = false) {
        const std::size_t bytes = size_of(letter);
        const std::lock_guard lock(mutex_);
        if (first && bytes > 0 && first_.size() < max_first) {
            first_.push_back(std::move(letter));
            return first_.size() + letters_.size() == 1 ? Put::first : Put::queued;
        }
        if (bytes > 0 && (messages_ >= max_messages || bytes_ + bytes > max_bytes)) return Put::full;
        if (bytes > 0) ++messages_;
        bytes_ += bytes;
        letters_.push_back(std::move(letter));
        return first_.size() + letters_.size() == 1 ? Put::first : Put::queued;
    }
    void take(std::vector<Letter>& out) {
        out.clear();
        const std::lock_guard lock(mutex_);
        if (first_.empty()) {
            out.swap(letters_);
        } else {
            out.swap(first_);
            std::move(letters_.begin(), letters_.end(), std::back_inserter(out));
            letters_.clear();
        }
        messages_ = 0;
        bytes_ = 0;
    }

private:
    // Of what may be refused; 0 for everything else.
    static std::size_t size_of(const Letter& letter) {
        if (const auto* arrived = std::get_if<Arrived>(&letter)) return arrived->bytes.size() + 1;
        if (const auto* forwarded = std::get_if<Forwarded>(&letter)) return forwarded->transmit.bytes->size() + 1;
        return 0;
    }
    std::mutex mutex_;
    std::vector<Letter> first_, letters_;
    std::size_t messages_ = 0, bytes_ = 0;
};

}  // namespace sallyport::io
