#include "signaling/app/heap.h"

#ifdef SALLYPORT_TCMALLOC
#include <gperftools/malloc_extension.h>
#include <sys/mman.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <new>
#endif

namespace sallyport::app {

#ifdef SALLYPORT_TCMALLOC
namespace {

constexpr std::size_t huge = 2u << 20;

constexpr std::uintptr_t rounded_up(std::uintptr_t n, std::size_t to) { return (n + to - 1) / to * to; }

// Regions that begin and end with a huge page. The heap holds its lock, and gives nothing back.
class HugeRegions final : public SysAllocator {
public:
    void* Alloc(std::size_t size, std::size_t* actual, std::size_t alignment) override {
        const std::size_t bytes = rounded_up(size, huge), to = std::max(alignment, huge);
        void* const got =
            mmap(nullptr, bytes + to, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        if (got == MAP_FAILED) return nullptr;
        const auto begin = reinterpret_cast<std::uintptr_t>(got), from = rounded_up(begin, to);
        if (from > begin) munmap(got, from - begin);
        if (const std::size_t rest = begin + to - from; rest > 0) munmap(reinterpret_cast<void*>(from + bytes), rest);
        void* const region = reinterpret_cast<void*>(from);
        madvise(region, bytes, MADV_HUGEPAGE);
        if (actual != nullptr) *actual = bytes;
        return region;
    }
};

}  // namespace

void use_huge_pages() {
    alignas(
        HugeRegions) static std::byte place[sizeof(HugeRegions)];  // never destroyed: memory is asked for to the end
    MallocExtension::instance()->SetSystemAllocator(new (place) HugeRegions);
}
#else
void use_huge_pages() {}
#endif

}  // namespace sallyport::app
