// When this shard has more to do than it can, and what then is refused (RFC 5390, RFC 6357). It watches how long the
// shard has had no moment of rest, and refuses a growing share of the least work first. Reads no message, sends
// nothing.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "control/base/time.h"

namespace sallyport::policy {

// In order of worth.
enum class WorkClass : std::uint8_t {
    emergency,  // never refused for load
    in_dialog,  // of calls that are up, responses, what ends something: nor this
    refresh,    // REGISTER over the flow of a live binding: cheap, and a lost binding is a PBX that nobody can call
    new_work,   // a new call, or the answer to a challenge, which has been paid for
    rest,       // a first REGISTER, OPTIONS, everything else
};
inline constexpr std::size_t work_class_count = 5;
std::string_view to_string(WorkClass work);

class Overload {
public:
    // `tolerated`: a busy spell of this length is no overload. A shard of which 90 % is used has spells of a
    // millisecond.
    explicit Overload(Duration tolerated) : tolerated_(tolerated) {}

    // A message is about to be handled, in a spell of work without rest that has lasted so long.
    void observe(Duration busy, TimePoint now);
    // Whether it is taken; the refused ones are spread evenly.
    bool admit(WorkClass work);

    // 0: everything is taken; up to 0.5 more and more of `rest` is refused, up to 1 of `new_work` too.
    double level() const { return level_; }
    static double refused_share(WorkClass work, double level);

private:
    void close_interval();

    // Long enough that a machine which sleeps for a moment is not taken for an overloaded one.
    static constexpr Duration interval = 100ms;
    static constexpr int standing_intervals = 3;        // in a row, before anything is refused
    static constexpr std::uint32_t least_messages = 8;  // in an interval that counts as busy
    static constexpr double step_up = 0.1, step_down = 0.05;
    // Some of everything is taken always, so that whoever keeps trying gets through.
    static constexpr double most_refused = 0.98;

    Duration tolerated_;
    double level_ = 0;
    TimePoint interval_end_{};
    Duration shortest_ = Duration::max();
    std::uint32_t messages_ = 0;
    int standing_ = 0;
    std::array<double, work_class_count> owed_{};  // share of a message that is yet to be refused
};

}  // namespace sallyport::policy
