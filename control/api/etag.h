// Whether a resource is still what whoever changes it has read (AIP-154).
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "control/api/config_state.h"
#include "control/api/resource_kind.h"

namespace sallyport::api {

Problem not_found(const std::string& name);
Problem changed_meanwhile(const std::string& name, const std::string& etag, std::uint64_t revision);

// No etag: it may be anything.
template <class Kind>
std::optional<Problem> check_etag(const config::Snapshot& base, const std::string& name, const std::string& etag) {
    if (etag.empty()) return std::nullopt;
    const auto* stored = find<Kind>(base, name);
    if (stored == nullptr) return not_found(name);
    if (wire::etag_of(stored->revision) != etag) return changed_meanwhile(name, etag, stored->revision);
    return std::nullopt;
}
// Of all that is put by it; the first that does not fit.
std::optional<Problem> check_etags(const config::Snapshot& base, const provisioning::v1::ApplyRequest& request);

}  // namespace sallyport::api
