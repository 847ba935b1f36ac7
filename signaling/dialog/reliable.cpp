#include "signaling/dialog/reliable.h"

#include <algorithm>

namespace sallyport::dialog {
namespace {

constexpr std::size_t most_waiting = 8;

}  // namespace

Reliability reliability_of(const sip::Message& invite) {
    if (invite.has_token(sip::HeaderName::require, reliable_option)) return Reliability::required;
    return invite.has_token(sip::HeaderName::supported, reliable_option) ? Reliability::taken : Reliability::none;
}

std::uint32_t reliable_number(const sip::Message& provisional) {
    if (!provisional.has_token(sip::HeaderName::require, reliable_option)) return 0;
    const auto number = sip::parse_number(provisional.first(sip::HeaderName::rseq).value_or(""));
    return number.has_value() ? *number : 0;
}

bool ReliableSaid::has_room() const { return queue_.size() < most_waiting; }

std::uint32_t ReliableSaid::next_number(std::uint32_t first) {
    number_ = number_ == 0 ? first : number_ + 1;
    return number_;
}

bool ReliableSaid::add(Response response, Duration t1, TimePoint now) {
    queue_.push_back(std::move(response));
    if (queue_.size() > 1) return false;
    begin(t1, now);
    return true;
}

void ReliableSaid::begin(Duration t1, TimePoint now) {
    interval_ = t1;
    deadline_ = now + 64 * t1;
}

Duration ReliableSaid::next_pause(TimePoint now) {
    const Duration pause = std::min<Duration>(interval_, deadline_ - now);
    interval_ *= 2;
    return pause;
}

bool ReliableSaid::matches(const sip::RAck& rack, std::uint32_t invite_cseq) const {
    return !queue_.empty() && rack.method == sip::Method::invite && rack.cseq == invite_cseq &&
           rack.rseq == queue_.front().number;
}

const ReliableSaid::Response* ReliableSaid::acknowledge(Duration t1, TimePoint now) {
    queue_.pop_front();
    if (queue_.empty()) return nullptr;
    begin(t1, now);
    return &queue_.front();
}

bool ReliableSaid::settle() {
    if (queue_.size() < 2) return false;
    const bool described = std::any_of(queue_.begin() + 1, queue_.end(),
                                       [](const Response& response) { return !response.description.empty(); });
    queue_.erase(queue_.begin() + 1, queue_.end());
    return described;
}

}  // namespace sallyport::dialog
