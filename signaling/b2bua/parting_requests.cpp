#include "signaling/b2bua/parting_requests.h"

#include <utility>

#include "signaling/b2bua/asker.h"

namespace sallyport::b2bua {
namespace {

constexpr std::size_t most_kept = 10'000;  // about 2 kB each; beyond it a failed place is the last one

}  // namespace

void PartingRequests::send(const dialog::Dialog& dialog, Boxed<NamedPeer> named, const NextHop& hop, std::string text,
                           Context& cx) {
    const auto client = cx.layer.send(hop.flow, text, hop.tls_name, cx.now, cx.effects);
    const bool several = named || NamedPeer::names(dialog, cx.realm(dialog.flow.realm));
    if (!client || !several || size() >= most_kept) return;
    if (named) named->stop_waiting();
    sent_.emplace(client, Parting{dialog, std::move(named), {client, std::move(text), {place_of(hop)}}});
}

bool PartingRequests::on_response(const transaction::Response& response, Context& cx) {
    const auto found = sent_.find(response.client);
    if (found == sent_.end()) return false;
    const std::uint16_t status = response.message.status();
    if (status < 200) return true;
    Parting parting = std::move(found->second);
    sent_.erase(found);
    if (status == 503) seek(std::move(parting), cx);
    return true;
}

bool PartingRequests::on_client_failed(const transaction::ClientFailed& failed, Context& cx) {
    const auto found = sent_.find(failed.client);
    if (found == sent_.end()) return false;
    Parting parting = std::move(found->second);
    sent_.erase(found);
    if (failed.failure != transaction::Failure::too_large) seek(std::move(parting), cx);
    return true;
}

void PartingRequests::seek(Parting parting, Context& cx) {
    const auto& dialog = parting.dialog;
    const auto questions = NamedPeer::seek(parting.named, dialog, cx.realm(dialog.flow.realm), cx.now, cx.random);
    if (questions.empty() && !(parting.named && parting.named->is_waiting()))
        return go_elsewhere(std::move(parting), cx);
    last_ = (last_ + 1) % asker_numbers;
    sought_.insert_or_assign(last_, std::move(parting));
    for (const auto& question : questions) cx.out.emplace_back(Resolve{dns_token(Asker::parting, last_), question});
}

void PartingRequests::on_dns(std::uint64_t number, const locate::Answer& answer, Context& cx) {
    const auto found = sought_.find(number);
    if (found == sought_.end()) return;
    const auto questions = found->second.named->resume(answer, cx.now);
    for (const auto& question : questions) cx.out.emplace_back(Resolve{dns_token(Asker::parting, number), question});
    if (found->second.named->is_waiting()) return;
    Parting parting = std::move(found->second);
    sought_.erase(found);
    go_elsewhere(std::move(parting), cx);
}

// Where no place is left its dialog lives on at the peer until that one finds out by itself.
void PartingRequests::go_elsewhere(Parting parting, Context& cx) {
    const Realm& realm = cx.realm(parting.dialog.flow.realm);
    const auto hop = parting.named ? next_place(parting.request, parting.dialog, realm, *parting.named) : std::nullopt;
    if (!hop) return;
    auto& request = parting.request;
    request.text =
        readdressed(request.text, via_of(realm, hop->flow, cx.layer.new_branch()), contact_of(realm, hop->flow));
    request.client = cx.layer.send(hop->flow, request.text, hop->tls_name, cx.now, cx.effects);
    request.tried.push_back(place_of(*hop));
    cx.counters.elsewhere.add();
    if (request.client) sent_.emplace(request.client, std::move(parting));
}

}  // namespace sallyport::b2bua
