// Refusals as gRPC statuses with google.rpc.BadRequest details. One sentence for people, fields for programs.
#pragma once

#include <grpcpp/grpcpp.h>

#include "control/api/config_state.h"
#include "control/wire/change_convert.h"

namespace sallyport::api {

// A client that takes larger trailers says so, e.g. the command line: metadata "sallyport-detail-bytes: 1000000".
inline constexpr const char* detail_bytes_key = "sallyport-detail-bytes";
std::size_t detail_bytes(const grpc::ServerContextBase& context);

grpc::Status invalid(const grpc::ServerContextBase& context, const wire::FieldViolations& violations,
                     grpc::StatusCode code = grpc::INVALID_ARGUMENT);
// Of one field.
grpc::Status invalid(const grpc::ServerContextBase& context, std::string field, std::string text);

grpc::Status to_status(const grpc::ServerContextBase& context, const Problem& problem,
                       const wire::FieldViolations& converted, const std::vector<std::string>& prefixes);

}  // namespace sallyport::api
