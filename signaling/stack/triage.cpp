// What a message is worth before it is parsed, and the refusal that costs next to nothing (RFC 5390, RFC 6357): only
// while this shard has more to do than it can, where a call that is up, an emergency and a binding that lives are never
// refused; and while one source address has all the transactions that are its share.
#include "signaling/stack/core.h"

namespace sallyport::stack {

using policy::WorkClass;

namespace {

constexpr std::size_t strangers_part = 10;  // of whom no trunk or carrier knows: one in so many of a trunk's share

// RFC 5031: "urn:service:sos" and what is below it.
bool is_emergency(const sip::Glimpse& seen) {
    constexpr std::string_view sos = "urn:service:sos";
    const auto head = seen.request_uri.substr(0, sos.size());
    return seen.method == "INVITE" &&
           (seen.esnet || (sip::equal_ignoring_case(head, sos) &&
                           (seen.request_uri.size() == sos.size() || seen.request_uri[sos.size()] == '.')));
}

// "112" of "sip:112@sip.example.net;user=phone".
std::string_view user_of(std::string_view uri) {
    const auto colon = uri.find(':');
    if (colon == uri.npos) return {};
    uri.remove_prefix(colon + 1);
    return uri.substr(0, uri.find_first_of("@;?"));
}

std::optional<sip::ViaView> top_via_of(const sip::Glimpse& seen) {
    const auto via = sip::view_via(sip::first_of_list(seen.vias.front()));
    return via.has_value() ? std::optional(*via) : std::nullopt;
}

}  // namespace

Core::Entry Core::entry_of(const Flow& flow, std::string_view bytes, Duration busy) {
    overload.observe(busy, now_);
    statistics.overload_permille.set(static_cast<std::uint64_t>(overload.level() * 1'000));
    const auto load = layer.load_of(flow.remote.address);
    const bool within_least = is_within(load, config.source_transactions / strangers_part);
    if (overload.level() == 0 && within_least && !layer.is_full()) return Entry::taken;  // nearly always
    const auto seen = sip::glimpse(bytes);
    if (seen.method == "ACK" && seen.to_tag.starts_with(overload_mark_)) {
        statistics.overload_acks.add();
        return Entry::refused;
    }
    const auto via = top_via_of(seen);
    if (seen.response || seen.method == "ACK" || seen.method == "CANCEL" || (via && layer.knows(seen.method, *via)))
        return Entry::taken;  // makes no transaction
    const WorkClass work = classify(flow, seen);
    const std::size_t share = within_least ? 0 : share_of(flow);
    if (!within_least && !is_within(load, share) && !may_exceed_share(work, load, share)) {
        statistics.refused_share.add();
        complain("source-share-exhausted", {},
                 flow.remote.address.to_string() + " has " + std::to_string(load.open) + " requests open, with " +
                     std::to_string(load.bytes) + " bytes: " + std::string(to_string(work)) + " is refused");
    } else if (overload.admit(work)) {
        return work == WorkClass::emergency ? Entry::urgent : Entry::taken;
    } else {
        statistics.refused_overload[static_cast<std::size_t>(work)].add();
    }
    refuse_unparsed(flow, seen, bytes.size());
    return Entry::refused;
}

// CVE-2021-41145: whoever floods fills his own share of what this shard keeps, and nobody else's. A carrier's address
// stands for a whole network, and still leaves half to the PBXs.
std::size_t Core::share_of(const Flow& flow) const {
    const auto party = snapshot ? policy::identify(*snapshot, settings.realms[flow.realm], flow, shared.locations,
                                                   health.learned(), now_)
                                : policy::Party{};
    switch (party.kind) {
        case policy::PartyKind::unknown: break;
        case policy::PartyKind::trunk: return config.source_transactions;
        case policy::PartyKind::carrier: return config.max_transactions / 2;
    }
    return config.source_transactions / strangers_part;
}

// Of bytes as of transactions: large requests must not fill in a few what many small ones may not.
bool Core::is_within(const transaction::SourceLoad& load, std::size_t share) const {
    const std::size_t bytes_each = config.max_transaction_bytes / config.max_transactions;
    return load.open < share && load.bytes < share * bytes_each;
}

bool Core::may_exceed_share(WorkClass work, const transaction::SourceLoad& load, std::size_t share) const {
    switch (work) {
        case WorkClass::emergency: return true;  // so many a second of one source, no more
        case WorkClass::in_dialog:
        case WorkClass::refresh: return is_within(load, share + share / 8);  // as in the layer
        case WorkClass::new_work:
        case WorkClass::rest: return false;
    }
    return false;
}

// A To tag alone proves nothing: whoever writes one must not pass for a call that is up.
WorkClass Core::classify(const Flow& flow, const sip::Glimpse& seen) {
    if (!seen.to_tag.empty() && calls.index().find_dialog(seen.call_id, seen.to_tag)) return WorkClass::in_dialog;
    if ((is_emergency(seen) || dials_emergency(seen)) && is_plausible_emergency(flow.remote.address))
        return WorkClass::emergency;
    if (seen.method == "INVITE") return seen.to_tag.empty() ? WorkClass::new_work : WorkClass::rest;
    if (seen.method != "REGISTER") return WorkClass::rest;
    if (shared.locations.has_binding(flow, now_)) return WorkClass::refresh;
    return seen.credentials ? WorkClass::new_work : WorkClass::rest;
}

// As some trunk's dial plan has it: whose call it is nobody knows yet.
bool Core::dials_emergency(const sip::Glimpse& seen) const {
    return seen.method == "INVITE" && emergency_numbers_.contains(user_of(seen.request_uri));
}

void Core::learn_emergency_numbers() {
    emergency_numbers_.clear();
    for (const auto& [id, trunk] : snapshot->trunks) {
        const auto& plan = trunk.numbering.dial_plan;
        for (const auto& number : plan.emergency_numbers) {
            emergency_numbers_.insert(number);
            emergency_numbers_.insert(plan.outside_line + number);
        }
    }
}

bool Core::seems_for_help(std::string_view bytes) const {
    const auto seen = sip::glimpse(bytes);
    return is_emergency(seen) || dials_emergency(seen);
}

// Where there is no room for transactions: as much as of a source is believed under overload.
bool Core::comes_first(const Flow& flow, const sip::Message& request) {
    return request.method() == sip::Method::invite && seems_for_help(request.text()) &&
           is_plausible_emergency(flow.remote.address);
}

// One source gets so many a second: more compete as calls, so that this is no way in for a flood.
bool Core::is_plausible_emergency(const IpAddress& source) {
    constexpr std::size_t most_sources = 4'096;
    if (emergencies_.size() >= most_sources) emergencies_.forget_idle(now_);
    return emergencies_.size() < most_sources && emergencies_.try_take(source.to_string(), now_);
}

void Core::refuse_unparsed(const Flow& flow, const sip::Glimpse& seen, std::size_t bytes) {
    const auto answer = sip::refuse_briefly(seen, flow.remote, overload_mark_, retry_after());
    if (!answer || (flow.transport == Transport::udp && answer->text.size() > 3 * bytes)) return;
    const auto via = sip::view_via(answer->via);
    if (!via.has_value()) return;
    effects_.emplace_back(transaction::Transmit{
        transaction::response_flow(flow, *via), std::make_shared<const std::string>(answer->text), {}});
}

}  // namespace sallyport::stack
