#include "control/config/emergency_area.h"

#include <charconv>

namespace sallyport::config {
namespace {

std::string number(double value) {
    char digits[32];
    const auto [end, error] = std::to_chars(digits, digits + sizeof digits, value);
    return error == std::errc{} ? std::string(digits, end) : std::string("?");
}

std::string text(const Position& position) { return number(position.latitude) + ' ' + number(position.longitude); }

void append(std::string& out, std::string_view between, const std::string& text) {
    if (!out.empty()) out += between;
    out += text;
}

std::string text(const CivicArea& civic) {
    std::string out = civic.country;
    for (std::size_t i = 0; i < civic.levels.size(); ++i)
        if (!civic.levels[i].empty()) append(out, ", ", 'A' + std::to_string(i + 1) + ' ' + civic.levels[i]);
    if (!civic.postal_code.empty()) append(out, ", ", "PC " + civic.postal_code);
    return out;
}

}  // namespace

std::string EmergencyArea::to_string() const {
    std::string places, takers;
    for (const auto& one : civic) append(places, " or ", text(one));
    for (const auto& one : circles)
        append(places, " or ", "circle " + text(one.center) + " within " + number(one.radius_metres) + " m");
    for (const auto& one : polygons) {
        std::string points;
        for (const auto& point : one.points) append(points, ", ", text(point));
        append(places, " or ", "polygon " + points);
    }
    for (const auto& id : carriers) append(takers, ", ", id);
    for (const auto& choice : choices)
        append(takers, ", ",
               choice.carrier + " priority " + std::to_string(choice.priority) + " weight " +
                   std::to_string(choice.weight));
    return name + ": " + places + ", to " + takers;
}

}  // namespace sallyport::config
