// A request within a dialog whose place has failed goes on to the next one that its next hop stands for (RFC 3263 4.3):
// after no answer in time, a broken way or 503. It is the same request with a branch of its own, so that its CANCEL
// goes where it has gone; its ACK, and what the leg says next, go to who has answered. Nobody's request is carried on
// who does not wait any more. A first place that answers after all has answered the request.
#include <utility>

#include "signaling/b2bua/call.h"
#include "signaling/b2bua/next_place.h"
#include "signaling/sip/parser.h"

namespace sallyport::b2bua {

namespace {

std::uint32_t cseq_of(const std::string& request) {
    const auto parsed = sip::Parser::parse(request);
    return parsed.has_value() ? parsed->cseq().number : 0;
}

}  // namespace

transaction::ClientId Call::send_placed(Leg& l, const NextHop& hop, std::string text, Context& cx) const {
    const auto client = cx.layer.send(hop.flow, text, hop.tls_name, cx.now, cx.effects);
    note_large(l, hop, client);
    if (l.named) l.placed.add(client, std::move(text), hop);
    cx.index.add(client, id_);
    return client;
}

transaction::ClientId Call::send_placed(Fork& fork, const NextHop& hop, std::string text, Context& cx) const {
    const auto client = cx.layer.send(hop.flow, text, hop.tls_name, cx.now, cx.effects);
    if (fork.named) fork.placed.add(client, std::move(text), hop);
    cx.index.add(client, id_);
    return client;
}

void Call::tell_elsewhere(Side side, const NextHop& hop, const std::string& text, Context& cx) {
    cx.counters.elsewhere.add();
    ladder_.note(cx.now, "that place has failed: on to " + place_text({hop.flow.transport, hop.flow.remote, {}}));
    ladder_.message(cx.now, side, Ladder::Way::out, ladder_text(std::string_view(text)));
}

// True: the request has gone on. Otherwise its failure is what it is.
bool Call::go_elsewhere(transaction::ClientId failed, Context& cx) {
    for (const Side side : {Side::a, Side::b})
        if (go_elsewhere(leg(side), side, end(side), failed, cx)) return true;
    if (replaced_ && go_elsewhere(replaced_->leg, replaced_->side, replaced_->end, failed, cx)) return true;
    for (Fork& fork : forks_)
        if (go_elsewhere(fork, failed, cx)) return true;
    return false;
}

bool Call::go_elsewhere(Leg& l, Side side, const End& who, transaction::ClientId failed, Context& cx) {
    // TCP is refused for its size alone: it goes over UDP to the same place first.
    if (l.large && l.large->client == failed && l.large->use == StreamUse::first) return false;
    auto request = l.placed.take(failed);
    if (!request || !l.named) return false;
    const bool inviting = l.client && l.client->client == failed;
    const bool wanted = l.bye == failed || (l.renewal == failed && phase_ == Phase::answered) ||
                        (early_ && early_->client == failed) ||
                        (inviting && !l.client_cancelled && phase_ < Phase::releasing);
    auto hop = wanted ? next_place(*request, l.dialog, cx.realm(l.realm), *l.named) : std::nullopt;
    if (!hop) return false;
    hop->large = stream_use_of(who, !hop->any_transport);
    go_over_stream(*hop, request->text.size(), cx);
    const Realm& realm = cx.realm(hop->flow.realm);
    std::string text =
        readdressed(request->text, via_of(realm, hop->flow, cx.layer.new_branch()), contact_of(realm, hop->flow));
    tell_elsewhere(side, *hop, text, cx);
    const auto client = cx.layer.send(hop->flow, text, hop->tls_name, cx.now, cx.effects);
    note_large(l, *hop, client);
    cx.index.remove(failed);
    cx.index.add(client, id_);
    if (l.bye == failed) l.bye = client;
    if (l.renewal == failed) l.renewal = client;
    if (early_ && early_->client == failed) early_->client = client;
    if (inviting) {
        const bool update = l.client->update;
        l.client = SentInvite{client, text, hop->flow, hop->tls_name, update};
        if (!update) start_timer(CallTimer::no_answer, transaction::timer_c, cx);
    }
    l.placed.add(client, std::move(text), *hop, std::move(request->tried));
    return true;
}

// A PRACK, or an offer before the callee has answered.
bool Call::go_elsewhere(Fork& fork, transaction::ClientId failed, Context& cx) {
    auto request = fork.placed.take(failed);
    if (!request || !fork.named || phase_ != Phase::calling) return false;
    const auto hop = next_place(*request, *fork.callee, cx.realm(leg(Side::b).realm), *fork.named);
    if (!hop) return false;
    const Realm& realm = cx.realm(hop->flow.realm);
    std::string text =
        readdressed(request->text, via_of(realm, hop->flow, cx.layer.new_branch()), contact_of(realm, hop->flow));
    tell_elsewhere(Side::b, *hop, text, cx);
    const auto client = cx.layer.send(hop->flow, text, hop->tls_name, cx.now, cx.effects);
    cx.index.remove(failed);
    cx.index.add(client, id_);
    for (Prack& prack : fork.pracks)
        if (prack.client == failed) prack.client = client;
    if (early_ && early_->client == failed) early_->client = client;
    fork.placed.add(client, std::move(text), *hop, std::move(request->tried));
    return true;
}

// It is finally answered. Who has answered in place of another is who the peer is met at from now on, and after a
// restart too.
void Call::forget_placed(const transaction::Response& answer, Context& cx) {
    for (const Side side : {Side::a, Side::b}) {
        const auto request = leg(side).placed.take(answer.client);
        if (!request || request->tried.size() < 2) continue;
        if (request->tried.back() == NamedPeer::Place{answer.flow.transport, answer.flow.remote})
            move_flow(side, answer.flow, cx);
    }
    if (replaced_) replaced_->leg.placed.take(answer.client);
    for (Fork& fork : forks_) fork.placed.take(answer.client);
}

// The 2xx to an INVITE that has gone elsewhere meanwhile, whose first transaction is over. It is the answer, or that of
// the next place again: then it is acknowledged where it has come from (RFC 3261 13.2.2.4).
bool Call::has_gone_elsewhere(Side side, const transaction::StrayResponse& ok, Context& cx) {
    Leg& l = leg(side);
    if (!l.established || ok.message.to_tag() != l.dialog.id.remote_tag) return false;
    const std::uint32_t cseq = ok.message.cseq().number;
    if (l.client && !l.client->update && cseq_of(l.client->text) == cseq) {
        ladder_.note(cx.now, "the place before has answered after all");
        if (l.named) l.named->meet_at({ok.flow.transport, ok.flow.remote});
        move_flow(side, ok.flow, cx);
        on_response({l.client->client, ok.flow, ok.message}, cx);
    } else if (l.acknowledged_cseq == cseq) {
        cx.acks.repeat(l.acknowledged, ok.message.to_tag(), ok.flow, cx);
    }
    return true;
}

}  // namespace sallyport::b2bua
