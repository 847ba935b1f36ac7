// The core's media commands, replies and events to and from proto/sallyport/media/v1. Checks ranges and copies; knows
// no stream and keeps nothing.
#pragma once

#include <array>
#include <optional>
#include <string>

#include "control/base/result.h"
#include "sallyport/media/v1/media.pb.h"
#include "signaling/b2bua/media.h"

namespace sallyport::rpc {

namespace media_pb = sallyport::media::v1;

// Without its sequence number. The error is a sentence: the command is one that no media plane could carry out.
Result<media_pb::ClientMessage, std::string> to_proto(const b2bua::MediaCommand& command);

// Call and token are the client's to fill in. Parts out of range are left out: a peer's slip is no reason to lose the
// rest.
b2bua::MediaReply from_proto(const media_pb::Reply& reply);
// What signaling says in its Hello that it understands.
inline constexpr std::array understood_features{
    media_pb::FEATURE_UDPTL,     media_pb::FEATURE_REPORTS,      media_pb::FEATURE_RESUME,
    media_pb::FEATURE_SILENCE,   media_pb::FEATURE_QUALITY,      media_pb::FEATURE_TELEPHONE_EVENTS,
    media_pb::FEATURE_EMERGENCY, media_pb::FEATURE_SENDING,      media_pb::FEATURE_PACE,
    media_pb::FEATURE_TOGETHER,  media_pb::FEATURE_EVENT_CLOCKS, media_pb::FEATURE_KEY_TERMS};
bool names(const media_pb::Welcome& welcome, media_pb::Feature feature);
b2bua::MediaState from_proto(const media_pb::Welcome& welcome);
// What signaling uses and this plane does not have, and what becomes of it, in words; empty: nothing.
std::string features_missing(const media_pb::Welcome& welcome);
// Nothing: a kind of a later version, or one that names no leg.
std::optional<b2bua::MediaEvent> from_proto(const media_pb::Event& event);

}  // namespace sallyport::rpc
