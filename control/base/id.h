// Typed ids that can go stale safely, and the slot table that hands them out.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <utility>
#include <vector>

namespace sallyport {

template <class Tag>
struct Id {
    std::uint32_t slot = 0, generation = 0;  // generation 0 names nothing
    explicit operator bool() const { return generation != 0; }
    friend bool operator==(Id, Id) = default;
    friend auto operator<=>(Id, Id) = default;
    std::uint64_t number() const { return std::uint64_t{generation} << 32 | slot; }
    static Id from_number(std::uint64_t n) {
        return {static_cast<std::uint32_t>(n), static_cast<std::uint32_t>(n >> 32)};
    }
};

// Owns its values; find() of an id whose value was erased gives nullptr, also after the slot is reused.
// Values move when the table grows: keep ids, not references, across emplace().
template <class Tag, class T>
class SlotTable {
public:
    using IdType = Id<Tag>;

    template <class... Args>
    IdType emplace(Args&&... args) {
        std::uint32_t slot;
        if (free_.empty()) {
            slot = static_cast<std::uint32_t>(slots_.size());
            slots_.emplace_back();
        } else {
            slot = free_.back();
            free_.pop_back();
        }
        Slot& s = slots_[slot];
        s.value.emplace(std::forward<Args>(args)...);
        ++size_;
        return {slot, s.generation};
    }
    T* find(IdType id) {
        if (id.slot >= slots_.size()) return nullptr;
        Slot& s = slots_[id.slot];
        return s.value && s.generation == id.generation ? &*s.value : nullptr;
    }
    const T* find(IdType id) const { return const_cast<SlotTable*>(this)->find(id); }
    bool erase(IdType id) {
        if (!find(id)) return false;
        Slot& s = slots_[id.slot];
        s.value.reset();
        if (++s.generation == 0) s.generation = 1;
        free_.push_back(id.slot);
        --size_;
        return true;
    }
    template <class F>
    void for_each(F&& f) {
        for (std::uint32_t i = 0; i < slots_.size(); ++i)
            if (slots_[i].value) f(IdType{i, slots_[i].generation}, *slots_[i].value);
    }
    template <class F>
    void for_each(F&& f) const {
        for (std::uint32_t i = 0; i < slots_.size(); ++i)
            if (slots_[i].value) f(IdType{i, slots_[i].generation}, *slots_[i].value);
    }
    std::size_t size() const { return size_; }
    bool empty() const { return size_ == 0; }

private:
    struct Slot {
        std::uint32_t generation = 1;
        std::optional<T> value;
    };
    std::vector<Slot> slots_;
    std::vector<std::uint32_t> free_;
    std::size_t size_ = 0;
};

}  // namespace sallyport

template <class Tag>
struct std::hash<sallyport::Id<Tag>> {
    std::size_t operator()(sallyport::Id<Tag> id) const noexcept { return std::hash<std::uint64_t>{}(id.number()); }
};
