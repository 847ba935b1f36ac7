#include "control/wire/snapshot_convert.h"

#include "control/wire/config_convert.h"

namespace sallyport::wire {
namespace {

template <class Messages, class Map>
std::string take_all(const Messages& messages, Map& into) {
    for (const auto& message : messages) {
        auto converted = from_proto(message);
        if (!converted.errors.empty())
            return message.name() + ": " + converted.errors.front().field + ": " + converted.errors.front().text;
        if (converted.value.id.empty()) return std::string("a resource has no name");
        auto id = converted.value.id;
        into.insert_or_assign(std::move(id), std::move(converted.value));
    }
    return {};
}

}  // namespace

sallyport::config::v1::Snapshot to_proto(const config::Snapshot& snapshot) {
    sallyport::config::v1::Snapshot message;
    message.set_revision(snapshot.revision);
    for (const auto& [id, trunk] : snapshot.trunks) *message.add_trunks() = to_proto(trunk, Secrets::included);
    for (const auto& [id, carrier] : snapshot.carriers) *message.add_carriers() = to_proto(carrier);
    for (const auto& [id, route] : snapshot.routes) *message.add_routes() = to_proto(route);
    for (const auto& [id, customer] : snapshot.customers) *message.add_customers() = to_proto(customer);
    return message;
}

Result<config::SnapshotPtr, SnapshotError> from_proto(const sallyport::config::v1::Snapshot& message) {
    auto snapshot = std::make_shared<config::Snapshot>();
    snapshot->revision = message.revision();
    for (auto error :
         {take_all(message.trunks(), snapshot->trunks), take_all(message.carriers(), snapshot->carriers),
          take_all(message.routes(), snapshot->routes), take_all(message.customers(), snapshot->customers)})
        if (!error.empty()) return SnapshotError{std::move(error)};
    snapshot->build_indexes();
    return config::SnapshotPtr(std::move(snapshot));
}

}  // namespace sallyport::wire
