// A PBX that answers with 300, 301 or 302 has sent its caller elsewhere, and this node goes there in the caller's place
// (SIPconnect 11.2, RFC 3261 8.1.3.4): number by number, each judged as if that PBX had called it. The caller never
// sees a redirection.
#include <algorithm>

#include "signaling/b2bua/call.h"
#include "signaling/policy/engine.h"

namespace sallyport::b2bua {

using sip::HeaderName;

namespace {

constexpr std::size_t most_forwards = 5;   // of one call, however many PBXs send it on (D-23)
constexpr std::size_t most_contacts = 32;  // of one answer, that are looked at

// By q, the best ones first, and as they stand among equals. What names no number by its kind is nothing.
std::vector<sip::Uri> by_preference(const sip::Message& redirection) {
    std::vector<sip::NameAddr> contacts;
    for (const auto value : redirection.each(HeaderName::contact)) {
        auto parsed = sip::parse_name_addr(value);
        const bool nobody = !parsed.has_value() || parsed->uri.scheme == sip::Scheme::other;
        if (!nobody && contacts.size() < most_contacts) contacts.push_back(std::move(*parsed));
    }
    std::stable_sort(contacts.begin(), contacts.end(),
                     [](const auto& a, const auto& b) { return sip::q_of(a) > sip::q_of(b); });
    if (contacts.size() > most_forwards) contacts.resize(most_forwards);
    std::vector<sip::Uri> out;
    out.reserve(contacts.size());
    for (auto& contact : contacts) out.push_back(std::move(contact.uri));
    return out;
}

}  // namespace

bool Call::follow(const sip::Message& redirection, Context& cx) {
    const auto status = redirection.status();
    const bool names_others = status == 300 || status == 301 || status == 302;  // 305, 380: no other number
    if (!names_others || !is_pbx(Side::b) || admitted_.emergency) return false;
    if (trunk_of(end_id(Side::b)).forwarding.keep_redirects) return false;
    auto targets = by_preference(redirection);
    for (auto target = targets.rbegin(); target != targets.rend(); ++target)
        named_targets_.push_back({{admitted_.called, {}, end_id(Side::b), status, 0}, std::move(*target)});
    return go_on_forwarding(status, cx);
}

// The next target that somebody has named and policy lets in; false: there is none, and the call has failed. `status`:
// why the last one was left, 0: it could not be called.
bool Call::go_on_forwarding(std::uint16_t status, Context& cx) {
    constexpr std::uint16_t unavailable = 480;
    if (auto& done = record_.forwards; !done.empty() && done.back().left == 0)
        done.back().left = status != 0 ? status : unavailable;
    while (!named_targets_.empty()) {
        NamedTarget next = std::move(named_targets_.back());
        named_targets_.pop_back();
        if (!admit_forward(std::move(next), cx)) continue;
        seek_hop(cx);
        return true;
    }
    return false;
}

// Lets the call be the next one's, whose targets are found; where they are is asked for by whoever has called this.
bool Call::admit_forward(NamedTarget next, Context& cx) {
    if (record_.forwards.size() >= most_forwards) {
        ladder_.note(cx.now, "forwarded too often");
        return false;
    }
    std::vector<std::string> been_at{record_.called};
    for (const auto& forward : record_.forwards) been_at.push_back(forward.to);
    next.uri.host.clear();  // a number is a number, whoever's name is beside it
    const policy::CallFacts facts{.config = *config_,
                                  .locations = cx.locations,
                                  .now = cx.now,
                                  .party = {policy::PartyKind::trunk, next.forward.trunk, policy::Proof::none},
                                  .request_uri = std::move(next.uri),
                                  .invite = &*invite_,
                                  .draw = cx.random.u32(),
                                  .been_at = std::move(been_at),
                                  .caller_trunk = is_pbx(Side::a) ? end_id(Side::a) : std::string(),
                                  .holding = &admitted_.holding};
    // A PBX that has sent its caller elsewhere is rid of the call; where that is called at its cost, it takes a place
    // again, in the same moment.
    auto verdict = policy::decide_forward(facts, cx.gauges);
    cx.remember(verdict);
    if (verdict.reject) {
        const std::string why = std::string(to_string(verdict.reject->why)) + ": " + verdict.trace.back().text;
        ladder_.note(cx.now, "not forwarded, " + why);
        cx.counters.forwards_refused.add();
        log(is_about_fraud(verdict.reject->why) ? Severity::warning : Severity::info, "forward-refused", why, cx);
        return false;
    }
    admitted_ = std::move(verdict.admitted);
    next.forward.to = admitted_.called;
    record_.forwards.push_back(std::move(next.forward));
    const Forward& forward = record_.forwards.back();
    const std::string text = forward.from + " of trunk " + forward.trunk + " sends the call on to " + forward.to;
    ladder_.note(cx.now, text);
    set_ends();
    log(Severity::info, "call-forwarded", text, cx);
    cx.counters.forwards.add();
    begin_leg_b_anew(cx);
    // It belongs to no dialog that it could be acknowledged in.
    if (caller_reliability() != dialog::Reliability::required)
        respond(Side::a, 181, go_ahead(Side::a, 181, cx), {}, cx);
    targets_ = find_targets(cx);
    return true;
}

// Another party: nothing of the leg to the one before is told to it.
void Call::begin_leg_b_anew(Context& cx) {
    cx.index.remove_dialog(leg(Side::b).call_id, leg(Side::b).local_tag);
    leg(Side::b) = Leg{};
    bridge_.at(Side::b) = {};
    bridge_.begin(Side::b, cx.random.u32());
    last_failure_ = 0;
    unreached_ = overflowed_ = false;
}

// A PBX is believed of its own numbers, and of who is called; one that may show any caller, of all. A caller who must
// not be known may be one of those that are named.
HistoryView Call::history_view(std::string_view core_host) const {
    const bool from_pbx = is_pbx(Side::a), to_pbx = is_pbx(Side::b);
    const config::Trunk& pbx = trunk_of(end_id(from_pbx ? Side::a : Side::b));
    const config::Trunk& called_pbx = trunk_of(end_id(Side::b));
    const config::Carrier &caller = carrier_of(end_id(Side::a)), &callee = carrier_of(end_id(Side::b));
    const std::string host = to_pbx ? public_host(called_pbx) : std::string(core_host);
    const bool any = !from_pbx || pbx.identity.trusted || pbx.identity.screening == config::Screening::pass;
    const bool none = caller_hidden_ || (!from_pbx && caller.identity.untrusted);
    return {from_pbx ? pbx.numbering : caller.numbering,
            from_pbx ? public_host(pbx) : caller.domain,
            to_pbx ? called_pbx.numbering.calling_out : callee.numbering.calling_out,
            host.empty() ? "unknown.invalid" : host,
            [&pbx, any, none, called = record_.called](std::string_view number) {
                return !none && (any || number == called || pbx.owns(number));
            },
            to_pbx ? called_pbx.identity.trusted : !callee.identity.untrusted,
            !to_pbx && callee.identity.diversion};
}

}  // namespace sallyport::b2bua
