// What sallyport.media.v1 says of the legs of a session, as the media plane's own values: checks every field.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "media-plane/rpc/media_convert.h"

namespace sallyport::media::rpc {

Refusal invalid(const std::string& field, const std::string& why);
// Names end up in logs, lists and page tokens: printable, without spaces. Nothing: it is one.
std::optional<Refusal> check_name(const std::string& field, const std::string& value);

// No leg twice; the first one that is wrong is refused with its field.
Converted<std::vector<LegChange>> legs_from(const google::protobuf::RepeatedPtrField<pb::Leg>& legs);
Converted<std::vector<LocalEndpoint>> restore_from(const pb::Allocate& command);

}  // namespace sallyport::media::rpc
