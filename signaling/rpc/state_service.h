// SignalingState: what an operator may see of this process, and the two things he may change: whether it takes new
// work, and who is locked out. Shards are asked one after another's input, the location store and the counters are read
// as they are.
#pragma once

#include <functional>
#include <mutex>
#include <string>
#include <utility>

#include "control/config/snapshot.h"
#include "sallyport/operations/v1/operations.grpc.pb.h"
#include "signaling/io/clock.h"
#include "signaling/io/shards.h"
#include "signaling/registrar/location_store.h"
#include "signaling/registrar/lockouts.h"
#include "signaling/stack/shared.h"

namespace sallyport::rpc {

namespace operations_pb = sallyport::operations::v1;

struct StateSources {  // all of them outlive the service
    io::Shards& shards;
    const registrar::LocationStore& locations;
    registrar::Lockouts& lockouts;
    const io::Clock& clock;
    const RealmTable& realms;
    std::string node, version;
    std::function<config::SnapshotPtr()> snapshot;  // any thread; nullptr: none yet
    std::function<bool()> control_up;
    std::function<std::string(const b2bua::CallRecord&)> record_json;
    const stack::Shared* shared = nullptr;    // gauges, trunk states
    std::function<void(bool on)> drain = {};  // any thread
    // Since when it drains or takes work, and which.
    std::function<std::pair<bool, TimePoint>()> drained = {};
    std::size_t shard_calls = stack::StackConfig{}.max_calls;  // that one shard takes
    std::size_t shard_emergency_calls = stack::StackConfig{}.emergency_calls;
};

class StateService final : public operations_pb::SignalingState::Service {
public:
    explicit StateService(StateSources sources) : sources_(std::move(sources)), started_(sources_.clock.now()) {}

    grpc::Status GetSignalingStatus(grpc::ServerContext*, const operations_pb::GetStatusRequest*,
                                    operations_pb::SignalingStatus* status) override;
    grpc::Status ListRegistrations(grpc::ServerContext*, const operations_pb::ListRegistrationsRequest* request,
                                   operations_pb::ListRegistrationsResponse* response) override;
    grpc::Status ListCalls(grpc::ServerContext*, const operations_pb::ListCallsRequest* request,
                           operations_pb::ListCallsResponse* response) override;
    grpc::Status GetCall(grpc::ServerContext*, const operations_pb::GetCallRequest* request,
                         operations_pb::Call* call) override;
    grpc::Status ListLockouts(grpc::ServerContext*, const operations_pb::ListLockoutsRequest* request,
                              operations_pb::ListLockoutsResponse* response) override;
    grpc::Status ReleaseLockouts(grpc::ServerContext*, const operations_pb::ReleaseLockoutsRequest* request,
                                 operations_pb::ReleaseLockoutsResponse* response) override;

    grpc::Status ListTrunkStates(grpc::ServerContext*, const operations_pb::ListTrunkStatesRequest* request,
                                 operations_pb::ListTrunkStatesResponse* response) override;
    grpc::Status ListCustomerStates(grpc::ServerContext*, const operations_pb::ListCustomerStatesRequest* request,
                                    operations_pb::ListCustomerStatesResponse* response) override;
    grpc::Status Explain(grpc::ServerContext*, const operations_pb::ExplainRequest* request,
                         operations_pb::ExplainResponse* response) override;
    grpc::Status SetDrain(grpc::ServerContext*, const operations_pb::SetDrainRequest* request,
                          operations_pb::DrainState* state) override;

private:
    void fill_limits(const config::Snapshot& snapshot, bool numbers, operations_pb::TrunkState& state) const;
    void fill(operations_pb::DrainState& state) const;

    StateSources sources_;
    TimePoint started_;
    std::mutex explaining_;  // one at a time
};

}  // namespace sallyport::rpc
