// For hand-overs between threads that happen inside of a library: ThreadSanitizer sees only what was built for it, so
// it is told that what one thread did before hand_over() has happened when the other returns from take_over() of the
// same address. Nothing in any other build: neither orders anything by itself.
#pragma once

#if defined(__SANITIZE_THREAD__)
#define SALLYPORT_THREAD_SANITIZER
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define SALLYPORT_THREAD_SANITIZER
#endif
#endif

#ifdef SALLYPORT_THREAD_SANITIZER
#include <sanitizer/tsan_interface.h>
#endif

namespace sallyport {

inline void hand_over([[maybe_unused]] const void* what) {
#ifdef SALLYPORT_THREAD_SANITIZER
    __tsan_release(const_cast<void*>(what));
#endif
}
inline void take_over([[maybe_unused]] const void* what) {
#ifdef SALLYPORT_THREAD_SANITIZER
    __tsan_acquire(const_cast<void*>(what));
#endif
}

// One of a series of callbacks that a library runs one after the other, on threads of its choice.
class OneAfterTheOther {
public:
    explicit OneAfterTheOther(const void* series) : series_(series) { take_over(series_); }
    ~OneAfterTheOther() { hand_over(series_); }
    OneAfterTheOther(const OneAfterTheOther&) = delete;
    OneAfterTheOther& operator=(const OneAfterTheOther&) = delete;

private:
    const void* series_;
};

}  // namespace sallyport
