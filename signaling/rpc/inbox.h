// What other threads have for the one that runs an io_context, in its order. asio::post() wakes that thread while it
// holds the lock which the thread then waits for: two changes of threads more for each item. An eventfd does not; and
// where items come again and again, nobody is woken: they are looked for together with the shard's datagrams.
#pragma once

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <functional>
#include <mutex>
#include <system_error>
#include <utility>
#include <vector>

#include "signaling/io/gathering.h"

namespace sallyport::rpc {

template <class T>
class Inbox final : private io::Gathered {
public:
    using Take = std::function<void(T&)>;  // called by the thread of the gathering's context

    // Throws std::system_error when the process may open no more files.
    Inbox(io::Gathering& gathering, Take take)
        : gathering_(gathering), event_(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)), take_(std::move(take)) {
        if (event_ < 0) throw std::system_error(errno, std::system_category(), "eventfd");
        gathering_.watch(event_, *this);
        gathering_.wait(event_, *this, EPOLLIN);
    }
    ~Inbox() { close(event_); }
    Inbox(const Inbox&) = delete;
    Inbox& operator=(const Inbox&) = delete;

    void put(T item) {  // any thread
        {
            const std::lock_guard lock(mutex_);
            items_.push_back(std::move(item));
            if (items_.size() > 1 || gathered_) return;  // the one before has woken the reader, or it looks by itself
        }
        eventfd_write(event_, 1);
    }

private:
    void on_ready(std::uint32_t) override {
        eventfd_t count = 0;
        eventfd_read(event_, &count);  // before the items: what is put in from now on wakes again
        read();
    }
    void look_again() override { read(); }
    void read() {
        {
            const std::lock_guard lock(mutex_);
            reading_.swap(items_);
            const auto now = std::chrono::steady_clock::now();
            const bool soon = now - std::exchange(read_at_, now) < io::Gathering::span;
            gathered_ = !reading_.empty() && (gathered_ || soon);
        }
        for (T& item : reading_) take_(item);
        reading_.clear();
        if (gathered_)
            gathering_.add(*this);
        else
            gathering_.wait(event_, *this, EPOLLIN);
    }

    io::Gathering& gathering_;
    int event_;
    Take take_;
    std::mutex mutex_;
    std::vector<T> items_, reading_;
    bool gathered_ = false;  // written by the reader alone
    std::chrono::steady_clock::time_point read_at_;
};

}  // namespace sallyport::rpc
