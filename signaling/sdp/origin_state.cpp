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
    std::string text = write(description);
    if (last() != text) {
        if (last_) ++version_;
        last_ = std::make_shared<const std::string>(text);
    }
    constexpr std::string_view unsaid = "o=- 0 0 ";  // by an Origin that has not been touched
    return text.replace(text.find(unsaid), unsaid.size(),
                        "o=- " + std::to_string(session_id_) + " " + std::to_string(version_) + " ");
}

}  // namespace sallyport::sdp
