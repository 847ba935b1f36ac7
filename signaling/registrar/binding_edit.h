// What a REGISTER does to the bindings of its trunk: RFC 3261 10.3 steps 6 and 7. Pure; all of it or an error.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "control/base/result.h"
#include "signaling/registrar/binding.h"
#include "signaling/registrar/bulk_contact.h"
#include "signaling/registrar/registrar.h"
#include "signaling/sip/message.h"

namespace sallyport::registrar {

enum class EditErrc : std::uint8_t {
    single_contact,      // not bulk, and the trunk is not in compatibility mode
    interval_too_brief,  // 423
    out_of_order,        // CSeq not above that of the binding's own Call-ID
    too_many_contacts,
};
std::string_view to_string(EditErrc e);

class BindingEdit {
public:
    BindingEdit(const sip::Message& request, const Flow& flow, const RegistrarPolicy& policy, TimePoint now)
        : request_(request), flow_(flow), policy_(policy), now_(now) {}

    // True: a binding came, went or moved. On error `bindings` may be half edited: it is to be thrown away.
    Result<bool, EditErrc> apply(const Contacts& contacts, std::vector<Binding>& bindings) const;

private:
    Result<bool, EditErrc> remove_all(std::vector<Binding>& bindings) const;
    Result<bool, EditErrc> apply_one(const ContactRequest& contact, std::vector<Binding>& bindings) const;
    bool in_order(const Binding& binding) const;
    Result<std::uint32_t, EditErrc> granted_seconds(const ContactRequest& contact) const;
    void fill(Binding& binding, const ContactRequest& contact, std::uint32_t seconds) const;

    const sip::Message& request_;
    const Flow& flow_;
    const RegistrarPolicy& policy_;
    TimePoint now_;
};

}  // namespace sallyport::registrar
