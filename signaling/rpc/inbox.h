// What other threads have for the one that runs an io_context, in its order. asio::post() wakes that thread while it
// holds the lock which the thread then waits for: two changes of threads more for each item. An eventfd does not.
#pragma once

#include <sys/eventfd.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <cerrno>
#include <functional>
#include <mutex>
#include <system_error>
#include <utility>
#include <vector>

namespace sallyport::rpc {

template <class T>
class Inbox {
public:
    using Take = std::function<void(T&)>;  // called by the context's thread

    // Throws std::system_error when the process may open no more files.
    Inbox(boost::asio::io_context& context, Take take) : event_(context), take_(std::move(take)) {
        const int event = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
        if (event < 0) throw std::system_error(errno, std::system_category(), "eventfd");
        event_.assign(event);
        wait();
    }
    Inbox(const Inbox&) = delete;
    Inbox& operator=(const Inbox&) = delete;

    void put(T item) {  // any thread
        {
            const std::lock_guard lock(mutex_);
            items_.push_back(std::move(item));
            if (items_.size() > 1) return;  // the one before has woken the reader
        }
        eventfd_write(event_.native_handle(), 1);
    }

private:
    void wait() {
        event_.async_wait(boost::asio::posix::stream_descriptor::wait_read, [this](boost::system::error_code ec) {
            if (ec) return;  // gone
            read();
            wait();
        });
    }
    void read() {
        eventfd_t count = 0;
        eventfd_read(event_.native_handle(), &count);  // before the items: what is put in from now on wakes again
        {
            const std::lock_guard lock(mutex_);
            reading_.swap(items_);
        }
        for (T& item : reading_) take_(item);
        reading_.clear();
    }

    boost::asio::posix::stream_descriptor event_;
    Take take_;
    std::mutex mutex_;
    std::vector<T> items_, reading_;
};

}  // namespace sallyport::rpc
