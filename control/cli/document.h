// The declarative file of `sallyport apply`: YAML documents of kind Trunk, Carrier or Route become one ApplyRequest.
// Field names are those of sallyport.provisioning.v1; every place is kept, so that the server's objections can be
// shown where they belong.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "control/cli/connection.h"
#include "control/yaml/fields.h"
#include "sallyport/provisioning/v1/provisioning.pb.h"

namespace sallyport::cli {

struct Document {
    sallyport::provisioning::v1::ApplyRequest request;
    std::map<std::string, yaml::Place, std::less<>> places;  // "changes[0].put_trunk.numbers[1].first" -> place
    yaml::Problems problems;                                 // not empty: do not send
};
Document read_document(std::string_view text);

// "FILE:12:3: trunks/acme: numbers[1].first: ..." for a field path of the API; its nearest known parent gives the
// place.
std::string located(const Document& document, const FieldProblem& problem, std::string_view file);

}  // namespace sallyport::cli
