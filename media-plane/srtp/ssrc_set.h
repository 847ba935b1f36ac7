// The SSRCs that one crypto context holds state for, with the order of their use. The first has its place in the
// set, since most calls have no other; each further one allocates.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "media-plane/srtp/key_use.h"

namespace sallyport::srtp {

// How far one SSRC's key has been used.
struct SsrcCount {
    // resumed: it has been used up to `index` before this context was made, and not yet since.
    enum class State : std::uint8_t { fresh, resumed, counting };
    std::uint32_t ssrc = 0;
    State state = State::fresh;
    // Its count did not begin at zero here: it was resumed, or had turned before its first packet reached us.
    bool begun_elsewhere = false;
    bool carried = false;     // counted under the key before this one, and nothing came or went under this one yet
    std::uint64_t index = 0;  // the highest so far
    std::uint64_t floor = 0;  // below it, indices may have been used before this context was made: refused

    // The index that a packet will have; nothing if it is, or may be, from before a restart.
    std::optional<std::uint64_t> next(std::uint16_t sequence) const {
        if (state == State::resumed) return index_after_gap(index, sequence);
        const std::uint64_t likely = estimated_index(index, sequence);
        return likely >= floor ? std::optional(likely) : std::nullopt;
    }
    // Outbound: the lowest index that its next packet can have for sure. Sequence numbers that go on from there need no
    // gap to be guessed.
    std::uint64_t goes_on_at() const {
        return std::min(index + (state == State::resumed ? limits::resume_margin : 1), limits::packet_index + 1);
    }
    // Outbound: nobody knows which indices below `lowest` its key was used with; 0: none.
    void begin_at(std::uint64_t lowest) {
        if (lowest == 0) return;
        state = State::resumed;
        begun_elsewhere = true;
        index = lowest - 1;
    }
    // The key has changed: the count goes on (RFC 3711 3.3.1), what it has passed may come.
    void carry() {
        carried = state != State::fresh;
        begun_elsewhere = false;
        floor = 0;
    }
    // Its sender began again at zero with the new key.
    void begin_again() {
        state = State::fresh;
        carried = false;
        index = 0;
    }
    // That packet is authentic, or has been sent. True if this is worth telling whoever would have to go on with the
    // key.
    bool count(std::uint64_t used) {
        const bool first = state != State::counting || carried;
        if (!first && used <= index) return false;
        if (begun_elsewhere && (first || used - index > limits::resumed_reordering)) floor = used;
        const bool news = first || used / limits::news_every != index / limits::news_every;
        state = State::counting;
        carried = false;
        index = used;
        return news;
    }
};

struct NothingMore {};

// Of each SSRC its count, and what else an engine needs.
template <class More = NothingMore>
class SsrcSet {
public:
    struct Entry : SsrcCount, More {
        std::uint64_t used = 0;  // the value of changes_ when it was last turned to
    };

    std::size_t size() const { return count_; }
    Entry& operator[](std::size_t i) { return i == 0 ? first_ : others_[i - 1]; }
    const Entry& operator[](std::size_t i) const { return i == 0 ? first_ : others_[i - 1]; }
    Entry* find(std::uint32_t ssrc) {
        if (count_ > 0 && (*this)[last_].ssrc == ssrc) return &(*this)[last_];
        for (std::size_t i = 0; i < count_; ++i)
            if ((*this)[i].ssrc == ssrc) return &(*this)[i];
        return nullptr;
    }
    const Entry* find(std::uint32_t ssrc) const { return const_cast<SsrcSet*>(this)->find(ssrc); }
    // If held, it becomes the one used last.
    Entry* touch(std::uint32_t ssrc) {
        if (count_ > 0 && (*this)[last_].ssrc == ssrc) return &(*this)[last_];
        for (std::size_t i = 0; i < count_; ++i)
            if ((*this)[i].ssrc == ssrc) return &use(i);
        return nullptr;
    }
    Entry& insert(std::uint32_t ssrc) {  // one that is not held; entries found before may have moved
        if (count_ > others_.size()) others_.emplace_back();
        Entry& entry = (*this)[count_];
        entry = Entry{};
        entry.ssrc = ssrc;
        return use(count_++);
    }
    std::uint32_t remove_oldest() {  // the one used longest ago; size() is above zero
        std::size_t oldest = 0;
        for (std::size_t i = 1; i < count_; ++i)
            if ((*this)[i].used < (*this)[oldest].used) oldest = i;
        return remove(oldest);
    }
    // The one whose count is lowest, but for the one used last; size() is above one.
    std::size_t lowest() const {
        std::size_t found = last_ == 0 ? 1 : 0;
        for (std::size_t i = found + 1; i < count_; ++i)
            if (i != last_ && (*this)[i].index < (*this)[found].index) found = i;
        return found;
    }
    // Outbound: where one begins that is not held, the one with the lowest count making room; see KeyUse.
    std::uint64_t begins_at(std::uint64_t unlisted_from) const {
        if (size() < limits::outbound_ssrcs) return unlisted_from;
        return std::max(unlisted_from, (*this)[lowest()].goes_on_at());
    }
    std::uint32_t remove(std::size_t i) {  // the last one takes its place
        const std::uint32_t gone = (*this)[i].ssrc;
        --count_;
        if (i != count_) (*this)[i] = (*this)[count_];
        last_ = 0;
        for (std::size_t other = 1; other < count_; ++other)
            if ((*this)[other].used > (*this)[last_].used) last_ = static_cast<std::uint8_t>(other);
        return gone;
    }

private:
    Entry& use(std::size_t i) {
        last_ = static_cast<std::uint8_t>(i);
        (*this)[i].used = ++changes_;
        return (*this)[i];
    }
    static_assert(limits::inbound_ssrcs < 256 && limits::outbound_ssrcs < 256);
    std::uint8_t count_ = 0, last_ = 0;
    Entry first_{};  // beside what says that it is the one
    std::uint64_t changes_ = 0;
    std::vector<Entry> others_;
};

}  // namespace sallyport::srtp
