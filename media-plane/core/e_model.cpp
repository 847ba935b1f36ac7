#include "media-plane/core/e_model.h"

#include <algorithm>
#include <array>
#include <cmath>

namespace sallyport::media::e_model {
namespace {

struct Entry {
    std::string_view codec;
    Equipment equipment;
};
constexpr std::array entries{
    Entry{"PCMU", {0, 25.1}},  Entry{"PCMA", {0, 25.1}}, Entry{"G722", {0, 25.1}},  Entry{"G729", {11, 19}},
    Entry{"G723", {15, 16.1}}, Entry{"AMR", {5, 10}},    Entry{"GSM-EFR", {5, 10}},
};

// Ro less Is, at the default values of G.107 Table 2: what is left without delay, loss and codec.
constexpr double undisturbed = 93.2;

bool same(std::string_view a, std::string_view b) {
    const auto upper = [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c; };
    return std::equal(a.begin(), a.end(), b.begin(), b.end(), [&](char x, char y) { return upper(x) == upper(y); });
}

// G.107 7.4: Idd. Echo is the peers' affair (TELR 65 dB hides its share below 0.2).
double delay_impairment(Duration delay) {
    const double milliseconds = std::chrono::duration<double, std::milli>(delay).count();
    if (milliseconds <= 100) return 0;
    const double x = std::log2(milliseconds / 100);
    return 25 * (std::pow(1 + std::pow(x, 6), 1.0 / 6) - 3 * std::pow(1 + std::pow(x / 3, 6), 1.0 / 6) + 2);
}

}  // namespace

std::optional<Equipment> equipment_of(std::string_view codec) {
    for (const Entry& entry : entries)
        if (same(entry.codec, codec)) return entry.equipment;
    return std::nullopt;
}

double rating(const Equipment& equipment, double loss, Duration delay) {
    const double percent = 100 * std::clamp(loss, 0.0, 1.0);
    // G.107 7.5: Ie,eff
    const double impairment =
        equipment.impairment + (95 - equipment.impairment) * percent / (percent + equipment.robustness);
    return std::clamp(undisturbed - delay_impairment(delay) - impairment, 0.0, 100.0);
}

double mos(double rating) {
    if (rating <= 0) return 1;
    if (rating >= 100) return 4.5;
    return std::max(1.0, 1 + 0.035 * rating + rating * (rating - 60) * (100 - rating) * 7e-6);
}

}  // namespace sallyport::media::e_model
