// INVITE with Replaces (RFC 3891): for whom it is looked at, and what becomes of it. Off unless a trunk or carrier says
// otherwise: then the field means nothing, and who requires it is told 420.
#include "signaling/dialog/replaces.h"
#include "signaling/policy/engine.h"
#include "signaling/stack/core.h"

namespace sallyport::stack {

using sip::HeaderName;

bool Core::may_replace(const policy::Party& party) const {
    const auto trunk = snapshot->trunks.find(party.id);
    if (party.kind == policy::PartyKind::trunk) return trunk != snapshot->trunks.end() && trunk->second.replaces;
    const auto carrier = snapshot->carriers.find(party.id);
    return carrier != snapshot->carriers.end() && carrier->second.replaces;
}

// True: answered, or taken into the call whose party it replaces. Who calls for help replaces nobody: it is a call.
bool Core::replace(const transaction::Request& request, const policy::Party& party) {
    const sip::Message& invite = request.message;
    if (!may_replace(party)) {
        if (!invite.has_token(HeaderName::require, dialog::replaces_option)) return false;
        refuse(request,
               {420, "extension not supported", {{HeaderName::unsupported, std::string(dialog::replaces_option)}}});
        return true;
    }
    const policy::CallFacts facts{.config = *snapshot,
                                  .locations = shared.locations,
                                  .now = now_,
                                  .party = party,
                                  .transport = request.flow.transport,
                                  .request_uri = {}};
    if (const auto verdict = policy::decide_standing(facts); verdict.reject) {
        count(verdict.reject->why);
        refuse(request, {verdict.reject->status, verdict.trace.back().text, {}});
        return true;
    }
    dialog::ReplacesErrc error{};
    const auto what = dialog::replaces_of(invite, error);
    if (!what && error == dialog::ReplacesErrc::none) return false;
    const auto refused = [&](Refusal refusal) {
        statistics.replaces_refused.add();
        log(b2bua::Severity::info, "replaces-refused",
            party.kind == policy::PartyKind::trunk ? party.id : std::string(),
            std::to_string(refusal.status) + ": " + std::string(refusal.why));
        refuse(request, refusal);
        return true;
    };
    if (!what) return refused({400, "malformed Replaces", {}});
    auto cx = context();
    const auto place = calls.index().find_dialog(what->call_id, what->to_tag);
    if (!place) return refused({481, "nobody to replace", {}});
    const auto status = calls.refusal_to_replace(*place, *what, party, cx);
    switch (status) {
        case 0: break;
        case 481: return refused({481, "nobody to replace", {}});
        case 486: return refused({486, "the dialog is confirmed", {}});
        case 603: return refused({603, "the dialog is over, or rings still", {}});
        default:
            return refused({500,
                            "something else is going on in that call",
                            {{HeaderName::retry_after, std::to_string(1 + random.below(10))}}});
    }
    calls.replace(*place, request, party, cx);
    return true;
}

}  // namespace sallyport::stack
