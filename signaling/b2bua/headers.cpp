#include "signaling/b2bua/headers.h"

#include <algorithm>
#include <array>
#include <string_view>

#include "control/config/header_rule.h"

namespace sallyport::b2bua {
namespace {

using sip::HeaderName;

// Of the fields this node knows by name, only these say something from one user to the other.
constexpr std::array end_to_end{
    HeaderName::accept_language,
    HeaderName::alert_info,
    HeaderName::date,
    HeaderName::geolocation,
    HeaderName::geolocation_routing,
    HeaderName::identity,
    HeaderName::organization,
    HeaderName::p_early_media,  // RFC 5009: what a party says of media before the answer is for the other one
    HeaderName::priority,
    HeaderName::subject,
    HeaderName::user_to_user,
};

// Of those, what says nothing of who sends it. Identity would (RFC 8224: the caller's number, signed).
constexpr std::array impersonal{
    HeaderName::accept_language, HeaderName::alert_info, HeaderName::date,
    HeaderName::p_early_media,   HeaderName::priority,
};

// RFC 7852 5: what somebody knows about an emergency. Any other Call-Info is about a caller, at a place of his side.
bool is_additional_data(std::string_view call_info) {
    constexpr std::string_view kind = "EmergencyCallData.";
    const auto parsed = sip::parse_name_addr(call_info);
    if (!parsed.has_value()) return false;
    return sip::equal_ignoring_case(parsed->parameters.value("purpose").value_or("").substr(0, kind.size()), kind);
}

}  // namespace

bool crosses(const sip::Field& field, Sender sender) {
    if (sender == Sender::hidden)
        return std::find(impersonal.begin(), impersonal.end(), field.name) != impersonal.end();
    if (field.name != HeaderName::other)
        return std::find(end_to_end.begin(), end_to_end.end(), field.name) != end_to_end.end();
    // P- headers belong to a trust domain (RFC 5727). What no rule may touch speaks of a hop, a dialog, a body, an
    // identity or a place.
    if (sip::equal_ignoring_case(field.name_text.substr(0, 2), "p-")) return false;
    return config::reserved_header(field.name_text).empty();
}

namespace {

// `take(name, value)` each field that crosses.
template <class F>
void each_crossing(const sip::Message& from, Sender sender, F&& take) {
    if (sender == Sender::known)
        for (const auto value : from.each(HeaderName::call_info))
            if (is_additional_data(value)) take(sip::to_string(HeaderName::call_info), value);
    for (std::size_t i = 0; i < from.field_count(); ++i) {
        const auto field = from.field(i);
        if (!crosses(field, sender)) continue;
        take(field.name == HeaderName::other ? field.name_text : sip::to_string(field.name), field.value);
    }
}

}  // namespace

void copy_crossing(const sip::Message& from, sip::Composer& to, Sender sender, EarlyMediaTold told) {
    const auto early_media = sip::to_string(HeaderName::p_early_media);
    each_crossing(from, sender, [&](std::string_view name, std::string_view value) {
        if (told == EarlyMediaTold::yes || name != early_media) to.add(name, value);
    });
}

std::vector<policy::HeaderField> crossing_fields(const sip::Message& from, Sender sender) {
    std::vector<policy::HeaderField> out;
    each_crossing(from, sender, [&](std::string_view name, std::string_view value) {
        out.push_back({std::string(name), std::string(value)});
    });
    return out;
}

void keep_impersonal(std::vector<policy::HeaderField>& fields) {
    std::erase_if(fields, [](const policy::HeaderField& field) {
        return !crosses({sip::header_name_from(field.name), field.name, field.value}, Sender::hidden);
    });
}

}  // namespace sallyport::b2bua
