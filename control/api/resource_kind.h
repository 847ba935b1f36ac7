// What trunks, carriers, routes and customers differ in, for code that is the same for all of them.
#pragma once

#include <string>
#include <string_view>

#include "control/config/snapshot.h"
#include "control/wire/config_convert.h"

namespace sallyport::api {

struct TrunkKind {
    using Message = provisioning::v1::Trunk;
    using Model = config::Trunk;
    static constexpr std::string_view collection = "trunks/", field = "trunk";
    static const auto& of(const config::Snapshot& snapshot) { return snapshot.trunks; }
    static Message to_proto(const Model& model) { return wire::to_proto(model, wire::Secrets::hidden); }
};
struct CarrierKind {
    using Message = provisioning::v1::Carrier;
    using Model = config::Carrier;
    static constexpr std::string_view collection = "carriers/", field = "carrier";
    static const auto& of(const config::Snapshot& snapshot) { return snapshot.carriers; }
    static Message to_proto(const Model& model) { return wire::to_proto(model); }
};
struct RouteKind {
    using Message = provisioning::v1::Route;
    using Model = config::Route;
    static constexpr std::string_view collection = "routes/", field = "route";
    static const auto& of(const config::Snapshot& snapshot) { return snapshot.routes; }
    static Message to_proto(const Model& model) { return wire::to_proto(model); }
};
struct CustomerKind {
    using Message = provisioning::v1::Customer;
    using Model = config::Customer;
    static constexpr std::string_view collection = "customers/", field = "customer";
    static const auto& of(const config::Snapshot& snapshot) { return snapshot.customers; }
    static Message to_proto(const Model& model) { return wire::to_proto(model); }
};

// "trunks/acme-hq" -> "acme-hq"; "" when it is of another kind.
template <class Kind>
std::string_view id_of(std::string_view name) {
    return name.starts_with(Kind::collection) ? name.substr(Kind::collection.size()) : std::string_view{};
}

template <class Kind>
const typename Kind::Model* find(const config::Snapshot& snapshot, std::string_view name) {
    const auto& resources = Kind::of(snapshot);
    const auto found = resources.find(id_of<Kind>(name));
    return found == resources.end() ? nullptr : &found->second;
}

}  // namespace sallyport::api
