// ITU-T G.107, the E-model, as far as a relay can feed it: loss, delay and the codec; everything else is as the
// Recommendation's default values have it. Knows no stream. Loss counts as random (BurstR 1): bursts sound worse.
#pragma once

#include <optional>
#include <string_view>

#include "control/base/time.h"

namespace sallyport::media::e_model {

struct Equipment {
    double impairment = 0;  // Ie, 0 to 95
    double robustness = 1;  // Bpl: how much loss it bears
};
// ITU-T G.113 Appendix I, by encoding name (RFC 3551, any case); PCMU and PCMA with loss concealment. G.722 goes by
// what G.711 has: the scale of narrowband has nothing better. Nothing: no voice, or none that G.113 has values for.
std::optional<Equipment> equipment_of(std::string_view codec);

// R, 0 to 93.2. `loss`: 0 to 1 of the packets; `delay`: from mouth to ear, one way.
double rating(const Equipment& equipment, double loss, Duration delay);
// G.107 Annex B: 1 to 4.5.
double mos(double rating);

}  // namespace sallyport::media::e_model
