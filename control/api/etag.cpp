#include "control/api/etag.h"

#include "control/config/syntax.h"

namespace sallyport::api {

Problem not_found(const std::string& name) {
    return {Refusal::not_found, config::quoted(name) + " does not exist", {}};
}

Problem changed_meanwhile(const std::string& name, const std::string& etag, std::uint64_t revision) {
    return {Refusal::aborted,
            config::quoted(name) + " was changed meanwhile: its etag is \"" + wire::etag_of(revision) + "\", not " +
                config::quoted(etag) + "; read it again",
            {}};
}

std::optional<Problem> check_etags(const config::Snapshot& base, const provisioning::v1::ApplyRequest& request) {
    for (const auto& change : request.changes()) {
        std::optional<Problem> problem;
        if (change.has_put_trunk())
            problem = check_etag<TrunkKind>(base, change.put_trunk().name(), change.put_trunk().etag());
        else if (change.has_put_carrier())
            problem = check_etag<CarrierKind>(base, change.put_carrier().name(), change.put_carrier().etag());
        else if (change.has_put_route())
            problem = check_etag<RouteKind>(base, change.put_route().name(), change.put_route().etag());
        else if (change.has_put_customer())
            problem = check_etag<CustomerKind>(base, change.put_customer().name(), change.put_customer().etag());
        if (problem) return problem;
    }
    return std::nullopt;
}

}  // namespace sallyport::api
