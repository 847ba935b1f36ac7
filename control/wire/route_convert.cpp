// Routes, and the areas of calls for help, between the API's messages and the model.
#include "control/wire/access_convert.h"
#include "control/wire/config_convert.h"

namespace sallyport::wire {
namespace {

using config::FieldErrors;

std::uint16_t small(std::uint32_t value, std::string field, FieldErrors& errors) {
    if (value > 65'535) errors.push_back({std::move(field), std::to_string(value) + " is out of range: 0 to 65535"});
    return static_cast<std::uint16_t>(value > 65'535 ? 0 : value);
}

std::string carrier_from(const std::string& name, const std::string& field, FieldErrors& errors) {
    constexpr std::string_view collection = "carriers/";
    if (name.starts_with(collection)) return name.substr(collection.size());
    errors.push_back({field, '"' + name.substr(0, 80) + "\" is no carrier's name, e.g. \"carriers/core\""});
    return name;
}

template <class Names>
std::vector<std::string> carriers_from(const Names& names, const std::string& list, FieldErrors& errors) {
    std::vector<std::string> ids;
    for (const auto& name : names) ids.push_back(carrier_from(name, at(list, static_cast<int>(ids.size())), errors));
    return ids;
}

template <class Messages>
std::vector<config::RouteChoice> choices_from(const Messages& messages, const std::string& list, FieldErrors& errors) {
    std::vector<config::RouteChoice> choices;
    for (const auto& message : messages) {
        const auto field = at(list, static_cast<int>(choices.size()));
        choices.push_back({carrier_from(message.carrier(), field + ".carrier", errors),
                           small(message.priority(), field + ".priority", errors),
                           small(message.weight(), field + ".weight", errors)});
    }
    return choices;
}

template <class Message>
void carriers_to(const std::vector<std::string>& ids, Message& message) {
    for (const auto& id : ids) message.add_carriers("carriers/" + id);
}

template <class Message>
void choices_to(const std::vector<config::RouteChoice>& choices, Message& message) {
    for (const auto& choice : choices) {
        auto& out = *message.add_choices();
        out.set_carrier("carriers/" + choice.carrier);
        out.set_priority(choice.priority);
        out.set_weight(choice.weight);
    }
}

config::Position position_from(const pb::Position& message) { return {message.latitude(), message.longitude()}; }

void position_to(const config::Position& position, pb::Position& message) {
    message.set_latitude(position.latitude);
    message.set_longitude(position.longitude);
}

config::EmergencyArea area_from(const pb::EmergencyArea& message, const std::string& field, FieldErrors& errors) {
    config::EmergencyArea area;
    area.name = message.name();
    for (const auto& civic : message.civic())
        area.civic.push_back({civic.country(),
                              {civic.a1(), civic.a2(), civic.a3(), civic.a4(), civic.a5(), civic.a6()},
                              civic.postal_code()});
    for (const auto& circle : message.circles())
        area.circles.push_back({position_from(circle.center()), circle.radius_metres()});
    for (const auto& polygon : message.polygons()) {
        auto& points = area.polygons.emplace_back().points;
        for (const auto& point : polygon.points()) points.push_back(position_from(point));
    }
    area.carriers = carriers_from(message.carriers(), field + ".carriers", errors);
    area.choices = choices_from(message.choices(), field + ".choices", errors);
    return area;
}

void area_to(const config::EmergencyArea& area, pb::EmergencyArea& message) {
    message.set_name(area.name);
    for (const auto& civic : area.civic) {
        auto& out = *message.add_civic();
        out.set_country(civic.country);
        out.set_a1(civic.levels[0]);
        out.set_a2(civic.levels[1]);
        out.set_a3(civic.levels[2]);
        out.set_a4(civic.levels[3]);
        out.set_a5(civic.levels[4]);
        out.set_a6(civic.levels[5]);
        out.set_postal_code(civic.postal_code);
    }
    for (const auto& circle : area.circles) {
        auto& out = *message.add_circles();
        position_to(circle.center, *out.mutable_center());
        out.set_radius_metres(circle.radius_metres);
    }
    for (const auto& polygon : area.polygons) {
        auto& out = *message.add_polygons();
        for (const auto& point : polygon.points) position_to(point, *out.add_points());
    }
    carriers_to(area.carriers, message);
    choices_to(area.choices, message);
}

}  // namespace

Converted<config::Route> from_proto(const pb::Route& message) {
    Converted<config::Route> out;
    auto& [route, errors, none] = out;
    route.id = id_from(message.name(), "routes/", errors);
    route.prefix = message.prefix();
    route.carriers = carriers_from(message.carriers(), "carriers", errors);
    route.choices = choices_from(message.choices(), "choices", errors);
    route.prefixes.assign(message.prefixes().begin(), message.prefixes().end());
    route.service_numbers.assign(message.service_numbers().begin(), message.service_numbers().end());
    route.price_per_minute = message.price_per_minute();
    route.use_location = message.use_location();
    for (const auto& area : message.areas())
        route.areas.push_back(area_from(area, at("areas", static_cast<int>(route.areas.size())), errors));
    route.disabled = message.disabled();
    route.revision = revision_of(message.etag());
    return out;
}

pb::Route to_proto(const config::Route& route) {
    pb::Route message;
    message.set_name("routes/" + route.id);
    message.set_etag(etag_of(route.revision));
    message.set_prefix(route.prefix);
    carriers_to(route.carriers, message);
    message.set_disabled(route.disabled);
    choices_to(route.choices, message);
    for (const auto& prefix : route.prefixes) message.add_prefixes(prefix);
    for (const auto& number : route.service_numbers) message.add_service_numbers(number);
    message.set_price_per_minute(route.price_per_minute);
    message.set_use_location(route.use_location);
    for (const auto& area : route.areas) area_to(area, *message.add_areas());
    return message;
}

}  // namespace sallyport::wire
