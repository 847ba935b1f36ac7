// The Contacts of a REGISTER as values, and what RFC 6140 5 asks of the bulk one (";bnc"). Knows no binding.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "control/base/result.h"
#include "signaling/sip/message.h"
#include "signaling/sip/uri.h"

namespace sallyport::registrar {

struct ContactRequest {
    sip::Uri uri;      // bnc removed
    std::string text;  // of it
    bool bulk = false;
    double q = 1.0;
    std::optional<std::uint32_t> expires;  // parameter or header field, as asked
    std::string instance;                  // +sip.instance, with its < >
};
struct Contacts {
    bool all = false;  // "*": remove everything
    std::vector<ContactRequest> list;
};
enum class ContactErrc : std::uint8_t {
    malformed,
    not_sip,           // only SIP URIs can be called
    wildcard_misuse,   // "*" with others, or without Expires: 0
    bulk_with_user,    // RFC 6140 5.2: no user part, no user parameter
    bulk_without_gin,  // ;bnc without Require: gin
    duplicate,         // two that are equivalent
};
std::string_view to_string(ContactErrc e);

Result<Contacts, ContactErrc> parse_contacts(const sip::Message& request);

}  // namespace sallyport::registrar
