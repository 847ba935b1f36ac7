#include "control/api/status_convert.h"

#include <algorithm>
#include <charconv>

namespace sallyport::api {
namespace {

constexpr std::size_t largest_details = 4u << 20;

std::string sentence(const wire::FieldViolations& violations) {
    const auto& first = violations.front();
    auto text = first.field.empty() ? first.text : first.field + ": " + first.text;
    if (violations.size() > 1) text += " (and " + std::to_string(violations.size() - 1) + " more)";
    return text;
}

grpc::StatusCode code_of(Refusal refusal) {
    switch (refusal) {
        case Refusal::invalid: return grpc::INVALID_ARGUMENT;
        case Refusal::not_found: return grpc::NOT_FOUND;
        case Refusal::already_exists: return grpc::ALREADY_EXISTS;
        case Refusal::aborted: return grpc::ABORTED;
        case Refusal::failed_precondition: return grpc::FAILED_PRECONDITION;
        case Refusal::unavailable: return grpc::UNAVAILABLE;
    }
    return grpc::UNKNOWN;
}

}  // namespace

std::size_t detail_bytes(const grpc::ServerContextBase& context) {
    const auto& metadata = context.client_metadata();
    const auto found = metadata.find(detail_bytes_key);
    if (found == metadata.end()) return wire::default_detail_bytes;
    const auto& text = found->second;
    std::size_t bytes = wire::default_detail_bytes;
    std::from_chars(text.data(), text.data() + text.size(), bytes);
    return std::clamp(bytes, wire::default_detail_bytes, largest_details);
}

grpc::Status invalid(const grpc::ServerContextBase& context, const wire::FieldViolations& violations,
                     grpc::StatusCode code) {
    const auto text = sentence(violations);
    return {code, text, wire::bad_request(code, text, violations, detail_bytes(context)).SerializeAsString()};
}

grpc::Status invalid(const grpc::ServerContextBase& context, std::string field, std::string text) {
    return invalid(context, wire::FieldViolations{{std::move(field), std::move(text)}});
}

grpc::Status to_status(const grpc::ServerContextBase& context, const Problem& problem,
                       const wire::FieldViolations& converted, const std::vector<std::string>& prefixes) {
    const auto code = code_of(problem.refusal);
    const auto violations = wire::merge(converted, problem.violations, prefixes);
    const bool about_fields = problem.refusal == Refusal::invalid || problem.refusal == Refusal::failed_precondition;
    if (about_fields && !violations.empty()) return invalid(context, violations, code);
    return {code, problem.sentence};
}

}  // namespace sallyport::api
