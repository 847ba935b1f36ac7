// Payload types from one leg to the other: few are ever mapped, and there are tens of thousands of legs.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <memory>
#include <vector>

#include "media-plane/core/commands.h"

namespace sallyport::media {

class PayloadTypes {
public:
    static constexpr std::uint8_t unmapped = 0xff;

    // Types that it does not name pass, or are `unmapped`.
    void set(const std::vector<PayloadMap>& map, bool drop_unmapped);
    std::uint8_t operator[](std::uint8_t received) const {
        const PayloadMap* const entries = more_ ? more_.get() : few_.data();
        for (std::size_t i = 0; i < count_; ++i)
            if (entries[i].from == received) return entries[i].to;
        return drops_ ? unmapped : received;
    }
    bool changes_any() const { return changes_; }

private:
    std::array<PayloadMap, 6> few_{};  // all, if there are no more of them
    std::uint8_t count_ = 0;
    bool drops_ = false, changes_ = false;
    std::unique_ptr<PayloadMap[]> more_;
};

inline void PayloadTypes::set(const std::vector<PayloadMap>& map, bool drop_unmapped) {
    std::vector<PayloadMap> last;  // said twice, the last word counts
    for (const PayloadMap& entry : map) {
        std::erase_if(last, [&](const PayloadMap& before) { return before.from == entry.from; });
        last.push_back(entry);
    }
    drops_ = drop_unmapped;
    changes_ = drop_unmapped ||
               std::any_of(last.begin(), last.end(), [](const PayloadMap& entry) { return entry.from != entry.to; });
    count_ = static_cast<std::uint8_t>(last.size());  // of 128 that there are
    more_ = last.size() > few_.size() ? std::make_unique<PayloadMap[]>(last.size()) : nullptr;
    std::copy(last.begin(), last.end(), more_ ? more_.get() : few_.data());
}

}  // namespace sallyport::media
