// apply, get, list, delete: what is provisioned. Each prints and returns, or throws Failure.
#pragma once

#include <string>

#include "control/cli/connection.h"

namespace sallyport::cli {

struct ApplyOptions {
    std::string file;  // "-": standard input
    bool dry_run = false, prune = false;
};
void apply(const Connection& connection, const ApplyOptions& options, bool json);

enum class ResourceKind { trunk, carrier, route };
ResourceKind kind_named(const std::string& word);  // "trunk" or "trunks", ...; throws Failure{wrong_usage}

void get(const Connection& connection, ResourceKind kind, const std::string& name, bool json);
void list(const Connection& connection, ResourceKind kind, bool json);
void remove(const Connection& connection, ResourceKind kind, const std::string& name, bool json);

}  // namespace sallyport::cli
