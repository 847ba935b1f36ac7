#include "signaling/registrar/registrar.h"

#include <algorithm>
#include <array>

#include "control/base/check.h"
#include "signaling/registrar/binding_edit.h"
#include "signaling/registrar/bulk_contact.h"
#include "signaling/sip/compose.h"

namespace sallyport::registrar {
namespace {

using sip::HeaderName;

constexpr std::array<std::string_view, 2> supported_extensions{"path", "gin"};

bool is_supported(std::string_view tag) {
    return std::any_of(supported_extensions.begin(), supported_extensions.end(),
                       [&](std::string_view known) { return sip::equal_ignoring_case(known, tag); });
}

// RFC 3261 8.2.2.3, and 16.3 for the proxy that this node is as well. Empty: everything is understood.
std::string unsupported_extensions(const sip::Message& request) {
    std::string list;
    for (const HeaderName name : {HeaderName::require, HeaderName::proxy_require})
        for (const std::string_view tag : request.values(name)) {
            if (is_supported(tag)) continue;
            if (!list.empty()) list += ", ";
            list += tag;
        }
    // RFC 3327 5.3: a path was inserted, and this user agent could not know of it.
    if (list.empty() && request.has(HeaderName::path) && !request.has_token(HeaderName::supported, "path"))
        list = "path";
    return list;
}

bool same_user(const sip::UriView& uri, std::string_view user) { return uri.decoded_user() == user; }

// RFC 3261 10.3 steps 4 and 5: the AOR exists, and it is the one this trunk may register; nobody registers for others.
std::pair<std::uint16_t, std::string_view> check_aor(const sip::Message& request, const RegistrarPolicy& policy) {
    const sip::UriView& to = request.to().uri;
    const sip::UriView& from = request.from().uri;
    if (!sip::equal_ignoring_case(to.host, policy.aor_domain)) return {404, "To names another domain"};
    if (!same_user(to, policy.aor_user)) return {403, "To is not the registration AOR of this trunk"};
    if (!sip::equal_ignoring_case(from.host, to.host) || from.decoded_user() != to.decoded_user())
        return {403, "From differs from To: no registration by third parties"};
    return {200, {}};
}

std::uint16_t status_of(EditErrc e) {
    switch (e) {
        case EditErrc::single_contact: return 403;
        case EditErrc::interval_too_brief: return 423;
        case EditErrc::out_of_order: return 500;
        case EditErrc::too_many_contacts: return 403;
    }
    SALLYPORT_CHECK(false);
}

std::string contact_value(const Binding& b, TimePoint now) {
    std::string uri = b.contact;
    if (b.bulk)
        if (auto parsed = sip::parse_uri(b.contact); parsed.has_value()) {
            parsed->parameters.set_flag("bnc");
            uri = parsed->text();
        }
    const auto left = std::chrono::ceil<std::chrono::seconds>(b.expires_at - now).count();
    std::string value = "<" + uri + ">;expires=" + std::to_string(left);
    if (b.q < 1.0) value += ";q=" + sip::q_text(b.q);
    if (!b.instance.empty()) value += ";+sip.instance=\"" + b.instance + "\"";
    return value;
}

}  // namespace

std::string http_date(TimePoint now) {
    using namespace std::chrono;
    const auto seconds_since = floor<seconds>(now.time_since_epoch());
    const sys_seconds at{seconds_since};
    const auto day = floor<days>(at);
    const year_month_day date{day};
    const hh_mm_ss clock{at - day};
    constexpr std::array<const char*, 7> weekdays{"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    constexpr std::array<const char*, 12> months{"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                 "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    std::string text = "Sun, 00 Jan 0000 00:00:00 GMT";  // by hand: every answer to a REGISTER has one
    const auto put = [&text](std::size_t begin, std::size_t digits, unsigned value) {
        for (; digits > 0; value /= 10) text[begin + --digits] = static_cast<char>('0' + value % 10);
    };
    text.replace(0, 3, weekdays[weekday{day}.c_encoding()]);
    put(5, 2, static_cast<unsigned>(date.day()));
    text.replace(8, 3, months[static_cast<unsigned>(date.month()) - 1]);
    put(12, 4, static_cast<unsigned>(static_cast<int>(date.year())));
    put(17, 2, static_cast<unsigned>(clock.hours().count()));
    put(20, 2, static_cast<unsigned>(clock.minutes().count()));
    put(23, 2, static_cast<unsigned>(clock.seconds().count()));
    return text;
}

RegisterOutcome Registrar::handle(const sip::Message& request, const Flow& flow, const RegistrarPolicy& policy,
                                  std::string_view to_tag, TimePoint now) {
    RegisterOutcome outcome;
    auto refuse = [&](std::uint16_t status, std::string_view reason, HeaderName name, std::string_view value) {
        auto composer = sip::respond(request, status, to_tag, &flow.remote);
        if (!value.empty()) composer.add(name, value);
        outcome.status = status;
        outcome.reason = reason;
        outcome.response = composer.finish();
        return outcome;
    };
    if (const auto unknown = unsupported_extensions(request); !unknown.empty())
        return refuse(420, "unsupported extension: " + unknown, HeaderName::unsupported, unknown);
    if (const auto [status, reason] = check_aor(request, policy); status != 200)
        return refuse(status, reason, HeaderName::other, {});
    const auto contacts = parse_contacts(request);
    if (!contacts.has_value()) return refuse(400, to_string(contacts.error()), HeaderName::other, {});

    const BindingEdit edit(request, flow, policy, now);
    std::optional<EditErrc> failed;
    std::vector<std::string> current;
    bool bound = false;
    locations_.update(policy.trunk, [&](std::vector<Binding>& bindings) {
        const auto result = edit.apply(*contacts, bindings);
        if (!result.has_value()) {
            failed = result.error();
            return false;  // RFC 3261 10.3 step 7: all of it or nothing
        }
        outcome.changed = *result;
        for (const Binding& b : bindings) {
            current.push_back(contact_value(b, now));
            bound = bound || (b.flow == flow && b.path.empty());
        }
        return true;
    });
    if (failed) {
        const std::string min_expires =
            *failed == EditErrc::interval_too_brief ? std::to_string(policy.min_expires) : "";
        return refuse(status_of(*failed), to_string(*failed), HeaderName::min_expires, min_expires);
    }
    if (bound) outcome.displaced = locations_.take_flow(flow, policy.trunk);
    auto composer = sip::respond(request, 200, to_tag, &flow.remote);
    for (const auto& value : current) composer.add(HeaderName::contact, value);
    composer.copy(request, HeaderName::path);  // RFC 3327 5.3
    composer.add(HeaderName::supported, "path, gin").add(HeaderName::date, http_date(now));
    outcome.response = composer.finish();
    return outcome;
}

}  // namespace sallyport::registrar
