#include "signaling/policy/priority.h"

#include "control/base/check.h"

namespace sallyport::policy {
namespace {

// RFC 5031: urn:service:sos and its children. Dial strings that mean the same are known to a territory's plan only.
bool names_emergency_service(std::string_view uri) {
    constexpr std::string_view urn = "urn:service:sos";
    if (uri.size() < urn.size() || !sip::equal_ignoring_case(uri.substr(0, urn.size()), urn)) return false;
    return uri.size() == urn.size() || uri[urn.size()] == '.';
}

}  // namespace

Priority priority_of(const sip::Message& message) {
    if (message.is_request() && names_emergency_service(message.request_uri())) return Priority::emergency;
    if (!message.is_request() || !message.to_tag().empty()) return Priority::in_dialog;
    switch (message.method()) {
        case sip::Method::invite: return Priority::new_call;
        case sip::Method::ack:
        case sip::Method::bye:
        case sip::Method::cancel:
        case sip::Method::prack:
        case sip::Method::update: return Priority::in_dialog;
        case sip::Method::register_: return Priority::registration;
        case sip::Method::options: return Priority::options;
        case sip::Method::info:
        case sip::Method::subscribe:
        case sip::Method::notify:
        case sip::Method::refer:
        case sip::Method::message:
        case sip::Method::publish:
        case sip::Method::other: return Priority::other;
    }
    SALLYPORT_CHECK(false);
}

std::string_view to_string(Priority priority) {
    switch (priority) {
        case Priority::emergency: return "emergency";
        case Priority::in_dialog: return "in-dialog";
        case Priority::new_call: return "new call";
        case Priority::registration: return "registration";
        case Priority::options: return "options";
        case Priority::other: return "other";
    }
    SALLYPORT_CHECK(false);
}

}  // namespace sallyport::policy
