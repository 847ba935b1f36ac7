#include "control/api/audit_trail.h"

#include "control/observe/log.h"

namespace sallyport::api {

std::string_view code_name(grpc::StatusCode code) {
    switch (code) {
        case grpc::OK: return "OK";
        case grpc::CANCELLED: return "CANCELLED";
        case grpc::INVALID_ARGUMENT: return "INVALID_ARGUMENT";
        case grpc::DEADLINE_EXCEEDED: return "DEADLINE_EXCEEDED";
        case grpc::NOT_FOUND: return "NOT_FOUND";
        case grpc::ALREADY_EXISTS: return "ALREADY_EXISTS";
        case grpc::PERMISSION_DENIED: return "PERMISSION_DENIED";
        case grpc::UNAUTHENTICATED: return "UNAUTHENTICATED";
        case grpc::RESOURCE_EXHAUSTED: return "RESOURCE_EXHAUSTED";
        case grpc::FAILED_PRECONDITION: return "FAILED_PRECONDITION";
        case grpc::ABORTED: return "ABORTED";
        case grpc::OUT_OF_RANGE: return "OUT_OF_RANGE";
        case grpc::UNIMPLEMENTED: return "UNIMPLEMENTED";
        case grpc::INTERNAL: return "INTERNAL";
        case grpc::UNAVAILABLE: return "UNAVAILABLE";
        case grpc::DATA_LOSS: return "DATA_LOSS";
        default: return "UNKNOWN";
    }
}

void AuditTrail::record(const Caller& caller, const Mutation& mutation, const grpc::Status& status) {
    observe::log_info("audit", {{"who", caller.name},
                                {"peer", caller.peer},
                                {"method", mutation.method},
                                {"resource", mutation.resource},
                                {"result", code_name(status.error_code())},
                                {"reason", status.ok() ? std::string() : status.error_message()},
                                {"revision", mutation.revision},
                                {"validate_only", mutation.validate_only},
                                {"request_id", mutation.request_id}});
}

void AuditTrail::count(std::string_view service, std::string_view method, grpc::StatusCode code) {
    const std::lock_guard lock(mutex_);
    ++handled_[{std::string(service), std::string(method), code}];
}

observe::Metric AuditTrail::handled() const {
    std::vector<observe::Sample> samples;
    const std::lock_guard lock(mutex_);
    for (const auto& [key, count] : handled_) {
        const auto& [service, method, code] = key;
        samples.push_back({{{"service", service}, {"method", method}, {"code", std::string(code_name(code))}},
                           static_cast<double>(count)});
    }
    return observe::counter("sallyport_grpc_server_handled_total",
                            "Calls answered, by service, method and status code.", std::move(samples));
}

}  // namespace sallyport::api
