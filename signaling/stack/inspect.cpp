#include "signaling/stack/inspect.h"

#include <algorithm>
#include <array>

#include "control/base/check.h"
#include "signaling/dialog/reliable.h"
#include "signaling/dialog/replaces.h"
#include "signaling/sip/content.h"

namespace sallyport::stack {
namespace {

using sip::HeaderName;
using sip::Method;

std::optional<Refusal> judge_method(const sip::Message& request) {
    switch (request.method()) {
        case Method::invite:
        case Method::register_:
        case Method::options:
        case Method::subscribe:
        case Method::message:  // of a carrier, for a PBX
        case Method::ack:
        case Method::cancel: return std::nullopt;
        case Method::bye:
        case Method::prack:
        case Method::update: return Refusal{481, "belongs to no dialog", {}};
        case Method::info:
        case Method::notify:
        case Method::refer:
        case Method::publish:
            return Refusal{405, "method not taken", {{HeaderName::allow, std::string(methods_allowed)}}};
        case Method::other: return Refusal{501, "method unknown", {{HeaderName::allow, std::string(methods_allowed)}}};
    }
    SALLYPORT_CHECK(false);
}

std::optional<Refusal> judge_uri(const sip::Message& request) {
    const auto uri = sip::parse_uri(request.request_uri());
    if (!uri.has_value())
        return uri.error() == sip::UriErrc::bad_scheme ? Refusal{416, "scheme unknown", {}}
                                                       : Refusal{400, "malformed Request-URI", {}};
    switch (uri->scheme) {
        case sip::Scheme::sip:
        case sip::Scheme::tel:
        case sip::Scheme::urn: return std::nullopt;
        case sip::Scheme::sips:
        case sip::Scheme::other: return Refusal{416, "scheme not served", {}};
    }
    SALLYPORT_CHECK(false);
}

// What carries session descriptions.
bool may_offer(Method method) {
    return method == Method::invite || method == Method::update || method == Method::prack;
}

// Extensions a peer may insist on. REGISTER has those of RFC 6140 and RFC 3327, which the registrar judges; a session
// has those of RFC 4028 and RFC 3262. Who may use RFC 3891 is judged when it is known whose INVITE it is.
bool understands(const sip::Message& request, std::string_view option) {
    constexpr std::array<std::string_view, 2> of_registration{"gin", "path"};
    const Method method = request.method();
    const bool of_session = method == Method::invite || method == Method::update;
    if (method == Method::invite && request.to_tag().empty() &&
        sip::equal_ignoring_case(dialog::replaces_option, option))
        return true;
    if (of_session && sip::equal_ignoring_case("timer", option)) return true;
    if (of_session || method == Method::prack) return sip::equal_ignoring_case(dialog::reliable_option, option);
    return method == Method::register_ &&
           std::any_of(of_registration.begin(), of_registration.end(),
                       [&](std::string_view known) { return sip::equal_ignoring_case(known, option); });
}

std::optional<Refusal> judge_extensions(const sip::Message& request) {
    std::string unsupported;
    for (const auto header : {HeaderName::require, HeaderName::proxy_require})
        for (const auto option : request.values(header)) {
            if (understands(request, option)) continue;
            if (!unsupported.empty()) unsupported += ", ";
            unsupported += option;
        }
    if (unsupported.empty()) return std::nullopt;
    return Refusal{420, "extension not supported", {{HeaderName::unsupported, std::move(unsupported)}}};
}

std::optional<Refusal> judge_content(const sip::Message& request) {
    if (request.body().empty() || !may_offer(request.method())) return std::nullopt;
    const auto encoding = request.first(HeaderName::content_encoding);
    if (encoding && !sip::equal_ignoring_case(*encoding, "identity"))
        return Refusal{415, "content encoding", {{HeaderName::accept_encoding, "identity"}}};
    const auto content = sip::read_content(request);
    if (content.has_value()) return std::nullopt;
    const auto error = content.error();
    const bool is_kind = error == sip::ContentErrc::nested || error == sip::ContentErrc::unreadable_type ||
                         error == sip::ContentErrc::other_description;
    if (!is_kind) return Refusal{400, to_string(error), {}};
    return Refusal{415, to_string(error), {{HeaderName::accept, std::string(sip::content_types_taken)}}};
}

// What is carried without being read (SIPconnect 13.1): a location, which is for who is called.
constexpr std::string_view location = "application/pidf+xml";

std::optional<Refusal> judge_hops(const sip::Message& request) {
    const bool carried = request.method() == Method::invite || request.method() == Method::message;
    if (!carried || request.max_forwards().value_or(1) != 0) return std::nullopt;
    return Refusal{483, "no hops left", {}};
}

}  // namespace

std::optional<Refusal> inspect(const sip::Message& request) {
    for (const auto judge : {judge_method, judge_uri, judge_hops, judge_extensions, judge_content})
        if (auto refusal = judge(request)) return refusal;
    return std::nullopt;
}

std::optional<Refusal> inspect_parts(const sip::Message& invite) {
    const auto content = sip::read_content(invite);
    if (!content.has_value()) return std::nullopt;
    for (std::size_t i = 0; i < content->parts.size(); ++i) {
        const auto& part = content->parts[i];
        if (i == content->description || !part.is_required() || part.is(location)) continue;
        return Refusal{415, "content type", {{HeaderName::accept, std::string(sip::content_types_taken)}}};
    }
    return std::nullopt;
}

std::optional<Refusal> inspect_in_dialog(const sip::Message& request) {
    if (request.method() == Method::ack) return std::nullopt;
    for (const auto judge : {judge_extensions, judge_content})
        if (auto refusal = judge(request)) return refusal;
    return may_offer(request.method()) ? inspect_parts(request) : std::nullopt;
}

}  // namespace sallyport::stack
