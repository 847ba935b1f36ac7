#include "signaling/b2bua/identity.h"

#include <algorithm>
#include <optional>

namespace sallyport::b2bua {
namespace {

using sip::HeaderName;

constexpr std::string_view anonymous = "\"Anonymous\" <sip:anonymous@anonymous.invalid>";
constexpr std::string_view unavailable = "<sip:unavailable@unknown.invalid>";

bool wants(const sip::Message& message, std::string_view token) {
    const auto privacy = message.first(HeaderName::privacy);
    if (!privacy) return false;
    std::string_view rest = *privacy;
    while (!rest.empty()) {
        const auto end = std::min(rest.find(';'), rest.size());
        std::string_view one = rest.substr(0, end);
        while (!one.empty() && one.front() == ' ') one.remove_prefix(1);
        while (!one.empty() && one.back() == ' ') one.remove_suffix(1);
        if (sip::equal_ignoring_case(one, token)) return true;
        rest.remove_prefix(std::min(end + 1, rest.size()));
    }
    return false;
}

bool wants_anonymity(const sip::Message& message) {
    return wants(message, "id") || wants(message, "user") || wants(message, "header");
}

std::string name_addr(std::string_view display_name, std::string_view uri) {
    sip::NameAddr out;
    out.display_name = display_name;
    auto parsed = sip::parse_uri(uri);
    if (parsed.has_value()) out.uri = std::move(*parsed);
    return out.text();
}

// The first identity of the header that has a number, or the first at all.
std::optional<sip::NameAddr> best_identity(const sip::Message& message, HeaderName header) {
    std::optional<sip::NameAddr> first;
    for (const auto value : message.values(header)) {
        auto parsed = sip::parse_name_addr(value);
        if (!parsed.has_value()) continue;
        if (sip::e164(parsed->uri)) return std::move(*parsed);
        if (!first) first = std::move(*parsed);
    }
    return first;
}

bool owns(const config::Trunk& trunk, std::string_view number) {
    return std::any_of(trunk.numbers.begin(), trunk.numbers.end(), [&](const config::NumberRange& range) {
        return range.first.size() == number.size() && range.first <= number && number <= range.last;
    });
}

std::string_view domain_of(const config::Trunk& trunk) {
    if (!trunk.domain.empty()) return trunk.domain;
    return trunk.aor_domain().empty() ? std::string_view("unknown.invalid") : trunk.aor_domain();
}

// To tells the PBX which number was dialled first; it is kept as a number (SIPconnect 10.1.2).
std::string to_field(const sip::Message& invite, std::string_view called, std::string_view host) {
    const auto original = sip::e164(invite.to().uri);
    return name_addr({}, public_uri(original ? std::string_view(*original) : called, host));
}

// The identity this node can vouch for: a number of the trunk, as the PBX names it or else the trunk's first one.
std::string asserted_number(const sip::Message& invite, const config::Trunk& trunk) {
    for (const auto header : {HeaderName::p_asserted_identity, HeaderName::p_preferred_identity})
        if (const auto named = best_identity(invite, header))
            if (auto number = sip::e164(named->uri); number && owns(trunk, *number)) return *number;
    if (auto number = sip::e164(invite.from().uri); number && owns(trunk, *number)) return *number;
    return trunk.numbers.empty() ? std::string() : trunk.numbers.front().first;
}

std::string from_field_to_core(const sip::Message& invite, const config::Trunk& trunk) {
    const auto& from = invite.from();
    if (const auto number = sip::e164(from.uri))
        return name_addr(from.display_name, public_uri(*number, domain_of(trunk)));
    if (from.uri.host.ends_with(".invalid") || from.uri.user.empty()) return std::string(anonymous);
    return name_addr(from.display_name, public_uri(from.uri.user, domain_of(trunk)));
}

}  // namespace

std::string public_uri(std::string_view user, std::string_view host) {
    std::string out = "sip:" + std::string(user) + "@" + std::string(host);
    if (user.starts_with('+')) out += ";user=phone";
    return out;
}

Identity identity_to_pbx(const sip::Message& invite, std::string_view called, const config::Trunk& trunk) {
    Identity out;
    out.to = to_field(invite, called, domain_of(trunk));
    const auto asserted = best_identity(invite, HeaderName::p_asserted_identity);
    const sip::NameAddr& caller = asserted && sip::e164(asserted->uri) ? *asserted : invite.from();
    const auto number = sip::e164(caller.uri);
    out.caller = number.value_or(caller.uri.user);
    if (wants_anonymity(invite)) {
        out.from = anonymous;
        out.privacy = "id";
        return out;
    }
    if (!number) {
        out.from = invite.from().uri.host == "anonymous.invalid" ? anonymous : unavailable;
        return out;
    }
    const auto& named = !invite.from().display_name.empty() ? invite.from() : caller;
    out.from = name_addr(named.display_name, public_uri(*number, domain_of(trunk)));
    if (asserted) out.asserted = name_addr(asserted->display_name, public_uri(*number, domain_of(trunk)));
    return out;
}

Identity identity_to_core(const sip::Message& invite, std::string_view called, const config::Trunk& trunk,
                          std::string_view core_host) {
    Identity out;
    out.to = to_field(invite, called, core_host);
    out.from = from_field_to_core(invite, trunk);
    const auto number = sip::e164(invite.from().uri);
    out.caller = number.value_or(invite.from().uri.user);
    if (const std::string asserted = asserted_number(invite, trunk); !asserted.empty())
        out.asserted = name_addr(invite.from().display_name, public_uri(asserted, domain_of(trunk)));
    if (wants_anonymity(invite))
        out.privacy = "id";
    else if (wants(invite, "none"))
        out.privacy = "none";
    return out;
}

AssertedIdentity asserted_in_response(const sip::Message& response, bool from_trusted, bool to_trusted,
                                      const config::Trunk& trunk) {
    const auto named = best_identity(response, HeaderName::p_asserted_identity);
    const auto number = named ? sip::e164(named->uri) : std::nullopt;
    if (!number) return {};
    const bool hidden = wants_anonymity(response);
    const bool believed = from_trusted || owns(trunk, *number);
    if ((hidden && !to_trusted) || !believed) return {};
    // RFC 3325 9.2: whoever is trusted with the identity is told as well that it goes no further.
    return {name_addr(named->display_name, public_uri(*number, domain_of(trunk))), hidden ? "id" : ""};
}

}  // namespace sallyport::b2bua
