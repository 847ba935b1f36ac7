// Provisioned resources as the store keeps them: the key they stand under and the bytes they become (their message of
// the API with hashes, so that the API's compatibility rules hold for stored data too).
#pragma once

#include <string>
#include <string_view>

#include "control/base/result.h"
#include "control/config/snapshot.h"

namespace sallyport::wire {

inline constexpr std::string_view config_prefix = "/sallyport/v1/config/";
inline constexpr std::string_view revision_key = "/sallyport/v1/config/revision";  // the snapshot's, decimal

std::string store_key(std::string_view resource);  // "trunks/acme-hq" -> "/sallyport/v1/config/trunks/acme-hq"

std::string encode(const config::Trunk& trunk);
std::string encode(const config::Carrier& carrier);
std::string encode(const config::Route& route);
std::string encode(const config::Customer& customer);

struct DecodeError {
    std::string sentence;
};
// Puts the entry where it belongs in the snapshot; the caller builds the indexes after the last one.
Result<void, DecodeError> decode_into(std::string_view key, const std::string& value, config::Snapshot& snapshot);

}  // namespace sallyport::wire
