#include "signaling/b2bua/cause.h"

#include <array>
#include <optional>
#include <utility>

namespace sallyport::b2bua {
namespace {

struct NamedCause {
    std::string_view protocol;  // "Q.850" or "SIP"
    std::uint16_t cause;
};

std::optional<NamedCause> named_cause(std::string_view reason) {
    const auto end = reason.find(';');
    if (end == reason.npos) return std::nullopt;
    std::string_view protocol = reason.substr(0, end);
    while (!protocol.empty() && protocol.back() == ' ') protocol.remove_suffix(1);
    const auto parameters = sip::view_parameters(reason.substr(end));
    if (!parameters.has_value()) return std::nullopt;
    const auto value = parameters->value("cause");
    if (!value) return std::nullopt;
    const auto number = sip::parse_number(*value);
    if (!number.has_value() || *number > 999) return std::nullopt;
    if (sip::equal_ignoring_case(protocol, "Q.850")) return NamedCause{"Q.850", static_cast<std::uint16_t>(*number)};
    if (sip::equal_ignoring_case(protocol, "SIP")) return NamedCause{"SIP", static_cast<std::uint16_t>(*number)};
    return std::nullopt;
}

}  // namespace

std::uint16_t q850_of_status(std::uint16_t status) {
    constexpr std::array<std::pair<std::uint16_t, std::uint16_t>, 34> table{{
        {200, 16},  {400, 41}, {401, 21},  {402, 21},  {403, 21}, {404, 1},   {405, 63},  {406, 79},  {407, 21},
        {408, 102}, {410, 22}, {413, 127}, {414, 127}, {415, 79}, {416, 127}, {420, 127}, {421, 127}, {423, 127},
        {480, 18},  {481, 41}, {482, 25},  {483, 25},  {484, 28}, {485, 1},   {486, 17},  {487, 16},  {488, 65},
        {500, 41},  {502, 38}, {503, 41},  {504, 102}, {600, 17}, {603, 21},  {604, 1},
    }};
    for (const auto& [sip, q850] : table)
        if (sip == status) return q850;
    return status == 606 ? 65 : 127;  // interworking, unspecified
}

std::uint16_t relayed_status(std::uint16_t status, bool towards_pbx) {
    if (status < 400) return 480;
    switch (status) {
        case 403: return towards_pbx ? 603 : 403;
        case 503: return towards_pbx ? 503 : 500;  // the core's would take this node for what its PBX lacks
        case 487: return 480;                      // nobody on this leg has cancelled
        case 415: return 488;
        case 401:
        case 407:
        case 405:
        case 416:
        case 420:
        case 421:
        case 422:
        case 423:
        case 481:
        case 485:
        case 489:
        case 491:
        case 493:
        case 494: return 500;
        default: return status > 699 ? 500 : status;
    }
}

std::string q850_reason(std::uint16_t cause) { return "Q.850;cause=" + std::to_string(cause); }

std::string relayed_reason(const sip::Message& message) {
    std::string out;
    for (const auto value : message.each(sip::HeaderName::reason)) {
        const auto cause = named_cause(value);
        if (!cause || (cause->protocol == "SIP" && cause->cause > 699)) continue;
        if (!out.empty()) out += ", ";
        out += std::string(cause->protocol) + ";cause=" + std::to_string(cause->cause);
    }
    return out;
}

std::uint16_t q850_of(const sip::Message& message) {
    for (const auto value : message.each(sip::HeaderName::reason))
        if (const auto cause = named_cause(value); cause && cause->protocol == "Q.850" && cause->cause <= 127)
            return cause->cause;
    return 0;
}

}  // namespace sallyport::b2bua
