#include "signaling/b2bua/ack_keeper.h"

#include <memory>

#include "signaling/b2bua/cause.h"
#include "signaling/b2bua/next_hop.h"
#include "signaling/b2bua/parting_requests.h"
#include "signaling/dialog/reliable.h"
#include "signaling/sip/parser.h"

namespace sallyport::b2bua {
namespace {

constexpr std::size_t most_kept = 100'000;  // 32 s of answers at more calls a second than a shard can do
constexpr std::size_t most_forks = 16;      // of one INVITE

}  // namespace

void AckKeeper::acknowledge(const SentInvite& invite, std::string_view to_tag, const NextHop& hop, std::string ack,
                            Context& context) {
    Ack kept{hop.flow, std::make_shared<const std::string>(std::move(ack)), hop.tls_name};
    context.effects.emplace_back(kept);
    auto found = answered_.find(invite.client);
    if (found == answered_.end()) {
        // Beyond the limit a repeated 2xx stays unanswered; the BYE of the peer that gives up ends its call.
        if (answered_.size() >= most_kept || !invite.client) return;
        found = answered_.emplace(invite.client, Answered{invite, {}, {}}).first;
        expiry_.emplace_back(context.now + context.settings.timers.t64(), invite.client);
    }
    if (found->second.owed == to_tag) found->second.owed.clear();
    if (found->second.acks.size() < most_forks)
        found->second.acks.insert_or_assign(std::string(to_tag), std::move(kept));
}

bool AckKeeper::absorb(transaction::ClientId client, const sip::Message& response, const Flow& flow, Context& context) {
    const auto found = answered_.find(client);
    if (found == answered_.end()) return false;
    const auto ack = found->second.acks.find(response.to_tag());
    if (ack != found->second.acks.end()) {
        context.effects.emplace_back(ack->second);
    } else if (!found->second.owed.empty()) {
        return false;
    } else if (found->second.acks.size() < most_forks) {
        const SentInvite invite = found->second.invite;
        refuse(invite, response, flow, {}, context);
    }
    return true;
}

void AckKeeper::refuse(const SentInvite& invite, const sip::Message& response, const Flow& flow,
                       std::string_view ack_body, Context& context) {
    const auto request = sip::Parser::parse(invite.text);
    if (!request.has_value()) return;
    auto dialog = dialog::Dialog::as_uac(invite.text, response, flow, invite.tls_name);
    // Its early dialog, which the call has forgotten, may have used numbers for PRACKs.
    constexpr std::uint32_t most_pracks = 1'000'000;
    if (request->has_token(sip::HeaderName::supported, dialog::reliable_option)) dialog.local_cseq += most_pracks;
    const Realm& realm = context.realm(flow.realm);
    const NextHop hop = next_hop(dialog, realm);
    const auto via = [&] { return via_of(realm, hop.flow, context.layer.new_branch()); };
    acknowledge(invite, response.to_tag(), hop,
                dialog.request("ACK", via(), request->cseq().number)
                    .finish(ack_body.empty() ? std::string_view() : "application/sdp", ack_body),
                context);
    auto bye = dialog.request("BYE", via());
    bye.add(sip::HeaderName::reason, q850_reason(16));
    context.partings.send(dialog, {}, hop, bye.finish(), context);
}

void AckKeeper::repeat(transaction::ClientId client, std::string_view to_tag, const Flow& flow,
                       Context& context) const {
    const auto found = answered_.find(client);
    if (found == answered_.end()) return;
    const auto ack = found->second.acks.find(to_tag);
    if (ack == found->second.acks.end()) return;
    Ack again = ack->second;
    again.flow = flow;
    context.effects.emplace_back(std::move(again));
}

void AckKeeper::owe(transaction::ClientId client, std::string_view to_tag) {
    const auto found = answered_.find(client);
    if (found != answered_.end() && !found->second.acks.contains(to_tag)) found->second.owed = to_tag;
}

void AckKeeper::expire(TimePoint now) {
    while (!expiry_.empty() && expiry_.front().first <= now) {
        answered_.erase(expiry_.front().second);
        expiry_.pop_front();
    }
}

}  // namespace sallyport::b2bua
