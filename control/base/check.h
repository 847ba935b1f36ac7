// SALLYPORT_CHECK: a broken invariant ends the process, in release too. Never for bad input: bad input is a value.
#pragma once

#include <cstdio>
#include <cstdlib>

namespace sallyport {

[[noreturn]] inline void check_failed(const char* expression, const char* file, int line) {
    std::fprintf(stderr, "%s:%d: broken invariant: %s\n", file, line, expression);
    std::abort();
}

}  // namespace sallyport

#define SALLYPORT_CHECK(condition) \
    ((condition) ? static_cast<void>(0) : ::sallyport::check_failed(#condition, __FILE__, __LINE__))
