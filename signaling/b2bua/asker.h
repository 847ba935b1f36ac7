// Which part of a shard has asked DNS: told by the token, which comes back with the answer. A call's token is its id,
// whose generation is never 0; the others have what is below that.
#pragma once

#include <cstdint>

#include "signaling/b2bua/media.h"

namespace sallyport::b2bua {

enum class Asker : std::uint8_t { probe, relay, subscription, parting, call };

inline constexpr std::uint64_t asker_numbers = 1u << 30;  // each counts to here, and then from 0 again

constexpr std::uint64_t dns_token(Asker asker, std::uint64_t number) {
    return static_cast<std::uint64_t>(asker) * asker_numbers + number % asker_numbers;
}
inline Asker asker_of(std::uint64_t token) {
    return CallId::from_number(token) ? Asker::call : static_cast<Asker>(token / asker_numbers);
}
constexpr std::uint64_t number_of(std::uint64_t token) { return token % asker_numbers; }

}  // namespace sallyport::b2bua
