#include "control/api/provisioning_service.h"

#include <algorithm>

#include "control/api/etag.h"
#include "control/api/given_secrets.h"
#include "control/api/resource_kind.h"
#include "control/api/status_convert.h"
#include "control/base/system_random.h"
#include "control/config/syntax.h"
#include "control/wire/secrets.h"

namespace sallyport::api {
namespace {

constexpr std::string_view service = "sallyport.provisioning.v1.Provisioning";
constexpr int default_page = 100, largest_page = 1'000;

constexpr std::size_t request_id_bytes = 128;

// FNV-1a: tells a repeated request from another one under the same request_id. Not a secret, not a signature; passwords
// and hashes are not in it, because it is stored.
template <class Request>
std::string fingerprint(std::string_view method, Request request) {
    wire::clear_secrets(request);
    std::uint64_t hash = 0xcbf29ce484222325u;
    for (const char c : std::string(method) + request.SerializeAsString())
        hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3u;
    return std::to_string(hash);
}

bool is_request_id(std::string_view id) {
    return id.size() <= request_id_bytes &&
           std::all_of(id.begin(), id.end(), [](char c) { return c > ' ' && c <= '~'; });
}

void add_prefixed(wire::FieldViolations& out, std::string_view prefix, config::FieldErrors errors) {
    for (auto& error : errors) out.push_back({std::string(prefix) + '.' + error.field, std::move(error.text)});
}

}  // namespace

grpc::Status ProvisioningService::mutate(const grpc::ServerContext& context, Attempt& attempt,
                                         google::protobuf::Message& response) {
    auto [caller, status] = authorization_.check(context, Permission::provision);
    if (status.ok()) status = carry_out(context, attempt, response);
    if (status.ok()) attempt.mutation.revision = attempt.revision();
    audit_.record(caller, attempt.mutation, status);
    audit_.count(service, attempt.mutation.method, status.error_code());
    return status;
}

grpc::Status ProvisioningService::carry_out(const grpc::ServerContext& context, Attempt& attempt,
                                            google::protobuf::Message& response) {
    // A request that could not be converted whole is still judged whole, so that all its faults come in one answer.
    const auto make = [&](const config::Snapshot& base) -> Result<config::Change, Problem> {
        auto change = attempt.make(base);
        if (!change || attempt.converted.empty()) return change;
        auto outcome = config::apply(base, *change);
        return Problem{Refusal::invalid, "", outcome ? config::Violations{} : outcome.error()};
    };
    if (!is_request_id(attempt.mutation.request_id)) {
        attempt.mutation.request_id.resize(std::min(attempt.mutation.request_id.size(), request_id_bytes));
        return invalid(context, "request_id",
                       "must be 1 to 128 printable characters of ASCII without spaces, e.g. a UUID; or leave it out");
    }
    const ConfigState::Request request{attempt.mutation.request_id, attempt.fingerprint, attempt.mutation.validate_only,
                                       attempt.same_secrets};
    const auto result = state_.change(request, make, attempt.reply);
    if (!result) return to_status(context, result.error(), attempt.converted, attempt.prefixes);
    if (!response.ParseFromString(*result)) return {grpc::INTERNAL, "the stored answer of this request cannot be read"};
    return grpc::Status::OK;
}

template <class Kind>
grpc::Status ProvisioningService::put(const grpc::ServerContext& context, Attempt& attempt,
                                      typename Kind::Message& response) {
    attempt.reply = [&](const config::Outcome& outcome) {
        return Kind::to_proto(*find<Kind>(outcome.snapshot, attempt.mutation.resource)).SerializeAsString();
    };
    attempt.revision = [&] { return wire::revision_of(response.etag()); };
    const auto status = mutate(context, attempt, response);
    if (status.ok() && !attempt.mutation.validate_only) tell(attempt.generated, response);
    return status;
}

template <class Kind, class Request>
grpc::Status ProvisioningService::create(const grpc::ServerContext& context, std::string_view method,
                                         const Request& request, const typename Kind::Message& message,
                                         typename Kind::Message& response) {
    auto converted = wire::from_proto(message);
    Attempt attempt;
    if (!request.id().empty() && !converted.value.id.empty() && request.id() != converted.value.id)
        converted.errors.push_back({"name", "differs from the id " + config::quoted(request.id())});
    if (!request.id().empty()) converted.value.id = request.id();
    const auto name = std::string(Kind::collection) + converted.value.id;
    add_prefixed(attempt.converted, Kind::field, std::move(converted.errors));
    attempt.prefixes = {std::string(Kind::field)};
    attempt.mutation = {method, name, request.request_id(), 0, request.validate_only()};
    attempt.fingerprint = fingerprint(method, request);
    attempt.same_secrets = [&](const config::Snapshot& present) { return same_as_stored(present, converted.value); };
    attempt.make = [&](const config::Snapshot& base) -> Result<config::Change, Problem> {
        if (find<Kind>(base, name) != nullptr)
            return Problem{Refusal::already_exists, config::quoted(name) + " exists already; update it instead", {}};
        attempt.generated = generate(converted.value, converted.generate, base);
        return config::Change{{converted.value}, false};
    };
    return put<Kind>(context, attempt, response);
}

template <class Kind, class Request>
grpc::Status ProvisioningService::update(const grpc::ServerContext& context, std::string_view method,
                                         const Request& request, const typename Kind::Message& message,
                                         typename Kind::Message& response) {
    Attempt attempt;
    attempt.prefixes = {std::string(Kind::field)};
    attempt.mutation = {method, message.name(), request.request_id(), 0, request.validate_only()};
    attempt.fingerprint = fingerprint(method, request);
    attempt.same_secrets = [&](const config::Snapshot& present) {
        const auto* stored = find<Kind>(present, message.name());
        if (stored == nullptr) return true;
        auto merged = wire::merge(Kind::to_proto(*stored), message, request.update_mask());
        return same_as_stored(present, wire::from_proto(merged.message).value);
    };
    attempt.make = [&](const config::Snapshot& base) -> Result<config::Change, Problem> {
        const auto* stored = find<Kind>(base, message.name());
        if (stored == nullptr) return not_found(message.name());
        if (auto problem = check_etag<Kind>(base, message.name(), message.etag())) return std::move(*problem);
        auto merged = wire::merge(Kind::to_proto(*stored), message, request.update_mask());
        auto converted = wire::from_proto(merged.message);
        attempt.converted = std::move(merged.violations);
        add_prefixed(attempt.converted, Kind::field, std::move(converted.errors));
        attempt.generated = generate(converted.value, converted.generate, base);
        return config::Change{{std::move(converted.value)}, false};
    };
    return put<Kind>(context, attempt, response);
}

template <class Kind>
grpc::Status ProvisioningService::remove(const grpc::ServerContext& context, std::string_view method,
                                         const pv1::DeleteRequest& request, pv1::DeleteResponse& response) {
    Attempt attempt;
    attempt.prefixes = {"name"};
    attempt.mutation = {method, request.name(), request.request_id(), 0, request.validate_only()};
    attempt.fingerprint = fingerprint(method, request);
    attempt.make = [&](const config::Snapshot& base) -> Result<config::Change, Problem> {
        if (find<Kind>(base, request.name()) == nullptr) return not_found(request.name());
        if (auto problem = check_etag<Kind>(base, request.name(), request.etag())) return std::move(*problem);
        config::Change change{{config::Deletion{request.name()}}, false};
        auto outcome =
            config::apply(base, change);  // what still needs it makes this the wrong moment, not a bad request
        if (!outcome) return Problem{Refusal::failed_precondition, "", outcome.error()};
        return change;
    };
    attempt.reply = [](const config::Outcome& outcome) {
        pv1::DeleteResponse reply;
        reply.set_revision(outcome.snapshot.revision);
        return reply.SerializeAsString();
    };
    attempt.revision = [&] { return response.revision(); };
    return mutate(context, attempt, response);
}

grpc::Status ProvisioningService::Apply(grpc::ServerContext* context, const pv1::ApplyRequest* request,
                                        pv1::ApplyResponse* response) {
    auto converted = wire::from_proto(*request);
    Attempt attempt;
    attempt.converted = std::move(converted.violations);
    attempt.prefixes = std::move(converted.prefixes);
    attempt.mutation = {"Apply",
                        std::to_string(request->changes_size()) + " changes" + (request->prune() ? ", prune" : ""),
                        request->request_id(), 0, request->validate_only()};
    attempt.fingerprint = fingerprint("Apply", *request);
    attempt.same_secrets = [&](const config::Snapshot& present) {
        return std::all_of(converted.change.items.begin(), converted.change.items.end(), [&](const auto& item) {
            return std::visit([&](const auto& given) { return same_as_stored(present, given); }, item);
        });
    };
    attempt.make = [&](const config::Snapshot& base) -> Result<config::Change, Problem> {
        if (auto problem = check_etags(base, *request)) return std::move(*problem);
        config::Change change = converted.change;
        attempt.generated.clear();
        for (std::size_t i = 0; i < change.items.size(); ++i) {
            const auto draw = [&](auto& given) { return generate(given, converted.generate[i], base); };
            for (auto& secret : std::visit(draw, change.items[i])) attempt.generated.push_back(std::move(secret));
        }
        return change;
    };
    attempt.reply = [](const config::Outcome& outcome) {
        pv1::ApplyResponse reply;
        reply.set_revision(outcome.snapshot.revision);
        for (const auto& difference : outcome.differences) *reply.add_differences() = wire::to_proto(difference);
        return reply.SerializeAsString();
    };
    attempt.revision = [&] { return response->revision(); };
    const auto status = mutate(*context, attempt, *response);
    if (status.ok() && !request->validate_only())
        for (const auto& secret : attempt.generated) *response->add_secrets() = secret;
    return status;
}

grpc::Status ProvisioningService::GenerateSecret(grpc::ServerContext* context,
                                                 const pv1::GenerateSecretRequest* request,
                                                 pv1::GenerateSecretResponse* response) {
    Attempt attempt;
    attempt.prefixes = {""};
    attempt.mutation = {"GenerateSecret", request->name(), "", 0, false};
    attempt.make = [&](const config::Snapshot& base) -> Result<config::Change, Problem> {
        const auto* stored = find<TrunkKind>(base, request->name());
        if (stored == nullptr) return not_found(request->name());
        config::Trunk trunk = *stored;
        std::string username = request->username(), realm = request->digest_realm();
        if (username.empty() && !trunk.credentials.empty()) {
            username = trunk.credentials.front().username;
            realm = trunk.credentials.front().digest_realm;
        }
        SystemRandom random;
        attempt.generated = {wire::renew_secret(trunk, username, realm, random)};
        return config::Change{{std::move(trunk)}, false};
    };
    attempt.reply = [](const config::Outcome& outcome) {
        pv1::GenerateSecretResponse reply;
        reply.set_revision(outcome.snapshot.revision);
        return reply.SerializeAsString();
    };
    attempt.revision = [&] { return response->revision(); };
    const auto status = mutate(*context, attempt, *response);
    if (status.ok()) *response->mutable_secret() = attempt.generated.front();
    return status;
}

template <class F>
grpc::Status ProvisioningService::read(const grpc::ServerContext& context, std::string_view method, F&& body) {
    auto status = authorization_.check(context, Permission::read).status;
    if (status.ok()) status = body(*state_.snapshot());
    audit_.count(service, method, status.error_code());
    return status;
}

template <class Kind>
grpc::Status ProvisioningService::get(const grpc::ServerContext& context, std::string_view method,
                                      const pv1::GetRequest& request, typename Kind::Message& response) {
    return read(context, method, [&](const config::Snapshot& snapshot) -> grpc::Status {
        const auto* stored = find<Kind>(snapshot, request.name());
        if (stored == nullptr) return {grpc::NOT_FOUND, config::quoted(request.name()) + " does not exist"};
        response = Kind::to_proto(*stored);
        return grpc::Status::OK;
    });
}

// The page token is the last id of the page before: it stays valid whatever is created or deleted meanwhile.
template <class Kind, class Response, class Add>
grpc::Status ProvisioningService::list(const grpc::ServerContext& context, std::string_view method,
                                       const pv1::ListRequest& request, Response& response, Add add) {
    return read(context, method, [&](const config::Snapshot& snapshot) -> grpc::Status {
        if (request.page_size() < 0)
            return invalid(context, "page_size", "must not be negative: 1 to 1000, or 0 for 100");
        if (!request.page_token().empty() && !config::is_id(request.page_token()))
            return invalid(context, "page_token", "is not one that this method returned");
        const int size = request.page_size() == 0 ? default_page : std::min(request.page_size(), largest_page);
        const auto& resources = Kind::of(snapshot);
        auto next = request.page_token().empty() ? resources.begin() : resources.upper_bound(request.page_token());
        int count = 0;
        std::string_view last;
        for (; next != resources.end() && count < size; ++next, ++count) {
            *add(response) = Kind::to_proto(next->second);
            last = next->first;
        }
        if (next != resources.end()) response.set_next_page_token(std::string(last));
        response.set_total_size(static_cast<int>(resources.size()));
        return grpc::Status::OK;
    });
}

grpc::Status ProvisioningService::CreateTrunk(grpc::ServerContext* context, const pv1::CreateTrunkRequest* request,
                                              pv1::Trunk* response) {
    return create<TrunkKind>(*context, "CreateTrunk", *request, request->trunk(), *response);
}
grpc::Status ProvisioningService::GetTrunk(grpc::ServerContext* context, const pv1::GetRequest* request,
                                           pv1::Trunk* response) {
    return get<TrunkKind>(*context, "GetTrunk", *request, *response);
}
grpc::Status ProvisioningService::ListTrunks(grpc::ServerContext* context, const pv1::ListRequest* request,
                                             pv1::ListTrunksResponse* response) {
    return list<TrunkKind>(*context, "ListTrunks", *request, *response, [](auto& r) { return r.add_trunks(); });
}
grpc::Status ProvisioningService::UpdateTrunk(grpc::ServerContext* context, const pv1::UpdateTrunkRequest* request,
                                              pv1::Trunk* response) {
    return update<TrunkKind>(*context, "UpdateTrunk", *request, request->trunk(), *response);
}
grpc::Status ProvisioningService::DeleteTrunk(grpc::ServerContext* context, const pv1::DeleteRequest* request,
                                              pv1::DeleteResponse* response) {
    return remove<TrunkKind>(*context, "DeleteTrunk", *request, *response);
}

grpc::Status ProvisioningService::CreateCarrier(grpc::ServerContext* context, const pv1::CreateCarrierRequest* request,
                                                pv1::Carrier* response) {
    return create<CarrierKind>(*context, "CreateCarrier", *request, request->carrier(), *response);
}
grpc::Status ProvisioningService::GetCarrier(grpc::ServerContext* context, const pv1::GetRequest* request,
                                             pv1::Carrier* response) {
    return get<CarrierKind>(*context, "GetCarrier", *request, *response);
}
grpc::Status ProvisioningService::ListCarriers(grpc::ServerContext* context, const pv1::ListRequest* request,
                                               pv1::ListCarriersResponse* response) {
    return list<CarrierKind>(*context, "ListCarriers", *request, *response, [](auto& r) { return r.add_carriers(); });
}
grpc::Status ProvisioningService::UpdateCarrier(grpc::ServerContext* context, const pv1::UpdateCarrierRequest* request,
                                                pv1::Carrier* response) {
    return update<CarrierKind>(*context, "UpdateCarrier", *request, request->carrier(), *response);
}
grpc::Status ProvisioningService::DeleteCarrier(grpc::ServerContext* context, const pv1::DeleteRequest* request,
                                                pv1::DeleteResponse* response) {
    return remove<CarrierKind>(*context, "DeleteCarrier", *request, *response);
}

grpc::Status ProvisioningService::CreateRoute(grpc::ServerContext* context, const pv1::CreateRouteRequest* request,
                                              pv1::Route* response) {
    return create<RouteKind>(*context, "CreateRoute", *request, request->route(), *response);
}
grpc::Status ProvisioningService::GetRoute(grpc::ServerContext* context, const pv1::GetRequest* request,
                                           pv1::Route* response) {
    return get<RouteKind>(*context, "GetRoute", *request, *response);
}
grpc::Status ProvisioningService::ListRoutes(grpc::ServerContext* context, const pv1::ListRequest* request,
                                             pv1::ListRoutesResponse* response) {
    return list<RouteKind>(*context, "ListRoutes", *request, *response, [](auto& r) { return r.add_routes(); });
}
grpc::Status ProvisioningService::UpdateRoute(grpc::ServerContext* context, const pv1::UpdateRouteRequest* request,
                                              pv1::Route* response) {
    return update<RouteKind>(*context, "UpdateRoute", *request, request->route(), *response);
}
grpc::Status ProvisioningService::DeleteRoute(grpc::ServerContext* context, const pv1::DeleteRequest* request,
                                              pv1::DeleteResponse* response) {
    return remove<RouteKind>(*context, "DeleteRoute", *request, *response);
}

grpc::Status ProvisioningService::CreateCustomer(grpc::ServerContext* context,
                                                 const pv1::CreateCustomerRequest* request, pv1::Customer* response) {
    return create<CustomerKind>(*context, "CreateCustomer", *request, request->customer(), *response);
}
grpc::Status ProvisioningService::GetCustomer(grpc::ServerContext* context, const pv1::GetRequest* request,
                                              pv1::Customer* response) {
    return get<CustomerKind>(*context, "GetCustomer", *request, *response);
}
grpc::Status ProvisioningService::ListCustomers(grpc::ServerContext* context, const pv1::ListRequest* request,
                                                pv1::ListCustomersResponse* response) {
    return list<CustomerKind>(*context, "ListCustomers", *request, *response,
                              [](auto& r) { return r.add_customers(); });
}
grpc::Status ProvisioningService::UpdateCustomer(grpc::ServerContext* context,
                                                 const pv1::UpdateCustomerRequest* request, pv1::Customer* response) {
    return update<CustomerKind>(*context, "UpdateCustomer", *request, request->customer(), *response);
}
grpc::Status ProvisioningService::DeleteCustomer(grpc::ServerContext* context, const pv1::DeleteRequest* request,
                                                 pv1::DeleteResponse* response) {
    return remove<CustomerKind>(*context, "DeleteCustomer", *request, *response);
}

}  // namespace sallyport::api
