// Lock-outs for operators: which there are, and their end before its time.
#include <algorithm>
#include <unordered_map>

#include "signaling/rpc/state_convert.h"
#include "signaling/rpc/state_service.h"

namespace sallyport::rpc {
namespace {

// Whose a locked-out name is: "user NAME" (in whatever digest realm) or "aor USER@HOST".
class Owners {
public:
    explicit Owners(config::SnapshotPtr snapshot) : snapshot_(std::move(snapshot)) {
        if (!snapshot_) return;
        for (const auto& [id, trunk] : snapshot_->trunks)
            for (const auto& credential : trunk.credentials) of_user_.emplace(credential.username, id);
    }
    std::string of(std::string_view name) const {
        constexpr std::string_view user = "user ", aor = "aor ";
        if (!snapshot_) return {};
        if (name.starts_with(user)) {
            const auto found = of_user_.find(name.substr(user.size()));
            return found == of_user_.end() ? std::string() : std::string(found->second);
        }
        const auto at = name.rfind('@');
        if (!name.starts_with(aor) || at == name.npos) return {};
        const auto* trunk = snapshot_->trunk_by_aor(name.substr(aor.size(), at - aor.size()), name.substr(at + 1));
        return trunk == nullptr ? std::string() : trunk->id;
    }

private:
    config::SnapshotPtr snapshot_;
    std::unordered_map<std::string_view, std::string_view> of_user_;
};

}  // namespace

grpc::Status StateService::ListLockouts(grpc::ServerContext*, const operations_pb::ListLockoutsRequest* request,
                                        operations_pb::ListLockoutsResponse* response) {
    const auto page = parse_page(request->page_size(), request->page_token());
    if (!page) return {grpc::StatusCode::INVALID_ARGUMENT, "page_token is not one that this method returned"};
    const TimePoint now = sources_.clock.now();
    const auto locked = sources_.lockouts.locked(now);
    const Owners owners(locked.empty() ? nullptr : sources_.snapshot());
    for (std::size_t i = page->offset; i < locked.size() && i < page->offset + page->size; ++i) {
        auto& out = *response->add_lockouts();
        out.set_source(locked[i].source.to_string() + (locked[i].source.family == Family::v6 ? "/64" : ""));
        out.set_name(locked[i].name);
        out.set_failures(locked[i].failures);
        const auto left = std::chrono::ceil<std::chrono::seconds>(locked[i].until - now).count();
        out.set_seconds_left(static_cast<std::uint32_t>(std::max<std::int64_t>(left, 0)));
        out.set_trunk(owners.of(locked[i].name));
    }
    response->set_next_page_token(page->next_token(locked.size()));
    return grpc::Status::OK;
}

grpc::Status StateService::ReleaseLockouts(grpc::ServerContext*, const operations_pb::ReleaseLockoutsRequest* request,
                                           operations_pb::ReleaseLockoutsResponse* response) {
    std::optional<IpAddress> source;
    if (!request->source().empty()) {
        const std::string& text = request->source();
        source = IpAddress::parse(text.substr(0, text.find('/')));
        if (!source)
            return {grpc::StatusCode::INVALID_ARGUMENT,
                    "source: \"" + text.substr(0, 80) + "\" is no address, e.g. \"192.0.2.10\""};
        source = registrar::Lockouts::source_of(*source);
    }
    const std::string trunk(trunk_id(request->trunk()));
    const Owners owners(trunk.empty() ? nullptr : sources_.snapshot());
    const auto matches = [&](const IpAddress& address, std::string_view name) {
        return (!source || *source == address) && (trunk.empty() || owners.of(name) == trunk);
    };
    const auto released = sources_.lockouts.release(matches, sources_.clock.now());
    response->set_released(static_cast<std::uint32_t>(released));
    return grpc::Status::OK;
}

}  // namespace sallyport::rpc
