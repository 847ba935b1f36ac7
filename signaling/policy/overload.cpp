#include "signaling/policy/overload.h"

#include <algorithm>

#include "control/base/check.h"

namespace sallyport::policy {

std::string_view to_string(WorkClass work) {
    switch (work) {
        case WorkClass::emergency: return "emergency";
        case WorkClass::in_dialog: return "in_dialog";
        case WorkClass::refresh: return "refresh";
        case WorkClass::new_work: return "new_work";
        case WorkClass::rest: return "rest";
    }
    SALLYPORT_CHECK(false);
}

void Overload::observe(Duration busy, TimePoint now) {
    if (now >= interval_end_) {
        // What was quiet for long has no standing queue, whatever it was before.
        if (now - interval_end_ > 10 * interval) {
            level_ = 0;
            standing_ = 0;
        } else {
            close_interval();
        }
        interval_end_ = now + interval;
        shortest_ = Duration::max();
        messages_ = 0;
    }
    shortest_ = std::min(shortest_, busy);
    ++messages_;
}

// The shortest spell counts: one moment of rest within an interval means that the queue was empty.
void Overload::close_interval() {
    const bool busy = messages_ >= least_messages && shortest_ > tolerated_;
    standing_ = busy ? standing_ + 1 : 0;
    if (standing_ >= standing_intervals)
        level_ = std::min(1.0, level_ + step_up);
    else if (!busy)
        level_ = std::max(0.0, level_ - step_down);
}

double Overload::refused_share(WorkClass work, double level) {
    switch (work) {
        case WorkClass::emergency:
        case WorkClass::in_dialog:
        case WorkClass::refresh: return 0;
        case WorkClass::new_work: return std::clamp(2 * level - 1, 0.0, most_refused);
        case WorkClass::rest: return std::clamp(2 * level, 0.0, most_refused);
    }
    SALLYPORT_CHECK(false);
}

bool Overload::admit(WorkClass work) {
    double& owed = owed_[static_cast<std::size_t>(work)];
    owed += refused_share(work, level_);
    if (owed < 1) return true;
    owed -= 1;
    return false;
}

}  // namespace sallyport::policy
