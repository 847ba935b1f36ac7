#include "signaling/b2bua/targets.h"

#include <algorithm>

#include "signaling/b2bua/identity.h"
#include "signaling/b2bua/next_hop.h"
#include "signaling/policy/numbering.h"
#include "signaling/registrar/registrar.h"

namespace sallyport::b2bua {
namespace {

constexpr std::size_t most_candidates = 32;  // hops tried for one call

std::string host_of(const config::Target& target) {
    const auto address = IpAddress::parse(target.host);
    return address ? host_text(*address) : target.host;
}

}  // namespace

std::string Hop::text() const {
    std::string out(to_string(flow.transport));
    std::transform(out.begin(), out.end(), out.begin(), [](char c) { return static_cast<char>(c | 0x20); });
    return out + " " + flow.remote.to_string();
}

std::string static_request_uri(std::string_view called, std::string_view host) { return public_uri(called, host); }

std::optional<RealmIndex> realm_index(const RealmTable& realms, std::string_view name) {
    for (std::size_t i = 0; i < realms.size(); ++i)
        if (realms[i].name == name) return static_cast<RealmIndex>(i);
    return std::nullopt;
}

locate::Wanted wanted(const config::Target& target, const Realm& realm, bool tls_only) {
    locate::Wanted out;
    out.host = target.host;
    out.port = target.port;
    out.sips = tls_only;
    switch (target.transport) {
        case config::Transport::unspecified: break;
        case config::Transport::udp: out.transport = Transport::udp; break;
        case config::Transport::tcp: out.transport = Transport::tcp; break;
        case config::Transport::tls: out.transport = Transport::tls; break;
    }
    out.supported.clear();
    for (const auto transport : {Transport::udp, Transport::tcp, Transport::tls})
        if (realm.listener(transport, Family::none) != nullptr) out.supported.push_back(transport);
    const bool v4 = std::any_of(realm.listeners.begin(), realm.listeners.end(),
                                [](const Listener& l) { return l.bind.address.family == Family::v4; });
    const bool v6 = std::any_of(realm.listeners.begin(), realm.listeners.end(),
                                [](const Listener& l) { return l.bind.address.family == Family::v6; });
    if (v4 != v6) out.family = v4 ? Family::v4 : Family::v6;
    return out;
}

// RFC 2782's order: by priority, and among equals drawn by weight.
void Targets::order(std::vector<config::Target>& targets, RandomSource& random) {
    std::stable_sort(targets.begin(), targets.end(),
                     [](const config::Target& a, const config::Target& b) { return a.priority < b.priority; });
    for (std::size_t i = 0; i < targets.size(); ++i) {
        std::size_t end = i;
        std::uint32_t total = 0;
        while (end < targets.size() && targets[end].priority == targets[i].priority) total += targets[end++].weight;
        if (end - i < 2 || total == 0) continue;
        std::uint32_t drawn = random.below(total + 1);
        std::size_t chosen = i;
        while (chosen + 1 < end && drawn > targets[chosen].weight) drawn -= targets[chosen++].weight;
        std::rotate(targets.begin() + static_cast<std::ptrdiff_t>(i),
                    targets.begin() + static_cast<std::ptrdiff_t>(chosen),
                    targets.begin() + static_cast<std::ptrdiff_t>(chosen) + 1);
    }
}

Targets Targets::to_carriers(const config::Snapshot& config, const std::vector<std::string>& carriers,
                             std::string_view called, const RealmTable& realms, const TargetHealth& health,
                             RandomSource& random) {
    Targets out;
    std::size_t down = 0;
    for (const auto& id : carriers) {
        const auto found = config.carriers.find(id);
        if (found == config.carriers.end()) continue;
        const config::Carrier& carrier = found->second;
        const auto realm = realm_index(realms, carrier.realm);
        if (!realm) continue;
        auto targets = carrier.targets;
        order(targets, random);
        const std::string number = policy::translated(carrier.numbering.called_out, called);
        for (auto& target : targets) {
            std::string key = target_key(id, target);
            if (!health.up(key)) {
                ++down;
                continue;
            }
            if (out.candidates_.size() >= most_candidates) break;
            const std::string host = carrier.domain.empty() ? host_of(target) : public_host(carrier);
            out.candidates_.push_back({id,
                                       std::move(key),
                                       static_request_uri(number, host),
                                       host,
                                       {},
                                       *realm,
                                       std::nullopt,
                                       std::move(target),
                                       carrier.tls.required});
        }
    }
    out.all_down_ = out.candidates_.empty() && down > 0;
    return out;
}

Targets Targets::to_trunk(const config::Trunk& trunk, const std::vector<registrar::Binding>& bindings,
                          std::string_view called, const RealmTable& realms, RandomSource& random) {
    Targets out;
    const auto realm = realm_index(realms, trunk.realm);
    if (!realm) return out;
    const std::string host = public_host(trunk);
    const std::string number = policy::translated(trunk.numbering.called_out, called);
    if (trunk.mode == config::TrunkMode::registration) {
        for (const auto& binding : bindings) {
            if (out.candidates_.size() >= most_candidates) break;
            out.candidates_.push_back({{},
                                       {},
                                       registrar::target_uri(binding, number),
                                       host,
                                       binding.path,
                                       binding.flow.realm,
                                       binding.flow,
                                       {},
                                       false});
        }
        return out;
    }
    auto targets = trunk.targets;
    order(targets, random);
    for (auto& target : targets) {
        const std::string to = host.empty() ? host_of(target) : host;
        out.candidates_.push_back({{},
                                   {},
                                   static_request_uri(number, to),
                                   to,
                                   {},
                                   *realm,
                                   std::nullopt,
                                   std::move(target),
                                   trunk.tls.required});
    }
    return out;
}

Hop Targets::hop(const Candidate& candidate, const Flow& flow, std::string tls_name) const {
    Hop out;
    out.carrier = candidate.carrier;
    out.health_key = candidate.health_key;
    out.request_uri = candidate.request_uri;
    out.host = candidate.host;
    out.routes = candidate.routes;
    out.flow = flow;
    out.tls_name = std::move(tls_name);
    return out;
}

std::optional<Targets::Outlook> Targets::outlook() const {
    if (candidates_.empty()) return std::nullopt;
    const Candidate& first = candidates_.front();
    Outlook out{first.realm, Family::none, first.carrier};
    if (first.flow)
        out.family = first.flow->remote.address.family;
    else if (const auto literal = IpAddress::parse(first.target.host))
        out.family = literal->family;
    return out;
}

Targets::Step Targets::next(const RealmTable& realms, RandomSource& random) {
    if (current_ && next_located_ < located_.size()) {
        const auto& at = located_[next_located_++];
        Hop there = hop(*current_, outgoing_flow(realms[current_->realm], current_->realm, at.transport, at.endpoint),
                        at.transport == Transport::tls ? at.tls_name : std::string());
        there.any_transport = at.assumed;
        return there;
    }
    locator_.reset();
    located_.clear();
    next_located_ = 0;
    if (next_candidate_ == candidates_.size()) {
        current_.reset();
        return Exhausted{all_down_};
    }
    current_ = candidates_[next_candidate_++];
    if (current_->flow) return hop(*current_, *current_->flow, {});
    locator_.emplace(wanted(current_->target, realms[current_->realm], current_->tls_only), random);
    return take(locator_->start(), realms, random);
}

Targets::Step Targets::resume(const locate::Answer& answer, const RealmTable& realms, RandomSource& random) {
    if (!locator_) return std::vector<locate::Question>{};
    return take(locator_->resume(answer), realms, random);
}

Targets::Step Targets::take(locate::Step step, const RealmTable& realms, RandomSource& random) {
    if (auto* questions = std::get_if<std::vector<locate::Question>>(&step)) return std::move(*questions);
    locator_.reset();
    if (auto* found = std::get_if<std::vector<locate::Located>>(&step)) {
        located_ = std::move(*found);
        next_located_ = 0;
    }
    return next(realms, random);
}

}  // namespace sallyport::b2bua
