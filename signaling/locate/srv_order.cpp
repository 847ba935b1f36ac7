#include "signaling/locate/srv_order.h"

#include <algorithm>
#include <cstdint>

namespace sallyport::locate {
namespace {

using Position = std::vector<SrvRecord>::iterator;

// Moves one record of [begin, end) to begin: RFC 2782 wants those of weight 0 first and a number from 0 to the sum.
void draw_one(Position begin, Position end, RandomSource& random) {
    std::stable_partition(begin, end, [](const SrvRecord& r) { return r.weight == 0; });
    std::uint32_t sum = 0;
    for (auto it = begin; it != end; ++it) sum += it->weight;
    const std::uint32_t lot = random.below(sum + 1);
    std::uint32_t running = 0;
    for (auto it = begin; it != end; ++it) {
        running += it->weight;
        if (running >= lot) {
            std::rotate(begin, it, it + 1);
            return;
        }
    }
}

}  // namespace

std::vector<SrvRecord> in_order_of_use(std::vector<SrvRecord> records, RandomSource& random) {
    std::stable_sort(records.begin(), records.end(),
                     [](const SrvRecord& a, const SrvRecord& b) { return a.priority < b.priority; });
    // Bounded before the drawing, which is quadratic; the sum of the weights then fits 32 bits easily.
    if (records.size() > limits::srv_records) records.resize(limits::srv_records);
    for (auto group = records.begin(); group != records.end();) {
        const auto end =
            std::find_if(group, records.end(), [&](const SrvRecord& r) { return r.priority != group->priority; });
        const auto next = end;
        for (; group != end; ++group) draw_one(group, end, random);
        group = next;
    }
    return records;
}

}  // namespace sallyport::locate
