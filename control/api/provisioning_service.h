// sallyport.provisioning.v1: what an OSS provisions. Standard methods of resource-oriented APIs over ConfigState:
// etag, update mask, pages, validate_only, request_id. Decides no rule of the configuration itself.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "control/api/audit_trail.h"
#include "control/api/authorization.h"
#include "control/api/config_state.h"
#include "control/wire/change_convert.h"
#include "sallyport/provisioning/v1/provisioning.grpc.pb.h"

namespace sallyport::api {

namespace pv1 = sallyport::provisioning::v1;

class ProvisioningService final : public pv1::Provisioning::Service {
public:
    ProvisioningService(ConfigState& state, const Authorization& authorization, AuditTrail& audit)
        : state_(state), authorization_(authorization), audit_(audit) {}

    grpc::Status CreateTrunk(grpc::ServerContext*, const pv1::CreateTrunkRequest*, pv1::Trunk*) override;
    grpc::Status GetTrunk(grpc::ServerContext*, const pv1::GetRequest*, pv1::Trunk*) override;
    grpc::Status ListTrunks(grpc::ServerContext*, const pv1::ListRequest*, pv1::ListTrunksResponse*) override;
    grpc::Status UpdateTrunk(grpc::ServerContext*, const pv1::UpdateTrunkRequest*, pv1::Trunk*) override;
    grpc::Status DeleteTrunk(grpc::ServerContext*, const pv1::DeleteRequest*, pv1::DeleteResponse*) override;

    grpc::Status GenerateSecret(grpc::ServerContext*, const pv1::GenerateSecretRequest*,
                                pv1::GenerateSecretResponse*) override;

    grpc::Status CreateCarrier(grpc::ServerContext*, const pv1::CreateCarrierRequest*, pv1::Carrier*) override;
    grpc::Status GetCarrier(grpc::ServerContext*, const pv1::GetRequest*, pv1::Carrier*) override;
    grpc::Status ListCarriers(grpc::ServerContext*, const pv1::ListRequest*, pv1::ListCarriersResponse*) override;
    grpc::Status UpdateCarrier(grpc::ServerContext*, const pv1::UpdateCarrierRequest*, pv1::Carrier*) override;
    grpc::Status DeleteCarrier(grpc::ServerContext*, const pv1::DeleteRequest*, pv1::DeleteResponse*) override;

    grpc::Status CreateRoute(grpc::ServerContext*, const pv1::CreateRouteRequest*, pv1::Route*) override;
    grpc::Status GetRoute(grpc::ServerContext*, const pv1::GetRequest*, pv1::Route*) override;
    grpc::Status ListRoutes(grpc::ServerContext*, const pv1::ListRequest*, pv1::ListRoutesResponse*) override;
    grpc::Status UpdateRoute(grpc::ServerContext*, const pv1::UpdateRouteRequest*, pv1::Route*) override;
    grpc::Status DeleteRoute(grpc::ServerContext*, const pv1::DeleteRequest*, pv1::DeleteResponse*) override;

    grpc::Status CreateCustomer(grpc::ServerContext*, const pv1::CreateCustomerRequest*, pv1::Customer*) override;
    grpc::Status GetCustomer(grpc::ServerContext*, const pv1::GetRequest*, pv1::Customer*) override;
    grpc::Status ListCustomers(grpc::ServerContext*, const pv1::ListRequest*, pv1::ListCustomersResponse*) override;
    grpc::Status UpdateCustomer(grpc::ServerContext*, const pv1::UpdateCustomerRequest*, pv1::Customer*) override;
    grpc::Status DeleteCustomer(grpc::ServerContext*, const pv1::DeleteRequest*, pv1::DeleteResponse*) override;

    grpc::Status Apply(grpc::ServerContext*, const pv1::ApplyRequest*, pv1::ApplyResponse*) override;

private:
    // One attempt to change something: what the change is, how its fields are named, what is answered.
    struct Attempt {
        AuditTrail::Mutation mutation;
        std::string fingerprint;
        std::function<bool(const config::Snapshot&)> same_secrets;
        ConfigState::Make make;  // fills converted and prefixes, which outlive it
        ConfigState::Reply reply;
        wire::FieldViolations converted;
        std::vector<std::string> prefixes;
        std::function<std::uint64_t()> revision;  // of the answer, for the audit
        // Passwords that make() has drawn: told by an answer to this very attempt if it was carried out, stored
        // nowhere.
        std::vector<pv1::GeneratedSecret> generated;
    };
    grpc::Status mutate(const grpc::ServerContext& context, Attempt& attempt, google::protobuf::Message& response);
    grpc::Status carry_out(const grpc::ServerContext& context, Attempt& attempt, google::protobuf::Message& response);

    // How create and update end: answered with the resource as it is then.
    template <class Kind>
    grpc::Status put(const grpc::ServerContext& context, Attempt& attempt, typename Kind::Message& response);
    template <class Kind, class Request>
    grpc::Status create(const grpc::ServerContext& context, std::string_view method, const Request& request,
                        const typename Kind::Message& message, typename Kind::Message& response);
    template <class Kind, class Request>
    grpc::Status update(const grpc::ServerContext& context, std::string_view method, const Request& request,
                        const typename Kind::Message& message, typename Kind::Message& response);
    template <class Kind>
    grpc::Status remove(const grpc::ServerContext& context, std::string_view method, const pv1::DeleteRequest& request,
                        pv1::DeleteResponse& response);

    template <class F>
    grpc::Status read(const grpc::ServerContext& context, std::string_view method, F&& body);
    template <class Kind>
    grpc::Status get(const grpc::ServerContext& context, std::string_view method, const pv1::GetRequest& request,
                     typename Kind::Message& response);
    template <class Kind, class Response, class Add>
    grpc::Status list(const grpc::ServerContext& context, std::string_view method, const pv1::ListRequest& request,
                      Response& response, Add add);

    ConfigState& state_;
    const Authorization& authorization_;
    AuditTrail& audit_;
};

}  // namespace sallyport::api
