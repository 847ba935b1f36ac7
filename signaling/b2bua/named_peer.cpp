#include "signaling/b2bua/named_peer.h"

#include <algorithm>
#include <utility>
#include <variant>

#include "signaling/b2bua/targets.h"

namespace sallyport::b2bua {
namespace {

constexpr Duration shortest_life = 5s, longest_life = 1h;  // of what DNS has said, whatever it says of that
constexpr Duration retry_after_failure = 30s;
constexpr std::size_t most_places = 8;  // kept for a dialog, best first

config::Transport provisioned(Transport transport) {
    switch (transport) {
        case Transport::udp: return config::Transport::udp;
        case Transport::tcp: return config::Transport::tcp;
        case Transport::tls: return config::Transport::tls;
    }
    return config::Transport::unspecified;
}

}  // namespace

std::optional<Transport> named_transport(const sip::Uri& uri, Transport current) {
    if (uri.scheme == sip::Scheme::sips || current == Transport::tls) return Transport::tls;
    const auto named = uri.parameters.value("transport");
    if (!named) return std::nullopt;
    if (sip::equal_ignoring_case(*named, "tcp")) return Transport::tcp;
    if (sip::equal_ignoring_case(*named, "udp")) return Transport::udp;
    return std::nullopt;  // transport=tls is ignored (SIPconnect 8.1)
}

// Beside a port DNS names no transport (RFC 3263 4.1): there the peer is met over the one that it uses.
NamedPeer::NamedPeer(std::string_view uri_text, const sip::Uri& uri, const Flow& used, const Realm& realm,
                     RandomSource& random)
    : uri_(uri_text) {
    const auto named = named_transport(uri, used.transport);
    config::Target target{uri.host, uri.port};
    const bool tls = named == Transport::tls;
    if (named && !tls) target.transport = provisioned(*named);
    assumed_ = !named && uri.port != 0;
    if (assumed_) target.transport = provisioned(used.transport);
    locator_.emplace(wanted(target, realm, tls), random);
}

bool NamedPeer::names(const dialog::Dialog& dialog, const Realm& realm) {
    if (!realm.trusted) return false;
    const auto uri = sip::parse_uri(dialog.next_hop());
    return uri.has_value() && !uri->host.empty() && !uri->host_address();
}

NamedPeer::Questions NamedPeer::seek(Boxed<NamedPeer>& peer, const dialog::Dialog& dialog, const Realm& realm,
                                     TimePoint now, RandomSource& random) {
    if (!realm.trusted) return {};
    const std::string_view next = dialog.next_hop();
    const bool known = peer && peer->uri_ == next;
    if (known && (peer->locator_ || now < peer->until_)) return {};
    const auto uri = sip::parse_uri(next);
    if (!uri.has_value() || uri->host.empty() || uri->host_address()) {
        peer.reset();
        return {};
    }
    NamedPeer anew(next, *uri, dialog.flow, realm, random);
    if (known) {
        anew.located_ = std::move(peer->located_);  // until there is an answer, or if there is none
        anew.met_ = peer->met_;
    }
    peer = std::move(anew);
    return peer->take(peer->locator_->start(), now);
}

NamedPeer::Questions NamedPeer::resume(const locate::Answer& answer, TimePoint now) {
    if (!locator_) return {};
    const bool says = answer.status == locate::DnsStatus::ok;
    if (says) ttl_ = ttl_ == Duration{} ? answer.ttl : std::min(ttl_, answer.ttl);
    return take(locator_->resume(answer), now);
}

NamedPeer::Questions NamedPeer::take(locate::Step step, TimePoint now) {
    if (auto* questions = std::get_if<Questions>(&step)) return std::move(*questions);
    locator_.reset();
    until_ = now + retry_after_failure;
    auto* found = std::get_if<std::vector<locate::Located>>(&step);
    if (found == nullptr || found->empty()) return {};
    located_ = std::move(*found);
    located_.resize(std::min(located_.size(), most_places));
    if (assumed_)
        for (auto& each : located_) each.assumed = true;
    until_ = now + std::clamp(ttl_, shortest_life, longest_life);
    return {};
}

std::optional<locate::Located> NamedPeer::place(std::string_view uri, const Flow& used,
                                                const std::vector<Place>& tried) const {
    if (uri != uri_) return std::nullopt;
    enum class Claim : std::uint8_t { listed, has_dialog, met };
    const auto claim = [&](const locate::Located& each) {
        if (met_ == Place{each.transport, each.endpoint}) return Claim::met;
        const bool here = each.transport == used.transport && each.endpoint.address == used.remote.address &&
                          (is_reliable(used.transport) || each.endpoint.port == used.remote.port);
        return here ? Claim::has_dialog : Claim::listed;
    };
    std::optional<locate::Located> best;
    for (auto each : located_) {
        if (each.assumed) each.transport = used.transport;  // never TLS: that is nobody's assumption
        if (std::find(tried.begin(), tried.end(), Place{each.transport, each.endpoint}) != tried.end()) continue;
        if (!best || claim(each) > claim(*best)) best = std::move(each);
    }
    return best;
}

}  // namespace sallyport::b2bua
