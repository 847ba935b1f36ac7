// Apply and Update: the API's change to the model's, masks merged, differences and violations back with the API's
// field paths.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "control/config/change.h"
#include "control/wire/config_convert.h"
#include "google/protobuf/field_mask.pb.h"
#include "sallyport/provisioning/v1/violations.pb.h"

namespace sallyport::wire {

struct FieldViolation {
    std::string field, text;
    friend bool operator==(const FieldViolation&, const FieldViolation&) = default;
};
using FieldViolations = std::vector<FieldViolation>;

struct ConvertedChange {
    config::Change change;
    std::vector<std::string> prefixes;  // of each item's fields: "changes[3].put_trunk"
    FieldViolations violations;
    std::vector<std::vector<std::size_t>> generate;  // of each item: credentials that a password is to be drawn for
};
ConvertedChange from_proto(const pb::ApplyRequest& request);

// The model's violations behind the conversion's, in the words of the API; of a field that could not be converted only
// the conversion's.
FieldViolations merge(FieldViolations converted, const config::Violations& violations,
                      const std::vector<std::string>& prefixes);

// `stored` with the masked fields of `update`; the violations name paths that are none.
template <class Message>
struct Merged {
    Message message;
    FieldViolations violations;
};
Merged<pb::Trunk> merge(const pb::Trunk& stored, const pb::Trunk& update, const google::protobuf::FieldMask& mask);
Merged<pb::Carrier> merge(const pb::Carrier& stored, const pb::Carrier& update,
                          const google::protobuf::FieldMask& mask);
Merged<pb::Route> merge(const pb::Route& stored, const pb::Route& update, const google::protobuf::FieldMask& mask);
Merged<pb::Customer> merge(const pb::Customer& stored, const pb::Customer& update,
                           const google::protobuf::FieldMask& mask);

pb::Difference to_proto(const config::Difference& difference);

// Error details travel in a trailer, and a gRPC client takes 8 KiB of those unless it is told otherwise.
inline constexpr std::size_t default_detail_bytes = 5'000;

// The error details of INVALID_ARGUMENT: google.rpc.Status around one google.rpc.BadRequest. `code` is gRPC's number.
// What does not fit is counted in a last violation.
google::rpc::Status bad_request(int code, std::string_view message, const FieldViolations& violations,
                                std::size_t max_bytes = default_detail_bytes);

}  // namespace sallyport::wire
