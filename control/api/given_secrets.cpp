#include "control/api/given_secrets.h"

#include "control/base/system_random.h"
#include "control/wire/secrets.h"

namespace sallyport::api {

bool same_as_stored(const config::Snapshot& present, const config::Trunk& given) {
    const auto stored = present.trunks.find(given.id);
    return stored == present.trunks.end() || wire::same_secrets(given, stored->second);
}

std::vector<provisioning::v1::GeneratedSecret> generate(config::Trunk& trunk, const std::vector<std::size_t>& which,
                                                        const config::Snapshot& base) {
    const auto stored = base.trunks.find(trunk.id);
    SystemRandom random;
    return wire::generate_secrets(trunk, which, stored == base.trunks.end() ? nullptr : &stored->second, random);
}

void tell(const std::vector<provisioning::v1::GeneratedSecret>& secrets, provisioning::v1::Trunk& trunk) {
    for (const auto& secret : secrets)
        for (auto& credential : *trunk.mutable_credentials()) {
            const auto& realm = credential.digest_realm();
            if (credential.username() == secret.username() && (realm.empty() || realm == secret.digest_realm()))
                credential.set_password(secret.password());
        }
}

}  // namespace sallyport::api
