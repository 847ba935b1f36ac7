#include "signaling/b2bua/targets.h"

#include <algorithm>
#include <utility>

#include "signaling/b2bua/identity.h"
#include "signaling/b2bua/next_hop.h"
#include "signaling/policy/identify.h"
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

std::string Hop::text() const { return place_text({flow.transport, flow.remote, {}}); }

std::string static_request_uri(std::string_view called, std::string_view host) { return public_uri(called, host); }

std::optional<RealmIndex> realm_index(const RealmTable& realms, std::string_view name) {
    for (std::size_t i = 0; i < realms.size(); ++i)
        if (realms[i].name == name) return static_cast<RealmIndex>(i);
    return std::nullopt;
}

locate::Wanted wanted(const config::Target& target, const Realm& realm, bool tls_only, const config::Trunk* trunk) {
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
    for (const auto transport : {Transport::udp, Transport::tcp, Transport::tls}) {
        if (realm.listener(transport, Family::none) == nullptr) continue;
        if (trunk == nullptr || trunk->allows(policy::to_config(transport))) out.supported.push_back(transport);
    }
    const bool v4 = std::any_of(realm.listeners.begin(), realm.listeners.end(),
                                [](const Listener& l) { return l.bind.address.family == Family::v4; });
    const bool v6 = std::any_of(realm.listeners.begin(), realm.listeners.end(),
                                [](const Listener& l) { return l.bind.address.family == Family::v6; });
    if (v4 != v6) out.family = v4 ? Family::v4 : Family::v6;
    if (trunk != nullptr && trunk->family() != Family::none) out.family = trunk->family();
    return out;
}

void Targets::add(Candidate candidate, const Surroundings& around) {
    if (!candidate.health_key.empty() && !around.usable(candidate.health_key))
        pass_over(std::move(candidate));
    else if (candidates_.size() < most_candidates)
        candidates_.push_back(std::move(candidate));
}

void Targets::pass_over(Candidate candidate) {
    if (passed_over_.size() < most_candidates) passed_over_.push_back(std::move(candidate));
}

bool Targets::turn_to_passed_over() {
    if (passed_over_.empty()) return false;
    candidates_ = std::exchange(passed_over_, {});
    next_candidate_ = 0;
    return true;
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
                             std::string_view called, bool emergency, const Surroundings& around) {
    Targets out;
    for (const auto& id : carriers) {
        const auto found = config.carriers.find(id);
        if (found == config.carriers.end()) continue;
        const config::Carrier& carrier = found->second;
        const auto realm = realm_index(around.realms, carrier.realm);
        if (!realm) continue;
        auto targets = carrier.targets;
        order(targets, around.random);
        const std::string number = called_at(carrier, called, emergency);
        for (auto& target : targets) {
            const std::string host = carrier.domain.empty() ? host_of(target) : public_host(carrier);
            Candidate candidate;
            candidate.carrier = id;
            candidate.health_key = target_key(id, target);
            candidate.request_uri = static_request_uri(number, host);
            candidate.host = host;
            candidate.realm = *realm;
            candidate.wanted = wanted(target, around.realms[*realm], carrier.tls.required);
            candidate.large = carrier.large_requests;
            candidate.target = std::move(target);
            out.add(std::move(candidate), around);
        }
    }
    return out;
}

Targets Targets::to_trunk(const config::Trunk& trunk, const std::vector<registrar::Binding>& bindings,
                          std::string_view called, const Surroundings& around) {
    Targets out;
    const auto realm = realm_index(around.realms, trunk.realm);
    if (!realm) return out;
    const std::string host = public_host(trunk);
    const std::string number = policy::translated(trunk.numbering.called_out, called);
    if (trunk.mode == config::TrunkMode::registration) {
        for (const auto& binding : bindings) {
            // Registered before the trunk was changed: SRTP keys, for one, go over TLS alone.
            if (!trunk.allows(policy::to_config(binding.flow.transport))) continue;
            Candidate candidate;
            candidate.request_uri = registrar::target_uri(binding, number);
            candidate.host = host;
            candidate.routes = binding.path;
            candidate.realm = binding.flow.realm;
            candidate.flow = binding.flow;
            out.add(std::move(candidate), around);
        }
        return out;
    }
    auto targets = trunk.targets;
    order(targets, around.random);
    for (auto& target : targets) {
        Candidate candidate;
        candidate.host = host.empty() ? host_of(target) : host;
        candidate.request_uri = static_request_uri(number, candidate.host);
        if (trunk.network.options_interval_seconds != 0)
            candidate.health_key = target_key(trunk_owner(trunk.id), target);
        candidate.realm = *realm;
        candidate.wanted = wanted(target, around.realms[*realm], trunk.tls.required, &trunk);
        if (trunk.allows(config::Transport::tcp)) candidate.large = trunk.large_requests;
        candidate.target = std::move(target);
        out.add(std::move(candidate), around);
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

Targets::Step Targets::next(const Surroundings& around) {
    while (current_ && next_located_ < located_.size()) {
        const auto& at = located_[next_located_++];
        const std::string key =
            current_->health_key.empty() ? std::string() : place_key(current_->health_key, current_->target, at);
        if (!key.empty() && !around.usable(key)) {
            Candidate place = *current_;
            place.at = at;
            pass_over(std::move(place));
            continue;
        }
        ++tried_;
        Hop there =
            hop(*current_, outgoing_flow(around.realms[current_->realm], current_->realm, at.transport, at.endpoint),
                at.transport == Transport::tls ? at.tls_name : std::string());
        there.health_key = key;
        if (at.transport == Transport::udp) there.large = stream_use(current_->large, !at.assumed);
        return there;
    }
    locator_.reset();
    located_.clear();
    next_located_ = 0;
    if (next_candidate_ == candidates_.size()) {
        current_.reset();
        return Exhausted{!passed_over_.empty() && tried_ == 0};
    }
    current_ = candidates_[next_candidate_++];
    if (current_->flow) {
        ++tried_;
        return hop(*current_, *current_->flow, {});
    }
    if (current_->at) {
        located_ = {*current_->at};
        return next(around);
    }
    locator_.emplace(current_->wanted, around.random);
    return take(locator_->start(), around);
}

Targets::Step Targets::resume(const locate::Answer& answer, const Surroundings& around) {
    if (!locator_) return std::vector<locate::Question>{};
    return take(locator_->resume(answer), around);
}

Targets::Step Targets::take(locate::Step step, const Surroundings& around) {
    if (auto* questions = std::get_if<std::vector<locate::Question>>(&step)) return std::move(*questions);
    locator_.reset();
    if (auto* found = std::get_if<std::vector<locate::Located>>(&step)) {
        located_ = std::move(*found);
        next_located_ = 0;
    }
    return next(around);
}

}  // namespace sallyport::b2bua
