// Resources that break no rule, to be bent by tests.
#pragma once

#include <string>

#include "control/config/change.h"

namespace sallyport::config {

inline Trunk sample_trunk(std::string id = "acme-hq", std::string first = "+4930123400",
                          std::string last = "+4930123499") {
    Trunk trunk;
    trunk.id = id;
    trunk.realm = "access";
    trunk.registration_aor = "sip:" + id + "@sip.example.com";
    trunk.credentials = {{id, "", std::string(32, 'a'), std::string(64, 'b')}};
    trunk.numbers = {{std::move(first), std::move(last)}};
    return trunk;
}
inline Trunk sample_static_trunk(std::string id = "beta", std::string source = "198.51.100.0/28") {
    Trunk trunk;
    trunk.id = std::move(id);
    trunk.mode = TrunkMode::static_;
    trunk.realm = "access";
    trunk.domain = "sip.example.com";
    trunk.targets = {{"198.51.100.1", 5061, Transport::tls, 0, 0}};
    trunk.sources = {*AddressBlock::parse(source)};
    return trunk;
}
inline Carrier sample_carrier(std::string id = "core") {
    Carrier carrier;
    carrier.id = std::move(id);
    carrier.realm = "core";
    carrier.targets = {{"192.0.2.9", 5060, Transport::udp, 0, 0}};
    return carrier;
}
inline Route sample_route(std::string id = "default", std::string prefix = "") {
    return {std::move(id), std::move(prefix), {"core"}, false, 0};
}
inline Snapshot snapshot_of(std::vector<ChangeItem> items) {
    auto outcome = apply(Snapshot{}, Change{std::move(items), false});
    if (!outcome) throw std::runtime_error(outcome.error().front().field + ": " + outcome.error().front().text);
    return std::move(outcome->snapshot);
}

}  // namespace sallyport::config
