#include "signaling/rpc/state_service.h"

#include <algorithm>
#include <map>
#include <tuple>
#include <utility>

#include "signaling/rpc/ask_shards.h"
#include "signaling/rpc/state_convert.h"

namespace sallyport::rpc {
namespace {

const grpc::Status shard_busy(grpc::StatusCode::UNAVAILABLE, "a shard does not answer in time; try again");
const grpc::Status bad_page(grpc::StatusCode::INVALID_ARGUMENT,
                            "page_size is 0..1000 and page_token is what the previous page gave");

// Every page copies all calls before it, on the threads that do SIP.
constexpr std::size_t deepest_call = 10'000;
const grpc::Status too_deep(grpc::StatusCode::INVALID_ARGUMENT,
                            "the newest 10000 calls can be listed; name a trunk to see older ones of it");

struct ShardState {
    std::uint64_t revision = 0;
    bool media_up = false;
    b2bua::MediaFeatures media_features;
    std::size_t calls = 0, transactions = 0;
    std::vector<stack::TargetView> targets;
};

ShardState state_of(const stack::Stack& stack) {
    const auto alive = stack.alive();
    return {stack.config_revision(), stack.media_up(), stack.media_features(), alive.calls,
            alive.transactions,      stack.targets()};
}

// Every shard probes every target: one that a single shard cannot reach is not well.
void add_targets(const std::vector<ShardState>& shards, operations_pb::SignalingStatus& status) {
    std::map<std::tuple<std::string, std::string, std::string>, stack::TargetView> merged;
    for (const auto& shard : shards) {
        for (const auto& target : shard.targets) {
            const auto [found, fresh] = merged.try_emplace({target.carrier, target.trunk, target.target}, target);
            if (!fresh && found->second.up && !target.up) found->second = target;
        }
    }
    for (const auto& [key, target] : merged) {
        auto& added = *status.add_carrier_targets();
        added.set_carrier(target.carrier);
        added.set_trunk(target.trunk);
        added.set_target(target.target);
        added.set_up(target.up);
        added.set_detail(target.detail);
        for (const auto& address : target.addresses) {
            auto& place = *added.add_addresses();
            place.set_address(address.text);
            place.set_up(address.up);
            place.set_detail(address.detail);
        }
    }
}

}  // namespace

grpc::Status StateService::GetSignalingStatus(grpc::ServerContext*, const operations_pb::GetStatusRequest*,
                                              operations_pb::SignalingStatus* status) {
    const auto shards = ask_shards(sources_.shards, state_of);
    if (!shards) return shard_busy;
    status->set_node(sources_.node);
    status->set_version(sources_.version);
    status->set_uptime_seconds(std::chrono::duration<double>(sources_.clock.now() - started_).count());
    status->set_control_up(sources_.control_up());
    status->set_registrations(sources_.locations.size());
    status->set_lockouts(sources_.lockouts.locked(sources_.clock.now()).size());
    status->set_media_up(true);
    status->set_revision(shards->front().revision);
    for (const auto& shard : *shards) {
        status->set_revision(std::min(status->revision(), shard.revision));  // what all of them work with
        status->set_media_up(status->media_up() && shard.media_up);
        status->set_calls(status->calls() + shard.calls);
        status->set_transactions(status->transactions() + shard.transactions);
    }
    if (status->media_up() && !shards->front().media_features.fax)
        status->add_media_lacks("the media plane is of a version without T.38: fax by it is refused");
    add_targets(*shards, *status);
    fill(*status->mutable_drain());
    if (sources_.shared != nullptr) to_proto(sources_.shared->trunk_states.counts(), *status->mutable_trunk_states());
    for (std::uint32_t i = 0; i < sources_.shards.size(); ++i)
        status->set_overload_level(
            std::max(status->overload_level(),
                     static_cast<double>(sources_.shards.at(i).stack().statistics().overload_permille.read()) / 1'000));
    if (const auto snapshot = sources_.snapshot())
        for (const auto& [id, trunk] : snapshot->trunks)
            if (trunk.single_aor_compatibility) status->add_compatibility_trunks(id);
    for (std::size_t realm_index = 0; realm_index < sources_.realms.size(); ++realm_index) {
        const auto& realm = sources_.realms[realm_index];
        for (const auto& listener : realm.listeners) {
            auto& added = *status->add_listeners();
            added.set_realm(realm.name);
            added.set_transport(std::string(to_string(listener.transport)));
            added.set_endpoint(listener.bind.to_string());
            added.set_advertised_host(listener.advertised_host);
            added.set_advertised_port(listener.advertised_port);
            added.set_trusted(realm.trusted);
            if (listener.transport == Transport::tls) to_proto(sources_.shards.tls().of(realm_index), added);
        }
    }
    return grpc::Status::OK;
}

grpc::Status StateService::ListRegistrations(grpc::ServerContext*,
                                             const operations_pb::ListRegistrationsRequest* request,
                                             operations_pb::ListRegistrationsResponse* response) {
    const auto page = parse_page(request->page_size(), request->page_token());
    if (!page) return bad_page;
    const TimePoint now = sources_.clock.now();
    const auto wanted = trunk_id(request->trunk());
    auto bindings = sources_.locations.all();
    std::erase_if(bindings, [&](const registrar::Binding& b) {
        return b.expires_at <= now || (b.flow_closed && !request->lost()) || (!wanted.empty() && b.trunk != wanted);
    });
    std::sort(bindings.begin(), bindings.end(), [](const auto& a, const auto& b) {
        return std::tie(a.trunk, a.registered_at, a.contact) < std::tie(b.trunk, b.registered_at, b.contact);
    });
    const auto snapshot = sources_.snapshot();
    for (std::size_t i = page->offset; i < bindings.size() && i < page->offset + page->size; ++i) {
        const config::Trunk* trunk = nullptr;
        if (snapshot)
            if (const auto found = snapshot->trunks.find(bindings[i].trunk); found != snapshot->trunks.end())
                trunk = &found->second;
        to_proto(bindings[i], trunk, now, *response->add_registrations());
    }
    response->set_next_page_token(page->next_token(bindings.size()));
    return grpc::Status::OK;
}

grpc::Status StateService::ListCalls(grpc::ServerContext*, const operations_pb::ListCallsRequest* request,
                                     operations_pb::ListCallsResponse* response) {
    const auto page = parse_page(request->page_size(), request->page_token());
    if (!page) return bad_page;
    const std::string wanted(trunk_id(request->trunk()));
    if (page->offset + page->size > deepest_call) return too_deep;
    const std::size_t limit = page->offset + page->size + 1;  // one more shows whether there is a next page
    const auto question = [live_only = request->live_only(), limit, wanted](const stack::Stack& stack) {
        return stack.calls(live_only, limit, wanted);
    };
    auto shards = ask_shards(sources_.shards, question);
    if (!shards) return shard_busy;
    std::vector<stack::CallView> calls;
    for (auto& of_shard : *shards) std::move(of_shard.begin(), of_shard.end(), std::back_inserter(calls));
    std::stable_sort(calls.begin(), calls.end(), [](const auto& a, const auto& b) { return a.started > b.started; });
    for (std::size_t i = page->offset; i < calls.size() && i < page->offset + page->size; ++i)
        to_proto(calls[i], *response->add_calls());
    response->set_next_page_token(page->next_token(calls.size()));
    return grpc::Status::OK;
}

grpc::Status StateService::GetCall(grpc::ServerContext*, const operations_pb::GetCallRequest* request,
                                   operations_pb::Call* call) {
    const auto question = [id = request->id()](const stack::Stack& stack) { return stack.call(id); };
    const auto shards = ask_shards(sources_.shards, question);
    if (!shards) return shard_busy;
    for (const auto& found : *shards) {
        if (!found) continue;
        to_proto(*found, *call);
        if (found->record) call->set_record_json(sources_.record_json(*found->record));
        return grpc::Status::OK;
    }
    return {grpc::StatusCode::NOT_FOUND,
            "no call of that id, Call-ID or Session-ID among the live and the recent ones"};
}

grpc::Status StateService::ListTrunkStates(grpc::ServerContext*, const operations_pb::ListTrunkStatesRequest* request,
                                           operations_pb::ListTrunkStatesResponse* response) {
    const auto page = parse_page(request->page_size(), request->page_token());
    if (!page) return bad_page;
    if (sources_.shared == nullptr) return grpc::Status::OK;
    const TimePoint now = sources_.clock.now();
    const auto wanted = trunk_id(request->trunk());
    auto states = sources_.shared->trunk_states.all();
    if (!wanted.empty()) std::erase_if(states, [&](const auto& entry) { return entry.first != wanted; });
    const auto snapshot = sources_.snapshot();
    std::size_t at = 0;
    for (const auto& [trunk, entry] : states) {
        if (at++ < page->offset || at > page->offset + page->size) continue;
        auto& state = *response->add_trunks();
        to_proto(trunk, entry, now, state);
        if (snapshot) fill_limits(*snapshot, !wanted.empty(), state);
    }
    response->set_next_page_token(page->next_token(states.size()));
    return grpc::Status::OK;
}

// `numbers`: those that have calls too; there may be very many of them.
void StateService::fill_limits(const config::Snapshot& snapshot, bool numbers, operations_pb::TrunkState& state) const {
    const auto& gauges = sources_.shared->gauges;
    const auto use = gauges.use(policy::trunk_gauge(state.trunk()));
    state.set_calls(use.calls);
    state.set_media_kbps(use.kbps);
    const auto trunk = snapshot.trunks.find(state.trunk());
    if (trunk == snapshot.trunks.end()) return;
    to_proto(trunk->second, state);
    if (!numbers) return;
    for (const auto& [gauge, counted] : gauges.uses(policy::number_gauge(state.trunk(), {})))
        to_proto(trunk->second, gauge, counted, *state.add_numbers());
}

grpc::Status StateService::ListCustomerStates(grpc::ServerContext*,
                                              const operations_pb::ListCustomerStatesRequest* request,
                                              operations_pb::ListCustomerStatesResponse* response) {
    const auto page = parse_page(request->page_size(), request->page_token());
    if (!page) return bad_page;
    const auto snapshot = sources_.snapshot();
    if (sources_.shared == nullptr || !snapshot) return grpc::Status::OK;
    const auto wanted = id_in(request->customer(), "customers/");
    std::map<std::string_view, std::uint32_t> trunks;
    for (const auto& [id, trunk] : snapshot->trunks) ++trunks[trunk.customer];
    std::size_t at = 0;
    for (const auto& [id, customer] : snapshot->customers) {
        if (!wanted.empty() && id != wanted) continue;
        if (at++ < page->offset || at > page->offset + page->size) continue;
        to_proto(customer, sources_.shared->gauges.use(policy::customer_gauge(id)), trunks[id],
                 *response->add_customers());
    }
    response->set_next_page_token(page->next_token(at));
    return grpc::Status::OK;
}

grpc::Status StateService::SetDrain(grpc::ServerContext*, const operations_pb::SetDrainRequest* request,
                                    operations_pb::DrainState* state) {
    if (sources_.drain) sources_.drain(request->on());
    // The shards are asked after they were told, so that the answer is about a node that does what was asked.
    if (!ask_shards(sources_.shards, state_of)) return shard_busy;
    fill(*state);
    return grpc::Status::OK;
}

void StateService::fill(operations_pb::DrainState& state) const {
    if (sources_.drained) {
        const auto [on, since] = sources_.drained();
        state.set_on(on);
        state.set_since_seconds(std::chrono::duration<double>(sources_.clock.now() - since).count());
    }
    std::uint64_t calls = 0, transactions = 0, refused = 0;
    for (std::uint32_t i = 0; i < sources_.shards.size(); ++i) {
        const auto& statistics = sources_.shards.at(i).stack().statistics();
        calls += statistics.calls.read();
        transactions += statistics.transactions.read();
        refused += statistics.refused_draining.read();
    }
    state.set_calls(calls);
    state.set_transactions(transactions);
    state.set_refused(refused);
}

}  // namespace sallyport::rpc
