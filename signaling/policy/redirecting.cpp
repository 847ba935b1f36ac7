#include "signaling/policy/redirecting.h"

#include <algorithm>
#include <string_view>
#include <vector>

#include "signaling/sip/fields.h"

namespace sallyport::policy {
namespace {

using sip::HeaderName;
using sip::NameAddr;

std::vector<NameAddr> entries(const sip::Message& invite, HeaderName header) {
    std::vector<NameAddr> out;
    for (const auto value : invite.values(header)) {
        auto parsed = sip::parse_name_addr(value);
        if (parsed.has_value()) out.push_back(std::move(*parsed));
    }
    return out;
}

// RFC 7044 10.1: the Reason for which a target was left stands in its URI, "?Reason=SIP%3Bcause%3D302".
bool was_left(const NameAddr& entry) {
    constexpr std::string_view reason = "reason=";
    std::string_view headers = entry.uri.headers;
    while (!headers.empty()) {
        const auto one = headers.substr(0, headers.find('&'));
        if (sip::equal_ignoring_case(one.substr(0, reason.size()), reason)) return true;
        headers.remove_prefix(std::min(headers.size(), one.size() + 1));
    }
    return false;
}

const NameAddr* in_history(const std::vector<NameAddr>& history) {
    // "rc" and "mp" name the entry that a target came from; "np" is the same target once more.
    for (auto entry = history.rbegin(); entry != history.rend(); ++entry)
        for (const auto* from : {"rc", "mp"}) {
            const auto index = entry->parameters.value(from);
            if (!index) continue;
            const auto left = std::find_if(history.begin(), history.end(), [&](const NameAddr& other) {
                return other.parameters.value("index") == index;
            });
            if (left != history.end()) return &*left;
        }
    // RFC 4244 knew no such parameters.
    const auto left = std::find_if(history.rbegin(), history.rend(), was_left);
    return left == history.rend() ? nullptr : &*left;
}

}  // namespace

std::optional<sip::Uri> redirecting_party(const sip::Message& invite) {
    const auto history = entries(invite, HeaderName::history_info);
    if (const auto* left = in_history(history)) return left->uri;
    const auto diversions = entries(invite, HeaderName::diversion);
    if (!diversions.empty()) return diversions.front().uri;  // RFC 5806: the newest is first
    return std::nullopt;
}

std::size_t times_sent_on(const sip::Message& invite, std::string_view number) {
    const auto is_it = [&](const NameAddr& entry) { return sip::e164(entry.uri) == std::string(number); };
    const auto history = entries(invite, HeaderName::history_info);
    const auto was_mapped = [&](const NameAddr& entry) {  // "mp" of a later one; "rc" and "np" are the same number's
        const auto index = entry.parameters.value("index");
        return index && std::any_of(history.begin(), history.end(),
                                    [&](const NameAddr& other) { return other.parameters.value("mp") == index; });
    };
    const auto in_history = std::count_if(history.begin(), history.end(), [&](const NameAddr& entry) {
        return is_it(entry) && (was_mapped(entry) || was_left(entry));
    });
    const auto diversions = entries(invite, HeaderName::diversion);
    const auto diverted = std::count_if(diversions.begin(), diversions.end(), is_it);
    return static_cast<std::size_t>(std::max(in_history, diverted));  // who writes both says the same twice
}

}  // namespace sallyport::policy
