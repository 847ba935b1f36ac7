#include "signaling/app/pulse.h"

#include <algorithm>

namespace sallyport::app {

Pulse::Pulse(io::Shards& shards, TimePoint now) : shards_(shards) {
    for (std::uint32_t i = 0; i < shards.size(); ++i) {
        beats_.push_back(std::make_shared<Beat>());
        beats_.back()->answered = now.time_since_epoch().count();
    }
}

void Pulse::ask(TimePoint now) {
    for (std::uint32_t i = 0; i < shards_.size(); ++i) {
        const auto beat = beats_[i];
        if (beat->asked.exchange(true)) continue;
        const io::Task task = [beat, at = now.time_since_epoch().count()](stack::Stack&) {
            beat->answered = at;
            beat->asked = false;
        };
        shards_.at(i).post(task);
    }
}

bool Pulse::all_alive(TimePoint now) const {
    return std::all_of(beats_.begin(), beats_.end(), [&](const auto& beat) {
        return now.time_since_epoch() - Duration(beat->answered.load()) < patience;
    });
}

}  // namespace sallyport::app
