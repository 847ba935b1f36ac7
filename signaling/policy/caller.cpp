#include "signaling/policy/caller.h"

#include <algorithm>

#include "signaling/policy/numbering.h"
#include "signaling/policy/redirecting.h"
#include "signaling/sip/privacy.h"

namespace sallyport::policy {

bool asks_for_unknown_privacy(const sip::Message& request) {
    const auto privacy = sip::privacy_of(request);
    return privacy.critical && privacy.unknown;
}

bool is_anonymous(const sip::Uri& uri) {
    if (uri.scheme != sip::Scheme::sip && uri.scheme != sip::Scheme::sips) return false;
    return uri.host.ends_with(".invalid") || uri.user.empty();
}

std::optional<std::string> own_number(const sip::Uri& uri, const config::Trunk& trunk) {
    const std::string_view domain = trunk.domain.empty() ? trunk.aor_domain() : std::string_view(trunk.domain);
    auto number = calling_number(uri, trunk.numbering, domain);
    return number && trunk.owns(*number) ? std::move(number) : std::nullopt;
}

std::optional<std::string> forwarding_number(const sip::Message& invite, const config::Trunk& trunk) {
    const auto party = redirecting_party(invite);
    return party ? own_number(*party, trunk) : std::nullopt;
}

std::optional<std::string> named_caller(const sip::Message& invite, const config::Trunk& trunk) {
    const auto named = [&](sip::HeaderName header) -> std::optional<std::string> {
        for (const auto value : invite.values(header)) {
            const auto identity = sip::parse_name_addr(value);
            if (!identity.has_value()) continue;
            if (auto own = own_number(identity->uri, trunk)) return own;
        }
        return std::nullopt;
    };
    if (auto own = named(sip::HeaderName::p_asserted_identity)) return own;
    if (!trunk.identity.ignore_preferred)
        if (auto own = named(sip::HeaderName::p_preferred_identity)) return own;
    if (auto own = own_number(sip::own(invite.from().uri), trunk)) return own;
    return forwarding_number(invite, trunk);
}

std::string own_caller(const sip::Message& invite, const config::Trunk& trunk) {
    auto named = named_caller(invite, trunk);
    return named ? std::move(*named) : default_number(trunk);
}

bool calls_as_itself(const sip::Message& invite, const config::Trunk& trunk) {
    const sip::Uri from = sip::own(invite.from().uri);
    if (!is_anonymous(from) && !own_number(from, trunk)) return false;
    const auto asserted = invite.values(sip::HeaderName::p_asserted_identity);
    if (asserted.empty()) return true;
    return std::any_of(asserted.begin(), asserted.end(), [&](std::string_view value) {
        const auto identity = sip::parse_name_addr(value);
        return identity.has_value() && own_number(identity->uri, trunk);
    });
}

std::string default_number(const config::Trunk& trunk) {
    if (!trunk.identity.default_number.empty()) return trunk.identity.default_number;
    return trunk.numbers.empty() ? std::string() : trunk.numbers.front().first;
}

}  // namespace sallyport::policy
