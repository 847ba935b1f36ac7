// sallyport.operations.v1: what an operator looks at. Asks the planes and the call records at the moment of the
// question; a daemon that is away is said to be away, and the rest is still answered.
#pragma once

#include <algorithm>
#include <atomic>
#include <chrono>
#include <string>
#include <vector>

#include "control/api/audit_trail.h"
#include "control/api/authorization.h"
#include "control/api/call_history.h"
#include "control/api/config_feed_service.h"
#include "control/api/config_state.h"
#include "control/api/plane_clients.h"
#include "sallyport/operations/v1/operations.grpc.pb.h"

namespace sallyport::api {

namespace ov1 = sallyport::operations::v1;
namespace mv1 = sallyport::media::v1;

class OperationsService final : public ov1::Operations::Service {
public:
    OperationsService(std::string node, ConfigState& state, const ConfigFeedService& feed, PlaneClients& planes,
                      const CallHistory& history, const Authorization& authorization, AuditTrail& audit)
        : node_(std::move(node)),
          state_(state),
          feed_(feed),
          planes_(planes),
          history_(history),
          authorization_(authorization),
          audit_(audit),
          started_(std::chrono::steady_clock::now()) {}

    grpc::Status GetStatus(grpc::ServerContext*, const ov1::GetStatusRequest*, ov1::Status*) override;
    grpc::Status ListRegistrations(grpc::ServerContext*, const ov1::ListRegistrationsRequest*,
                                   ov1::ListRegistrationsResponse*) override;
    grpc::Status ListCalls(grpc::ServerContext*, const ov1::ListCallsRequest*, ov1::ListCallsResponse*) override;
    grpc::Status GetCall(grpc::ServerContext*, const ov1::GetCallRequest*, ov1::Call*) override;
    grpc::Status ListLockouts(grpc::ServerContext*, const ov1::ListLockoutsRequest*,
                              ov1::ListLockoutsResponse*) override;
    grpc::Status ReleaseLockouts(grpc::ServerContext*, const ov1::ReleaseLockoutsRequest*,
                                 ov1::ReleaseLockoutsResponse*) override;
    grpc::Status ListMediaSessions(grpc::ServerContext*, const mv1::ListSessionsRequest*,
                                   mv1::ListSessionsResponse*) override;
    grpc::Status TopMediaSessions(grpc::ServerContext*, const mv1::TopSessionsRequest*,
                                  mv1::TopSessionsResponse*) override;
    grpc::Status SetMediaDrain(grpc::ServerContext*, const mv1::SetDrainRequest*, mv1::DrainState*) override;
    grpc::Status CaptureMedia(grpc::ServerContext*, const ov1::CaptureMediaRequest*,
                              grpc::ServerWriter<mv1::CaptureMessage>*) override;
    grpc::Status FetchRecords(grpc::ServerContext*, const ov1::FetchRecordsRequest*,
                              ov1::FetchRecordsResponse*) override;
    grpc::Status AcknowledgeRecords(grpc::ServerContext*, const ov1::AcknowledgeRecordsRequest*,
                                    ov1::AcknowledgeRecordsResponse*) override;
    grpc::Status ListTrunkStates(grpc::ServerContext*, const ov1::ListTrunkStatesRequest*,
                                 ov1::ListTrunkStatesResponse*) override;
    grpc::Status ListCustomerStates(grpc::ServerContext*, const ov1::ListCustomerStatesRequest*,
                                    ov1::ListCustomerStatesResponse*) override;
    grpc::Status Explain(grpc::ServerContext*, const ov1::ExplainRequest*, ov1::ExplainResponse*) override;
    grpc::Status SetDrain(grpc::ServerContext*, const ov1::SetDrainRequest*, ov1::DrainState*) override;

private:
    static constexpr std::string_view service = "sallyport.operations.v1.Operations";

    template <class F>
    grpc::Status handle(const grpc::ServerContext& context, std::string_view method, Permission permission, F&& body) {
        auto [caller, status] = authorization_.check(context, permission);
        if (status.ok()) status = body(caller);
        audit_.count(service, method, status.error_code());
        return status;
    }
    // media_operations.cpp
    std::vector<std::string> media_names(const std::string& call);
    grpc::Status capture(grpc::ServerContext& context, const ov1::CaptureMediaRequest& request,
                         const std::string& session, const std::string& asker,
                         grpc::ServerWriter<mv1::CaptureMessage>& writer);

    void add_daemons(ov1::Status& status) const;
    void add_warnings(const config::Snapshot& snapshot, ov1::Status& status) const;
    // Live calls of one page; the token of the next page in the response, empty when there are no more.
    void add_live_calls(const ov1::ListCallsRequest& request, const std::string& token, int size,
                        ov1::ListCallsResponse& response);

    std::string node_;
    ConfigState& state_;
    const ConfigFeedService& feed_;
    PlaneClients& planes_;
    const CallHistory& history_;
    const Authorization& authorization_;
    AuditTrail& audit_;
    std::chrono::steady_clock::time_point started_;
    std::atomic<int> captures_{0};  // under way
};

}  // namespace sallyport::api
