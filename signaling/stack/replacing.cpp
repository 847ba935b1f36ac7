// INVITE with Replaces (RFC 3891): for whom it is looked at, and what becomes of it. Off unless a trunk or carrier says
// otherwise: then the field means nothing, and who requires it is told 420.
#include "signaling/b2bua/cause.h"
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

// True: answered, taken into the call whose party it replaces, or on its way to the shard of that call. Who calls for
// help replaces nobody: it is a call.
bool Core::replace(const transaction::Request& request, const policy::Party& party) {
    const sip::Message& invite = request.message;
    if (!may_replace(party)) {
        if (!invite.has_token(HeaderName::require, dialog::replaces_option)) return false;
        refuse(request,
               {420, "extension not supported", {{HeaderName::unsupported, std::string(dialog::replaces_option)}}});
        return true;
    }
    dialog::ReplacesErrc error{};
    const auto what = dialog::replaces_of(invite, error);
    if (!what && error == dialog::ReplacesErrc::none) return false;
    const policy::CallFacts facts{.config = *snapshot,
                                  .locations = shared.locations,
                                  .now = now_,
                                  .party = party,
                                  .transport = request.flow.transport,
                                  .request_uri = {}};
    if (const auto verdict = policy::decide_standing(facts); verdict.reject) {
        count(verdict.reject->why);
        return refuse_place(request, party, {verdict.reject->status, verdict.trace.back().text, {}});
    }
    if (!what) return refuse_place(request, party, {400, "malformed Replaces", {}});
    return hand_over(request, *what, party) || take_place(request, *what, party);
}

bool Core::refuse_place(const transaction::Request& request, const policy::Party& party, const Refusal& refusal) {
    statistics.replaces_refused.add();
    log(b2bua::Severity::info, "replaces-refused", party.kind == policy::PartyKind::trunk ? party.id : std::string(),
        std::to_string(refusal.status) + ": " + std::string(refusal.why));
    refuse(request, refusal);
    return true;
}

// A call that another shard has: there the INVITE begins anew, and nothing of it stays here. Its Call-ID goes on being
// this shard's until it has been let in.
bool Core::hand_over(const transaction::Request& request, const dialog::Replaces& what, const policy::Party& party) {
    if (handed_over_by_ != nullptr || known_sender || calls.index().find_dialog(what.call_id, what.to_tag))
        return false;
    const auto adopted = shared.adopted.find(what.call_id, [&](std::string_view tag) { return tag == what.from_tag; });
    if (adopted ? *adopted == config.shard : config.is_home(what.call_id)) return false;
    out_->emplace_back(HandOver{request.flow, std::string(request.message.text()), what.call_id, what.from_tag, party});
    layer.ignore(request.server);
    handed_over_.add(request.message, request.flow, {what.call_id, what.from_tag, party}, now_ + config.timers.t64());
    return true;
}

// What belongs to an INVITE that another shard may not have looked at yet. True: it has gone there, too.
bool Core::hand_over_again(const Flow& flow, const sip::Message& message) {
    const bool may_belong =
        message.is_request() && (message.method() == sip::Method::invite || message.method() == sip::Method::cancel);
    const auto* way = may_belong ? handed_over_.way_of(message, flow, now_) : nullptr;
    if (way == nullptr) return false;
    out_->emplace_back(HandOver{flow, std::string(message.text()), way->call_id, way->tag, way->party});
    return true;
}

void Core::on(const HandedOver& input) {
    auto invite = sip::Parser::parse(input.bytes, sip::Framing::datagram, &input.flow.remote);
    if (!invite.has_value()) return;  // the other shard has parsed it
    handed_over_by_ = &input.party;
    layer.receive(input.flow, std::move(*invite), now_, effects_);
    run_effects();
    handed_over_by_ = nullptr;
}

bool Core::take_place(const transaction::Request& request, const dialog::Replaces& what, const policy::Party& party) {
    auto cx = context();
    const auto place = calls.index().find_dialog(what.call_id, what.to_tag);
    const auto status = place ? calls.refusal_to_replace(*place, what, party, *snapshot, cx) : std::uint16_t{481};
    switch (status) {
        case 0: break;
        case 481: return refuse_place(request, party, {481, "nobody to replace", {}});
        case 486: return refuse_place(request, party, {486, "the dialog is confirmed", {}});
        case 603: return refuse_place(request, party, {603, "the dialog is over, or rings still", {}});
        default:
            return refuse_place(request, party,
                                {500,
                                 "something else is going on in that call",
                                 {{HeaderName::retry_after, std::to_string(1 + random.below(10))}}});
    }
    const auto refused = calls.replace(*place, request, party, *snapshot, cx);
    if (!refused) return true;
    count(refused->reject->why);
    Refusal refusal{refused->reject->status, refused->trace.back().text, {}};
    if (refused->reject->retry_after) refusal.fields.push_back({HeaderName::retry_after, retry_after()});
    refusal.fields.push_back({HeaderName::reason, b2bua::q850_reason(refused->reject->q850)});
    return refuse_place(request, party, refusal);
}

}  // namespace sallyport::stack
