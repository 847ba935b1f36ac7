#include "signaling/registrar/bulk_contact.h"

#include <algorithm>

#include "control/base/check.h"
#include "signaling/registrar/registrar.h"
#include "signaling/sip/fields.h"

namespace sallyport::registrar {
namespace {

std::optional<std::uint32_t> expires_of(const sip::NameAddr& contact, const sip::Message& request) {
    if (const auto parameter = contact.parameters.value("expires"))
        if (const auto seconds = sip::parse_number(*parameter); seconds.has_value()) return *seconds;
    if (const auto header = request.first(sip::HeaderName::expires))
        if (const auto seconds = sip::parse_number(*header); seconds.has_value()) return *seconds;
    return std::nullopt;
}

Result<ContactRequest, ContactErrc> parse_one(std::string_view value, const sip::Message& request) {
    auto contact = sip::parse_name_addr(value);
    if (!contact.has_value()) return ContactErrc::malformed;
    ContactRequest c;
    c.uri = std::move(contact->uri);
    if (c.uri.scheme != sip::Scheme::sip && c.uri.scheme != sip::Scheme::sips) return ContactErrc::not_sip;
    c.bulk = c.uri.parameters.has("bnc");
    if (c.bulk) {
        if (c.uri.has_user || c.uri.parameters.has("user")) return ContactErrc::bulk_with_user;
        if (!request.has_token(sip::HeaderName::require, "gin")) return ContactErrc::bulk_without_gin;
        c.uri.parameters.erase("bnc");
    }
    c.uri.headers.clear();  // RFC 3261 19.1.5: not for a Request-URI, and a way to smuggle fields
    c.text = c.uri.text();
    c.q = sip::q_of(*contact);
    if (const auto instance = contact->parameters.value("+sip.instance")) c.instance = *instance;
    c.expires = expires_of(*contact, request);
    return c;
}

Result<Contacts, ContactErrc> wildcard(const sip::Message& request, std::size_t count) {
    const auto header = request.first(sip::HeaderName::expires);
    const auto seconds = header ? sip::parse_number(*header) : sip::FieldErrc::empty;
    if (count != 1 || !seconds.has_value() || *seconds != 0) return ContactErrc::wildcard_misuse;
    return Contacts{.all = true, .list = {}};
}

}  // namespace

std::string_view to_string(ContactErrc e) {
    switch (e) {
        case ContactErrc::malformed: return "Contact does not parse";
        case ContactErrc::not_sip: return "Contact is no SIP URI";
        case ContactErrc::wildcard_misuse: return "Contact * must stand alone, with Expires: 0";
        case ContactErrc::bulk_with_user: return "bulk Contact with a user part or user parameter";
        case ContactErrc::bulk_without_gin: return "bulk Contact without Require: gin";
        case ContactErrc::duplicate: return "the same Contact twice";
    }
    SALLYPORT_CHECK(false);
}

Result<Contacts, ContactErrc> parse_contacts(const sip::Message& request) {
    Contacts contacts;
    const auto values = request.values(sip::HeaderName::contact);
    for (const std::string_view value : values) {
        if (value == "*") return wildcard(request, values.size());
        auto contact = parse_one(value, request);
        if (!contact.has_value()) return contact.error();
        const bool known = std::any_of(contacts.list.begin(), contacts.list.end(), [&](const ContactRequest& other) {
            return other.bulk == contact->bulk && other.instance == contact->instance &&
                   sip::equivalent(other.uri, contact->uri);
        });
        if (known) return ContactErrc::duplicate;
        contacts.list.push_back(std::move(*contact));
    }
    return contacts;
}

std::string target_uri(const Binding& binding, std::string_view number) {
    if (!binding.bulk) return binding.contact;
    auto uri = sip::parse_uri(binding.contact);
    if (!uri.has_value()) return binding.contact;  // restored from elsewhere; the registrar stores only what parses
    uri->user = number;
    uri->has_user = true;
    return uri->text();
}

}  // namespace sallyport::registrar
