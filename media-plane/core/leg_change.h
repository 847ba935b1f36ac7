// What signaling wants of one leg: checked, with its SRTP contexts made, before anything is applied; so that a command
// with one bad field changes nothing at all.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "media-plane/core/barred.h"
#include "media-plane/core/leg.h"

namespace sallyport::media {

struct Refusal {
    Code code = Code::invalid;
    std::string text;  // which field, and why
};

class LegChanges {
public:
    LegChanges(srtp::Engine& engine, const Barred& barred) : engine_(engine), barred_(barred) {}

    // `current`: the leg as it is, or nullptr for one that is still to be made. `local`: our address on its side, on
    // `port`.
    // The change is kept by reference until apply().
    std::optional<Refusal> prepare(const LegChange& change, const Leg* current, const IpAddress& local,
                                   MediaPortIndex port);
    // All that were prepared, each on leg_of(stream, side). Cannot fail; the legs still have to be settled.
    template <class LegOf>
    void apply(LegOf&& leg_of, TimePoint now) {
        for (Prepared& p : prepared_) apply(p, leg_of(p.change->stream, p.change->side), now);
        prepared_.clear();
    }

private:
    struct Prepared {
        const LegChange* change = nullptr;
        std::unique_ptr<srtp::CryptoContext> receive, send;  // new ones; none: the old key stays, or there is none
    };
    std::optional<Refusal> make_contexts(const Keys& keys, const Leg* current, const std::string& where, Prepared& out);
    void apply(Prepared& prepared, Leg& leg, TimePoint now);
    void apply_keys(const Keys& keys, Prepared& prepared, Leg& leg, bool peer_moved, TimePoint now);

    srtp::Engine& engine_;
    const Barred& barred_;
    std::vector<Prepared> prepared_;
};

}  // namespace sallyport::media
