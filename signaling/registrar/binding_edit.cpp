#include "signaling/registrar/binding_edit.h"

#include <algorithm>

#include "control/base/check.h"

namespace sallyport::registrar {
namespace {

// The same place of the same device: a PBX that comes back over a new flow replaces what it had. Two devices behind
// two NATs may both be "192.168.1.1": their instance ids part them.
bool is_same_contact(const Binding& binding, const ContactRequest& contact) {
    if (binding.bulk != contact.bulk) return false;  // RFC 6140 5.2: one AOR's contact never touches the bulk binding
    const bool both_named = !binding.instance.empty() && !contact.instance.empty();
    if (both_named) return binding.instance == contact.instance;
    if (binding.contact == contact.text) return true;  // nearly always
    const auto uri = sip::parse_uri(binding.contact);
    return uri.has_value() && sip::equivalent(*uri, contact.uri);
}

}  // namespace

std::string_view to_string(EditErrc e) {
    switch (e) {
        case EditErrc::single_contact: return "this trunk registers in bulk only (RFC 6140)";
        case EditErrc::interval_too_brief: return "expiry interval below the minimum";
        case EditErrc::out_of_order: return "CSeq not above that of the stored binding";
        case EditErrc::too_many_contacts: return "too many contacts";
    }
    SALLYPORT_CHECK(false);
}

Result<bool, EditErrc> BindingEdit::apply(const Contacts& contacts, std::vector<Binding>& bindings) const {
    std::erase_if(bindings, [&](const Binding& b) { return b.expires_at <= now_; });
    if (contacts.all) return remove_all(bindings);
    bool changed = false;
    for (const ContactRequest& contact : contacts.list) {
        const auto result = apply_one(contact, bindings);
        if (!result.has_value()) return result.error();
        changed |= *result;
    }
    if (bindings.size() <= policy_.max_contacts) return changed;
    // Leftovers of connections that are gone make room before a newcomer is turned away.
    std::erase_if(bindings, [](const Binding& b) { return b.flow_closed; });
    if (bindings.size() > policy_.max_contacts) return EditErrc::too_many_contacts;
    return true;
}

Result<bool, EditErrc> BindingEdit::remove_all(std::vector<Binding>& bindings) const {
    if (!std::all_of(bindings.begin(), bindings.end(), [&](const Binding& b) { return in_order(b); }))
        return EditErrc::out_of_order;
    const bool changed = !bindings.empty();
    bindings.clear();
    return changed;
}

Result<bool, EditErrc> BindingEdit::apply_one(const ContactRequest& contact, std::vector<Binding>& bindings) const {
    const auto seconds = granted_seconds(contact);
    if (!seconds.has_value()) return seconds.error();
    const auto found =
        std::find_if(bindings.begin(), bindings.end(), [&](const Binding& b) { return is_same_contact(b, contact); });
    if (found != bindings.end() && !in_order(*found)) return EditErrc::out_of_order;
    if (*seconds == 0) {
        if (found == bindings.end()) return false;
        bindings.erase(found);
        return true;
    }
    if (!contact.bulk && !policy_.single_aor_compatibility) return EditErrc::single_contact;
    if (found != bindings.end()) {
        const bool moved = found->flow != flow_ || found->contact != contact.text;
        fill(*found, contact, *seconds);
        return moved;
    }
    Binding fresh;
    fresh.registered_at = now_;
    fill(fresh, contact, *seconds);
    bindings.push_back(std::move(fresh));
    return true;
}

// RFC 3261 10.3 step 7: within one Call-ID only a higher CSeq is news; another Call-ID is a client that restarted.
bool BindingEdit::in_order(const Binding& binding) const {
    return binding.call_id != request_.call_id() || request_.cseq().number > binding.cseq;
}

Result<std::uint32_t, EditErrc> BindingEdit::granted_seconds(const ContactRequest& contact) const {
    const std::uint32_t wanted = contact.expires.value_or(policy_.default_expires);
    if (wanted != 0 && wanted < policy_.min_expires) return EditErrc::interval_too_brief;
    return std::min(wanted, policy_.max_expires);
}

void BindingEdit::fill(Binding& binding, const ContactRequest& contact, std::uint32_t seconds) const {
    binding.trunk = policy_.trunk;
    binding.aor = policy_.aor();
    binding.contact = contact.text;
    binding.bulk = contact.bulk;
    if (binding.flow != flow_) binding.registered_at = now_;
    binding.flow = flow_;
    binding.flow_closed = false;
    binding.silent = false;
    binding.call_id = request_.call_id();
    binding.cseq = request_.cseq().number;
    binding.q = contact.q;
    const auto path = request_.values(sip::HeaderName::path);
    binding.path.assign(path.begin(), path.end());
    binding.instance = contact.instance;
    binding.user_agent = request_.first(sip::HeaderName::user_agent).value_or("").substr(0, 256);
    binding.expires_at = now_ + std::chrono::seconds(seconds);
}

}  // namespace sallyport::registrar
