// Header field names with their compact forms (RFC 3261 7.3.3 and the IANA registry). Case-insensitive.
#pragma once

#include <cstdint>
#include <string_view>

namespace sallyport::sip {

// X(enumerator, "Canonical-Name", "compact form or empty", is a comma-separated list)
#define SALLYPORT_SIP_HEADERS(X)                                                 \
    X(accept, "Accept", "", true)                                                \
    X(accept_encoding, "Accept-Encoding", "", true)                              \
    X(accept_language, "Accept-Language", "", true)                              \
    X(alert_info, "Alert-Info", "", true)                                        \
    X(allow, "Allow", "", true)                                                  \
    X(allow_events, "Allow-Events", "u", true)                                   \
    X(authentication_info, "Authentication-Info", "", false)                     \
    X(authorization, "Authorization", "", false)                                 \
    X(call_id, "Call-ID", "i", false)                                            \
    X(call_info, "Call-Info", "", true)                                          \
    X(contact, "Contact", "m", true)                                             \
    X(content_disposition, "Content-Disposition", "", false)                     \
    X(content_encoding, "Content-Encoding", "e", true)                           \
    X(content_id, "Content-ID", "", false)                                       \
    X(content_language, "Content-Language", "", true)                            \
    X(content_length, "Content-Length", "l", false)                              \
    X(content_type, "Content-Type", "c", false)                                  \
    X(cseq, "CSeq", "", false)                                                   \
    X(date, "Date", "", false)                                                   \
    X(diversion, "Diversion", "", true)                                          \
    X(error_info, "Error-Info", "", true)                                        \
    X(event, "Event", "o", false)                                                \
    X(expires, "Expires", "", false)                                             \
    X(flow_timer, "Flow-Timer", "", false)                                       \
    X(from, "From", "f", false)                                                  \
    X(geolocation, "Geolocation", "", true)                                      \
    X(geolocation_routing, "Geolocation-Routing", "", false)                     \
    X(history_info, "History-Info", "", true)                                    \
    X(identity, "Identity", "y", true)                                           \
    X(in_reply_to, "In-Reply-To", "", true)                                      \
    X(max_breadth, "Max-Breadth", "", false)                                     \
    X(max_forwards, "Max-Forwards", "", false)                                   \
    X(mime_version, "MIME-Version", "", false)                                   \
    X(min_expires, "Min-Expires", "", false)                                     \
    X(min_se, "Min-SE", "", false)                                               \
    X(organization, "Organization", "", false)                                   \
    X(p_access_network_info, "P-Access-Network-Info", "", true)                  \
    X(p_asserted_identity, "P-Asserted-Identity", "", true)                      \
    X(p_associated_uri, "P-Associated-URI", "", true)                            \
    X(p_called_party_id, "P-Called-Party-ID", "", false)                         \
    X(p_charging_function_addresses, "P-Charging-Function-Addresses", "", false) \
    X(p_charging_vector, "P-Charging-Vector", "", false)                         \
    X(p_early_media, "P-Early-Media", "", true)                                  \
    X(p_preferred_identity, "P-Preferred-Identity", "", true)                    \
    X(p_visited_network_id, "P-Visited-Network-ID", "", true)                    \
    X(path, "Path", "", true)                                                    \
    X(priority, "Priority", "", false)                                           \
    X(privacy, "Privacy", "", false)                                             \
    X(proxy_authenticate, "Proxy-Authenticate", "", false)                       \
    X(proxy_authorization, "Proxy-Authorization", "", false)                     \
    X(proxy_require, "Proxy-Require", "", true)                                  \
    X(rack, "RAck", "", false)                                                   \
    X(reason, "Reason", "", true)                                                \
    X(record_route, "Record-Route", "", true)                                    \
    X(refer_to, "Refer-To", "r", false)                                          \
    X(referred_by, "Referred-By", "b", false)                                    \
    X(replaces, "Replaces", "", false)                                           \
    X(reply_to, "Reply-To", "", false)                                           \
    X(require, "Require", "", true)                                              \
    X(resource_priority, "Resource-Priority", "", true)                          \
    X(retry_after, "Retry-After", "", false)                                     \
    X(route, "Route", "", true)                                                  \
    X(rseq, "RSeq", "", false)                                                   \
    X(server, "Server", "", false)                                               \
    X(service_route, "Service-Route", "", true)                                  \
    X(session_expires, "Session-Expires", "x", false)                            \
    X(session_id, "Session-ID", "", false)                                       \
    X(subject, "Subject", "s", false)                                            \
    X(subscription_state, "Subscription-State", "", false)                       \
    X(supported, "Supported", "k", true)                                         \
    X(timestamp, "Timestamp", "", false)                                         \
    X(to, "To", "t", false)                                                      \
    X(unsupported, "Unsupported", "", true)                                      \
    X(user_agent, "User-Agent", "", false)                                       \
    X(user_to_user, "User-to-User", "", true)                                    \
    X(via, "Via", "v", true)                                                     \
    X(warning, "Warning", "", true)                                              \
    X(www_authenticate, "WWW-Authenticate", "", false)

enum class HeaderName : std::uint8_t {
#define X(name, text, compact, list) name,
    SALLYPORT_SIP_HEADERS(X)
#undef X
        other  // keeps its text
};

HeaderName header_name_from(std::string_view name);  // any case, compact forms too
std::string_view to_string(HeaderName name);         // canonical; other -> ""
bool is_list(HeaderName name);                       // may several values share one field, split at commas?

}  // namespace sallyport::sip
