#include "signaling/b2bua/end.h"

#include "control/base/check.h"

namespace sallyport::b2bua {

std::string End::name() const {
    if (id.empty()) return {};
    switch (kind) {
        case policy::PartyKind::trunk: return "trunks/" + id;
        case policy::PartyKind::carrier: return "carriers/" + id;
        case policy::PartyKind::unknown: return {};
    }
    SALLYPORT_CHECK(false);
}

std::optional<End> End::parse(std::string_view name) {
    for (const auto kind : {policy::PartyKind::trunk, policy::PartyKind::carrier}) {
        const std::string_view collection = kind == policy::PartyKind::trunk ? "trunks/" : "carriers/";
        if (name.size() > collection.size() && name.starts_with(collection))
            return End{kind, std::string(name.substr(collection.size()))};
    }
    return std::nullopt;
}

}  // namespace sallyport::b2bua
