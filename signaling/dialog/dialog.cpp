#include "signaling/dialog/dialog.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include "control/base/check.h"
#include "signaling/dialog/route_set.h"
#include "signaling/sip/limits.h"

namespace sallyport::dialog {
namespace {

std::string without_tag(sip::NameAddr plain) {
    plain.parameters.erase("tag");
    return plain.text();
}

std::string with_tag(const std::string& party, const std::string& tag) {
    return tag.empty() ? party : party + ";tag=" + tag;  // RFC 2543 peers have no tag
}

// The Contact of whoever sent the message; a peer that gives none is asked where it was asked before.
std::optional<std::string> contact_uri(const sip::Message& message) {
    const auto first = message.first_value(sip::HeaderName::contact);
    if (!first || *first == "*") return std::nullopt;
    const auto contact = sip::parse_name_addr(*first);
    if (!contact.has_value()) return std::nullopt;
    return contact->uri.text();
}

std::vector<std::string> record_route(const sip::Message& message) {
    const auto values = message.values(sip::HeaderName::record_route);
    return {values.begin(), values.end()};
}

}  // namespace

Dialog Dialog::as_uas(const sip::Message& request, const Flow& flow, std::string local_tag) {
    Dialog d;
    d.id = {std::string(request.call_id()), std::move(local_tag), std::string(request.from_tag())};
    d.local_uri = without_tag(sip::own(request.to()));
    d.remote_uri = without_tag(sip::own(request.from()));
    d.remote_target = contact_uri(request).value_or(sip::own(request.from().uri).text());
    d.route_set = record_route(request);
    d.remote_cseq = request.cseq().number;
    d.flow = flow;
    return d;
}

Dialog Dialog::as_uac(std::string_view request, const sip::Message& response, const Flow& flow, std::string tls_name) {
    Dialog d;
    auto from = sip::parse_name_addr(sip::own_field(request, "From"));
    auto to = sip::parse_name_addr(sip::own_field(request, "To"));
    SALLYPORT_CHECK(from.has_value() && to.has_value());
    d.id = {std::string(sip::own_field(request, "Call-ID")), std::string(from->parameters.value("tag").value_or("")),
            std::string(response.to_tag())};
    d.local_uri = without_tag(std::move(*from));
    d.remote_uri = without_tag(std::move(*to));
    d.remote_target = contact_uri(response).value_or(std::string(sip::own_uri(request)));
    d.route_set = record_route(response);
    std::reverse(d.route_set.begin(), d.route_set.end());
    const std::string_view cseq = sip::own_field(request, "CSeq");
    std::from_chars(cseq.data(), cseq.data() + cseq.size(), d.local_cseq);
    d.flow = flow;
    d.tls_name = std::move(tls_name);
    d.confirmed = response.status() >= 200;
    return d;
}

SequenceCheck Dialog::check_sequence(const sip::Message& request) {
    const std::uint32_t number = request.cseq().number;
    if (request.method() == sip::Method::ack) return SequenceCheck::in_order;
    if (remote_cseq && number < *remote_cseq) return SequenceCheck::too_low;
    remote_cseq = number;
    return SequenceCheck::in_order;
}

void Dialog::refresh_target(const sip::Message& message) {
    switch (message.method()) {
        case sip::Method::invite:
        case sip::Method::update:
        case sip::Method::subscribe:
        case sip::Method::notify:
        case sip::Method::refer: break;
        case sip::Method::ack:
        case sip::Method::bye:
        case sip::Method::cancel:
        case sip::Method::options:
        case sip::Method::register_:
        case sip::Method::prack:
        case sip::Method::info:
        case sip::Method::message:
        case sip::Method::publish:
        case sip::Method::other: return;
    }
    if (!message.is_request() && (message.status() < 200 || message.status() >= 300)) return;
    if (auto target = contact_uri(message)) remote_target = std::move(*target);
}

sip::Composer Dialog::request(std::string_view method, std::string_view via, std::optional<std::uint32_t> cseq) {
    const bool strict = !route_set.empty() && !is_loose(route_set.front());
    // RFC 3261 12.2.1.1: a strict router wants its own URI in the request line and the target as the last Route.
    const std::string uri = strict ? strict_request_uri(route_set.front()) : remote_target;
    if (!cseq) cseq = ++local_cseq;
    auto composer = sip::Composer::request(method, uri);
    composer.add(sip::HeaderName::via, via)
        .add(sip::HeaderName::max_forwards, std::to_string(sip::limits::max_forwards))
        .add(sip::HeaderName::from, with_tag(local_uri, id.local_tag))
        .add(sip::HeaderName::to, with_tag(remote_uri, id.remote_tag))
        .add(sip::HeaderName::call_id, id.call_id)
        .add(sip::HeaderName::cseq, std::to_string(*cseq) + " " + std::string(method));
    for (std::size_t i = strict ? 1 : 0; i < route_set.size(); ++i) composer.add(sip::HeaderName::route, route_set[i]);
    if (strict) composer.add(sip::HeaderName::route, "<" + remote_target + ">");
    return composer;
}

std::string_view Dialog::next_hop() const {
    return route_set.empty() ? std::string_view(remote_target) : addr_spec(route_set.front());
}

}  // namespace sallyport::dialog
