// Provisioned resources: the API's messages to the model and back. Checks what the model cannot hold (enum values,
// ranges, syntax of addresses) and copies; whether the result makes sense is control/config's question.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "control/config/model.h"
#include "control/config/validate.h"
#include "sallyport/provisioning/v1/provisioning.pb.h"

namespace sallyport::wire {

namespace pb = sallyport::provisioning::v1;

template <class T>
struct Converted {
    T value;                     // complete: what could not be converted has its default
    config::FieldErrors errors;  // field paths are relative to the resource
    // Of a trunk: credentials that a password is to be drawn for where none is stored (secrets.h).
    std::vector<std::size_t> generate = {};
};

// A password becomes both HA1 hashes here; the message keeps it until its owner forgets it, the model never has it.
Converted<config::Trunk> from_proto(const pb::Trunk& message);
Converted<config::Carrier> from_proto(const pb::Carrier& message);
Converted<config::Route> from_proto(const pb::Route& message);
Converted<config::Customer> from_proto(const pb::Customer& message);

enum class Secrets : bool {
    hidden,    // to an operator: which algorithms there are, no hash
    included,  // to the planes and the store
};
pb::Trunk to_proto(const config::Trunk& trunk, Secrets secrets);
pb::Carrier to_proto(const config::Carrier& carrier);
pb::Route to_proto(const config::Route& route);
pb::Customer to_proto(const config::Customer& customer);

// The etag of a resource and back; nothing: not one of ours.
std::string etag_of(std::uint64_t revision);
std::uint64_t revision_of(std::string_view etag);  // 0 for what was never one

}  // namespace sallyport::wire
