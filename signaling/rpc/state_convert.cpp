#include "signaling/rpc/state_convert.h"

#include <algorithm>
#include <charconv>
#include <limits>

#include "control/base/private_address.h"
#include "signaling/sip/uri.h"

namespace sallyport::rpc {
namespace {

std::optional<std::uint64_t> digits(std::string_view e164) {
    if (e164.starts_with('+')) e164.remove_prefix(1);
    std::uint64_t value = 0;
    const auto [end, error] = std::from_chars(e164.data(), e164.data() + e164.size(), value);
    if (error != std::errc() || end != e164.data() + e164.size()) return std::nullopt;
    return value;
}

std::string time_text(TimePoint t) { return t == TimePoint{} ? std::string() : rfc3339(t); }

}  // namespace

void to_proto(const stack::CallView& view, operations_pb::Call& call) {
    call.set_id(view.id);
    call.set_session_id(view.session_id);
    call.set_trunk(view.trunk);
    call.set_direction(view.direction);
    call.set_from(view.from);
    call.set_to(view.to);
    call.set_state(view.state);
    call.set_started_at(time_text(view.started));
    call.set_answered_at(time_text(view.answered));
    call.set_ended_at(time_text(view.ended));
    call.set_status(view.status);
    call.set_cause(view.cause);
    for (const auto& id : view.sip_call_ids) call.add_sip_call_ids(id);
    call.set_ladder(view.ladder);
    if (!view.record) return;
    call.set_carrier(view.record->carrier);
    call.set_target(view.record->target);
}

void to_proto(const registrar::Binding& binding, const config::Trunk* trunk, TimePoint now,
              operations_pb::Registration& registration) {
    registration.set_trunk(binding.trunk);
    registration.set_contact(binding.contact);
    registration.set_bulk(binding.bulk);
    registration.set_transport(std::string(to_string(binding.flow.transport)));
    registration.set_source(binding.flow.remote.to_string());
    const auto left = std::chrono::duration_cast<std::chrono::seconds>(binding.expires_at - now).count();
    registration.set_expires_seconds(static_cast<std::uint32_t>(std::clamp<std::int64_t>(left, 0, 1u << 31)));
    registration.set_registered_at(time_text(binding.registered_at));
    for (const auto& hop : binding.path) registration.add_path(hop);
    registration.set_user_agent(binding.user_agent);
    registration.set_flow_lost(binding.flow_closed);
    if (const auto contact = sip::parse_uri(binding.contact); contact.has_value())
        if (const auto address = contact->host_address())
            registration.set_private_contact(hides_behind_nat(*address, binding.flow.remote.address));
    if (trunk == nullptr) return;
    registration.set_aor(trunk->registration_aor);
    constexpr std::uint64_t most = std::numeric_limits<std::uint32_t>::max();
    registration.set_numbers(static_cast<std::uint32_t>(std::min(count_numbers(*trunk), most)));
}

void to_proto(const std::string& trunk, const policy::TrunkStates::Entry& entry, TimePoint now,
              operations_pb::TrunkState& state) {
    state.set_trunk(trunk);
    state.set_state(std::string(to_string(entry.state)));
    state.set_since(time_text(entry.since));
    state.set_since_seconds(std::chrono::duration<double>(now - entry.since).count());
    state.set_why(entry.trouble.empty() ? entry.why : entry.why + "; " + entry.trouble);
    state.set_contacts(entry.contacts);
}

void to_proto(const config::Trunk& trunk, operations_pb::TrunkState& state) {
    state.set_concurrent_calls(trunk.limits.concurrent_calls);
    state.set_bandwidth_kbps(trunk.limits.bandwidth_kbps);
    state.set_customer(trunk.customer);
}

void to_proto(const config::Trunk& trunk, std::string_view gauge, const policy::Use& use,
              operations_pb::NumberUse& number) {
    constexpr std::string_view range = "range ";
    auto numbers = gauge.substr(policy::number_gauge(trunk.id, {}).size());
    const bool whole = numbers.starts_with(range);
    if (whole) numbers.remove_prefix(range.size());
    number.set_numbers(std::string(numbers));
    number.set_calls(use.calls);
    for (const auto& limit : trunk.number_limits) {
        if (whole && limit.numbers.to_string() == numbers) number.set_concurrent_calls(limit.concurrent_calls);
        if (!whole && limit.numbers.contains(numbers)) number.set_concurrent_calls(limit.concurrent_calls_each);
    }
}

void to_proto(const config::Customer& customer, const policy::Use& use, std::uint32_t trunks,
              operations_pb::CustomerState& state) {
    state.set_customer(customer.id);
    state.set_display_name(customer.display_name);
    state.set_disabled(customer.disabled);
    state.set_trunks(trunks);
    state.set_calls(use.calls);
    state.set_concurrent_calls(customer.limits.concurrent_calls);
    state.set_media_kbps(use.kbps);
    state.set_bandwidth_kbps(customer.limits.bandwidth_kbps);
}

void to_proto(const std::array<std::uint64_t, policy::trunk_state_count>& counts, operations_pb::TrunkCounts& out) {
    const auto of = [&](policy::TrunkState state) { return counts[static_cast<std::size_t>(state)]; };
    out.set_registered(of(policy::TrunkState::registered));
    out.set_reachable(of(policy::TrunkState::reachable));
    out.set_degraded(of(policy::TrunkState::degraded));
    out.set_down(of(policy::TrunkState::down));
    out.set_disabled(of(policy::TrunkState::disabled));
}

void to_proto(const std::shared_ptr<const io::TlsContext>& tls, operations_pb::Listener& listener) {
    if (!tls) return;
    listener.set_certificate_sha256(tls->fingerprint());
    listener.set_certificate_ends_at(rfc3339(TimePoint(std::chrono::seconds(tls->not_after()))));
}

std::uint64_t count_numbers(const config::Trunk& trunk) {
    std::uint64_t total = 0;
    for (const auto& range : trunk.numbers) {
        const auto first = digits(range.first), last = digits(range.last);
        if (first && last && *last >= *first) total += *last - *first + 1;
    }
    return total;
}

std::string Page::next_token(std::size_t list_size) const {
    return offset + size < list_size ? std::to_string(offset + size) : std::string();
}

std::optional<Page> parse_page(std::int32_t page_size, std::string_view page_token) {
    Page page;
    if (page_size < 0) return std::nullopt;
    if (page_size > 0) page.size = std::min(static_cast<std::size_t>(page_size), Page::max_size);
    if (page_token.empty()) return page;
    const auto [end, error] = std::from_chars(page_token.data(), page_token.data() + page_token.size(), page.offset);
    if (error != std::errc() || end != page_token.data() + page_token.size() || page.offset > Page::max_offset)
        return std::nullopt;
    return page;
}

std::string_view id_in(std::string_view name, std::string_view collection) {
    return name.starts_with(collection) ? name.substr(collection.size()) : name;
}

std::string_view trunk_id(std::string_view name) { return id_in(name, "trunks/"); }

}  // namespace sallyport::rpc
