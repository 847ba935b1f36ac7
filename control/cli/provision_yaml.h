// The declarative file of `sallyport apply`: YAML documents with kind Trunk, Carrier, Route or Customer become one
// request. Knows the fields from the API's own descriptors, and remembers where each stood, for faults that only the
// server can see.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "control/base/result.h"
#include "control/yaml/fields.h"
#include "sallyport/provisioning/v1/provisioning.pb.h"

namespace sallyport::cli {

namespace pv1 = sallyport::provisioning::v1;

struct Provision {
    pv1::ApplyRequest request;
    // Of each change: field path relative to its resource -> place; "" is the resource itself.
    std::vector<std::map<std::string, yaml::Place>> places;
};

// Every problem of the file, or all of it as a request.
Result<Provision, yaml::Problems> parse_provision(std::string_view text);

// Where a violation of the server belongs: "changes[2].put_trunk.numbers[0].first" is found in change 2 at the field or
// at the nearest thing around it. Nothing: it belongs to the request, not to a resource.
struct Located {
    yaml::Place place;
    std::string field;  // "trunks/acme-hq: numbers[0].first"
};
std::optional<Located> locate(const Provision& provision, std::string_view field);

// The same resource as text that parse_provision() takes: what `sallyport get` prints.
std::string to_yaml(const pv1::Trunk& trunk);
std::string to_yaml(const pv1::Carrier& carrier);
std::string to_yaml(const pv1::Route& route);
std::string to_yaml(const pv1::Customer& customer);

}  // namespace sallyport::cli
