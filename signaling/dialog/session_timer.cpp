#include "signaling/dialog/session_timer.h"

#include <algorithm>
#include <string>

#include "signaling/sip/fields.h"

namespace sallyport::dialog {

using sip::HeaderName;

namespace {

constexpr std::uint32_t longest_session_seconds = 86'400;
constexpr int rises = 4;  // of Min-SE, from 90 s: a peer that asks for more each time is not followed for ever

std::optional<std::uint32_t> min_se(const sip::Message& message) {
    const auto value = message.first(HeaderName::min_se);
    if (!value) return std::nullopt;
    const auto seconds = sip::parse_number(value->substr(0, value->find(';')));
    return seconds.has_value() ? std::optional(*seconds) : std::nullopt;
}

std::optional<SessionExpires> session_expires(const sip::Message& message) {
    const auto value = message.first(HeaderName::session_expires);
    return value ? SessionExpires::parse(*value) : std::nullopt;
}

bool knows_timers(const sip::Message& message) {
    return message.has_token(HeaderName::supported, "timer") || message.has_token(HeaderName::require, "timer");
}

}  // namespace

std::optional<SessionExpires> SessionExpires::parse(std::string_view value) {
    const auto semicolon = value.find(';');
    const auto seconds = sip::parse_number(value.substr(0, semicolon));
    if (!seconds.has_value() || *seconds == 0) return std::nullopt;
    SessionExpires out{*seconds, Refresher::unsaid};
    if (semicolon == value.npos) return out;
    const auto parameters = sip::view_parameters(value.substr(semicolon));
    if (!parameters.has_value()) return std::nullopt;
    const auto refresher = parameters->value("refresher").value_or("");
    if (sip::equal_ignoring_case(refresher, "uac")) out.refresher = Refresher::uac;
    if (sip::equal_ignoring_case(refresher, "uas")) out.refresher = Refresher::uas;
    return out;
}

void SessionTimer::ask(const SessionTimerPolicy& policy, bool established, sip::Composer& request) {
    request.add(HeaderName::supported, "timer");
    asked_ = established && seconds_ != 0 ? seconds_ : policy.seconds;
    if (asked_ == 0) return;
    const std::uint32_t least = std::max(least_, policy.min_seconds);
    asked_ = std::max(asked_, least);
    if (!peer_knows_) return;
    std::string value = std::to_string(asked_);
    // RFC 4028 7.4: who renewed goes on renewing.
    if (established && role_ == Role::renew) value += ";refresher=uac";
    if (established && role_ == Role::expect) value += ";refresher=uas";
    request.add(HeaderName::session_expires, value);
    if (least > least_session_seconds) request.add(HeaderName::min_se, std::to_string(least));
}

void SessionTimer::heard_ok(const sip::Message& ok) {
    const auto agreed = session_expires(ok);
    peer_knows_ = agreed || knows_timers(ok);
    seconds_ = agreed ? std::clamp(agreed->seconds, least_session_seconds, longest_session_seconds) : asked_;
    const bool peer_renews = agreed && agreed->refresher == SessionExpires::Refresher::uas;
    role_ = seconds_ == 0 ? Role::none : peer_renews ? Role::expect : Role::renew;
}

bool SessionTimer::heard_too_small(const sip::Message& refusal) {
    const auto least = min_se(refusal);
    if (!least || *least <= least_ || *least <= asked_ || *least > longest_session_seconds) return false;
    least_ = *least;
    return ++rises_ <= rises;
}

bool SessionTimer::is_too_small(const SessionTimerPolicy& policy, const sip::Message& request) const {
    const auto asked = session_expires(request);
    if (asked && seconds_ != 0 && asked->seconds >= seconds_) return false;
    return asked && knows_timers(request) && asked->seconds < std::max(policy.min_seconds, least_session_seconds);
}

// RFC 4028 9, table 2.
void SessionTimer::answer(const SessionTimerPolicy& policy, const sip::Message& request, sip::Composer& ok) {
    const auto asked = session_expires(request);
    peer_knows_ = knows_timers(request);
    const std::uint32_t least =
        std::max({least_session_seconds, policy.min_seconds, min_se(request).value_or(least_session_seconds)});
    const std::uint32_t wanted = policy.seconds != 0 ? policy.seconds : asked ? asked->seconds : 0;
    if (peer_knows_) ok.add(HeaderName::supported, "timer");
    if (wanted == 0) {
        seconds_ = 0;
        role_ = Role::none;
        return;
    }
    // What was asked for may be shortened, though not below what either side takes; it is never made longer.
    const std::uint32_t granted = std::max(wanted, least);
    seconds_ =
        std::clamp(asked ? std::min(asked->seconds, granted) : granted, least_session_seconds, longest_session_seconds);
    const bool we_renew = !peer_knows_ || (asked && asked->refresher == SessionExpires::Refresher::uas);
    role_ = we_renew ? Role::renew : Role::expect;
    if (!peer_knows_ && !asked) return;  // only we do, then
    ok.add(HeaderName::session_expires, std::to_string(seconds_) + (we_renew ? ";refresher=uas" : ";refresher=uac"));
    if (!we_renew) ok.add(HeaderName::require, "timer");
}

Duration SessionTimer::due() const {
    const Duration whole = std::chrono::seconds(seconds_);
    if (role_ == Role::renew) return whole / 2;
    return whole - std::min<Duration>(32s, whole / 3);
}

void SessionTimer::restore(Role role, std::uint32_t seconds, bool peer_knows) {
    role_ = seconds == 0 ? Role::none : role;
    seconds_ = seconds;
    peer_knows_ = peer_knows;
}

}  // namespace sallyport::dialog
