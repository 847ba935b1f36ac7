// Who changed what: one log line per mutating call, refused ones too, and the count of every handled call for
// /metrics. Names and results only, never content.
#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <tuple>

#include <grpcpp/grpcpp.h>

#include "control/api/authorization.h"
#include "control/observe/metric.h"

namespace sallyport::api {

std::string_view code_name(grpc::StatusCode code);  // "NOT_FOUND"

class AuditTrail {
public:
    struct Mutation {
        std::string_view method;  // "CreateTrunk"
        std::string resource;     // "trunks/acme-hq"; Apply: how many changes
        std::string request_id;
        std::uint64_t revision = 0;
        bool validate_only = false;
    };
    void record(const Caller& caller, const Mutation& mutation, const grpc::Status& status);
    void count(std::string_view service, std::string_view method, grpc::StatusCode code);

    observe::Metric handled() const;

private:
    using Key = std::tuple<std::string, std::string, grpc::StatusCode>;  // service, method, code: all ours, so bounded
    mutable std::mutex mutex_;
    std::map<Key, std::uint64_t> handled_;
};

}  // namespace sallyport::api
