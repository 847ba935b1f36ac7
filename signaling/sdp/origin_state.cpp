// The o= line of one leg over the life of its dialog, RFC 3264 8: the version goes up by one exactly when something
// else in the description has changed. The first description keeps the version it was created with.
#include "control/base/check.h"
#include "signaling/sdp/media_rewrite.h"

namespace sallyport::sdp {

std::string OriginState::stamp(SessionDescription description) {
    SALLYPORT_CHECK(description.connection.has_value());
    description.origin = {};
    description.origin.address = description.connection->host;
    description.origin.family = description.connection->family;
    std::string unstamped = write(description);
    if (!last_.empty() && unstamped != last_) ++version_;
    last_ = std::move(unstamped);
    description.origin.session_id = std::to_string(session_id_);
    description.origin.version = std::to_string(version_);
    return write(description);
}

}  // namespace sallyport::sdp
