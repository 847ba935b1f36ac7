// Between sallyport.media.v1 and the media plane's own values: checks every field, copies, knows nothing else.
#pragma once

#include <array>
#include <string>

#include "control/base/result.h"
#include "media-plane/core/commands.h"
#include "media-plane/core/plane.h"
#include "sallyport/media/v1/media.pb.h"

namespace sallyport::media::rpc {

namespace pb = ::sallyport::media::v1;

namespace limits {
inline constexpr std::size_t name_bytes = 128;   // client, session, media port
inline constexpr std::size_t label_bytes = 256;  // call, trunk
inline constexpr std::uint32_t lease_seconds = 3600;
inline constexpr std::uint32_t inactivity_seconds = 86'400;
inline constexpr std::uint32_t least_clock_rate = 1'000, clock_rate = 1'000'000;
inline constexpr std::size_t payload_types = 128;
inline constexpr std::size_t codec_bytes = 32;
}  // namespace limits

struct Refusal {  // text: "legs[1].remote.port: 70000 is not in 1..65535"
    Code code = Code::invalid;
    std::string text;
};
template <class T>
using Converted = Result<T, Refusal>;

struct HelloFields {
    std::string client;
    std::uint64_t epoch = 0;
    std::uint32_t lease_seconds = 0;                           // 0: the server's default
    bool takes_silence = false;                                // it understands what is said of silence
    bool takes_telephone_events = false, takes_codes = false;  // likewise; and wants to know which they were
    bool takes_sending = false;                                // likewise, of streams that are not sent
    bool takes_replies = false;                                // likewise, several replies in one message
    bool takes_key_terms = false;                              // likewise, of keys whose lifetime ends
};

// What this plane says in its Welcome that it has.
inline constexpr std::array features{
    pb::FEATURE_UDPTL,    pb::FEATURE_REPORTS,          pb::FEATURE_RESUME,    pb::FEATURE_SILENCE, pb::FEATURE_QUALITY,
    pb::FEATURE_CAPTURE,  pb::FEATURE_TELEPHONE_EVENTS, pb::FEATURE_EMERGENCY, pb::FEATURE_SENDING, pb::FEATURE_PACE,
    pb::FEATURE_TOGETHER, pb::FEATURE_EVENT_CLOCKS,     pb::FEATURE_KEY_TERMS};

Converted<HelloFields> from_proto(const pb::Hello& hello);
Converted<Allocate> from_proto(const std::string& client, const pb::Allocate& command);
Converted<Modify> from_proto(const std::string& client, const pb::Modify& command);
Converted<Release> from_proto(const std::string& client, const pb::Release& command);

// Zeros in place of the keys that a command brought: the message is read into again, and freed some day.
void wipe_keys(pb::ClientMessage& message);

pb::Reply to_proto(std::uint64_t sequence, const std::string& session, const Reply& reply);
pb::Event to_proto(const Event& event);
pb::SessionStatistics to_proto(const SessionStatistics& statistics);
pb::PortStatistics to_proto(const PortStatus& port);
pb::Code to_proto(Code code);
void fill_endpoint(pb::Endpoint* out, const Endpoint& endpoint);  // an empty one leaves it unset

// Pages of ListSessions go on behind the last key shown; the token is opaque to clients.
std::string page_token(const SessionKey& last);
Converted<SessionKey> from_page_token(const std::string& token);

}  // namespace sallyport::media::rpc
