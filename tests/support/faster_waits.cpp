// For a program that faketime(1) gives a faster clock: libfaketime knows every way to wait for a moment of that clock
// but pthread_cond_clockwait, which std::condition_variable uses, and timerfd, which Asio does. Loaded before
// libfaketime; FASTER is how many times as fast.
#include <dlfcn.h>
#include <pthread.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>

namespace {

constexpr long long second = 1'000'000'000;

long long nanoseconds(const timespec& time) { return time.tv_sec * second + time.tv_nsec; }

double faster() {
    static const double factor = std::max(1.0, std::atof(std::getenv("FASTER")));
    return factor;
}

}  // namespace

extern "C" int pthread_cond_clockwait(pthread_cond_t* condition, pthread_mutex_t* mutex, clockid_t clock,
                                      const timespec* until) {
    using Wait = int (*)(pthread_cond_t*, pthread_mutex_t*, clockid_t, const timespec*);
    static const auto wait = reinterpret_cast<Wait>(dlsym(RTLD_NEXT, "pthread_cond_clockwait"));
    timespec shown{}, real{};
    clock_gettime(clock, &shown);              // libfaketime's
    syscall(SYS_clock_gettime, clock, &real);  // the kernel's
    const auto rest = static_cast<double>(std::max(0LL, nanoseconds(*until) - nanoseconds(shown))) / faster();
    const long long end = nanoseconds(real) + static_cast<long long>(rest);
    const timespec there{end / second, end % second};
    return wait(condition, mutex, clock, &there);
}

// Those that name a moment, not a time from now, are Asio's way to be woken at once.
extern "C" int timerfd_settime(int descriptor, int flags, const itimerspec* wanted, itimerspec* before) {
    const auto shorter = [](const timespec& time) {
        const auto real =
            nanoseconds(time) == 0
                ? 0
                : std::max(1LL, static_cast<long long>(static_cast<double>(nanoseconds(time)) / faster()));
        return timespec{real / second, real % second};
    };
    itimerspec real = *wanted;
    if ((flags & TFD_TIMER_ABSTIME) == 0) real = {shorter(wanted->it_interval), shorter(wanted->it_value)};
    return static_cast<int>(syscall(SYS_timerfd_settime, descriptor, flags, &real, before));
}
