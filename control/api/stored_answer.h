// What a request with an id was answered, as the store keeps it: a retry after a crash is recognised by it.
// Knows no key and no bound.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace sallyport::api {

struct StoredAnswer {
    std::string id, fingerprint, reply;
    friend bool operator==(const StoredAnswer&, const StoredAnswer&) = default;
};

// The lengths of id and fingerprint first, so that any bytes may follow.
std::string pack(const StoredAnswer& answer);
std::optional<StoredAnswer> unpack(std::string_view value);

}  // namespace sallyport::api
