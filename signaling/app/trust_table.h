// The trust of every trunk and carrier as the shell uses it, made anew from each snapshot; what has not changed is
// kept. Decides nothing: a trust that cannot be made lets nobody in.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "control/config/snapshot.h"
#include "signaling/io/tls_trust.h"

namespace sallyport::app {

class TrustTable {
public:
    explicit TrustTable(const RealmTable& realms) : realms_(realms) {}

    // `problems`: sentences about what could not be made.
    std::shared_ptr<const io::TlsTrusts> make(const config::SnapshotPtr& snapshot, std::vector<std::string>& problems);

private:
    using Made = std::map<std::string, io::TrustPtr, std::less<>>;  // by party: "trunks/acme-hq"
    io::TrustPtr trust_of(io::TrustOptions options, std::vector<std::string>& problems);

    const RealmTable& realms_;
    Made made_;  // of the last snapshot
};

}  // namespace sallyport::app
